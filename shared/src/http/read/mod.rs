//! What a handler reads from a request.

mod body;
mod conditional;
mod cursor;
mod event;
mod fields;
mod json;
mod lists;
mod parameters;
mod request;
mod trail;

pub use body::{read_new_order, read_new_product, read_new_status};
pub use cursor::CursorKey;
pub use event::read_event;
pub use lists::{List, read_order_list, read_product_list};
pub use request::{Anyone, Incoming};

#[cfg(all(test, feature = "openapi"))]
pub(super) use body::read_no_fields;
pub(super) use conditional::Known;
pub(super) use event::without_url;
pub(super) use request::{bytes, path};
pub(super) use trail::Trail;
