//! Postgres, the source of truth. Each statement is one round trip.

mod connection;
mod connection_string;
mod connector;
mod error;
#[cfg(feature = "migrations")]
pub mod migrations;
mod notifications;
mod order_lists;
mod orders;
mod outbox;
mod products;
pub mod reconcile;
mod session;
mod statements;

pub use connection::Database;
pub use statements::{
    CHANGE_STATUS, CLAIM_NOTIFICATIONS, CLAIM_OUTBOX, CONFIRM_ORDERS, FORGET_OLD_KEYS, GET_ORDER,
    GET_PRODUCT, GET_STATUSES, LIST_ALL_ORDERS, LIST_ALL_ORDERS_IN_STATUS, LIST_ORDERS,
    LIST_ORDERS_BY_EMAIL, LIST_ORDERS_BY_EMAIL_AND, LIST_OWN_ORDERS, LIST_OWN_ORDERS_IN_STATUS,
    LIST_PRODUCTS, PLACE_ORDER, PUT_PRODUCT, REFUSE_ORDERS, SETTLE_NOTIFICATION, SETTLE_OUTBOX,
};
