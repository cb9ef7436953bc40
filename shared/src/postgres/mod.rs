//! Postgres, the source of truth. Each statement is one round trip.

mod bucketed;
mod change_status;
mod connection;
mod connection_string;
mod connector;
mod error;
mod fulfill_orders;
pub mod functions;
mod get_order;
mod grants;
mod iam;
mod lifetime;
mod list_orders;
mod login;
#[cfg(feature = "migrations")]
pub mod migrations;
mod notifications;
mod outbox;
mod place_order;
mod products;
pub mod reconcile;
#[cfg(feature = "migrations")]
pub mod roles;
mod rows;
mod session;
mod settings;
mod statements;
mod tls;
mod traced;

pub use connection::Database;
pub use statements::{
    CHANGE_STATUS, CLAIM_NOTIFICATIONS, CLAIM_OUTBOX, CONFIRM_ORDERS, FORGET_OLD_KEYS, GET_ORDER,
    GET_PRODUCT, GET_STATUSES, LIST_ALL_ORDERS, LIST_ALL_ORDERS_IN_STATUS, LIST_ORDERS_BY_EMAIL,
    LIST_ORDERS_BY_EMAIL_FILTERED, LIST_ORDERS_BY_NUMBER, LIST_OWN_ORDERS,
    LIST_OWN_ORDERS_IN_STATUS, LIST_PRODUCTS, PLACE_ORDER, PLACE_ORDER_FROM_BUCKETS, PUT_PRODUCT,
    REFUSE_ORDERS, SETTLE_NOTIFICATION, SETTLE_OUTBOX,
};
