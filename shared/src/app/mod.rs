//! The use cases, and the traits that they need adapters to implement.

mod change_status;
mod context;
mod create_order;
mod delivery;
mod flights;
mod fulfill_orders;
mod fulfillment;
mod fulfillment_job;
mod get_order;
mod get_product;
mod list_orders;
mod list_products;
mod notification;
mod notify_customer;
mod offer_orders;
mod order_event;
mod page_cache;
mod product_cache;
mod put_product;
mod relay_outbox;
mod warehouse;

pub use change_status::{Change, ChangeOrders, cancel_order, update_order_status};
pub use context::Context;
pub use create_order::{
    Claim, Created, FoundLine, FoundProduct, PlaceOrders, Placement, SendJobs, create_order,
    send_job,
};
pub use delivery::{Delivery, Queued};
pub use flights::Flights;
pub use fulfill_orders::fulfill_orders;
pub use fulfillment::ConfirmOrders;
pub use fulfillment_job::{FulfillmentJob, InvalidJob};
pub use get_order::{ReadOrder, get_order};
pub use get_product::{ReadProduct, get_product};
pub use list_orders::{ListOrders, list_orders};
pub use list_products::{ListProducts, list_products};
pub use notification::{
    Claimed, KeepNotifications, Mail, MailError, MailLine, MailOrder, Notification, Recipient,
    SendMail, Settlement, WriteMail,
};
pub use notify_customer::notify_customers;
pub use offer_orders::{Refusal, RefuseOrders};
pub use order_event::{InvalidEvent, OrderEvent};
pub use page_cache::PageCache;
pub use product_cache::{CacheProducts, Cached};
pub use put_product::{Precondition, Put, PutProduct, PutProducts, put_product};
pub use relay_outbox::{
    Backoff, Event, Jobs, KeepOutbox, MeasureQueue, Message, OutboxJob, Relayed, SendBatch,
    Settled, forget_old_keys, relay_events, relay_outbox,
};
pub use warehouse::{DeadLetters, NoWarehouse, Offer, Warehouse};

#[cfg(feature = "ses")]
pub(crate) use notify_customer::SENDING;
pub(crate) use page_cache::{MEMORY_CAPACITY, MEMORY_LIFETIME};

#[cfg(all(test, feature = "warehouse"))]
pub(crate) use offer_orders::OFFER_TIME;
