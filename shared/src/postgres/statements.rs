//! The statements of the service.

/// Places an order whole, or writes nothing.
pub const PLACE_ORDER: &str = include_str!("../../../sql/queries/place_order.sql");
/// Reads one order, of one owner or of anybody.
pub const GET_ORDER: &str = include_str!("../../../sql/queries/get_order.sql");

/// `list_orders.sql`, for the orders whose key is a certain one. A key is what an index begins with
/// that goes on with the id.
///
/// The key is compared and sorted by together with the id, though it is the same on every row of the
/// answer: that is how the planner is held to that index. Told `status = $6 … ORDER BY id`, it counts
/// on meeting that status often enough along the primary key, and reads the whole table for a rare one.
macro_rules! list_orders {
    ($key:literal is $value:literal $($and:literal)?) => {
        concat!(
            include_str!("../../../sql/queries/list_orders.sql"),
            "    AND (", $key, ", id) < (", $value, ", $1)\n",
            "    AND (", $key, ", id) >= (", $value, ", $2)\n",
            $($and,)?
            "ORDER BY ", $key, " DESC, id DESC LIMIT $5"
        )
    };
}

/// Reads a page of everybody's orders.
pub const LIST_ALL_ORDERS: &str = concat!(
    include_str!("../../../sql/queries/list_orders.sql"),
    "    AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $5"
);
/// Reads a page of everybody's orders in the status $6.
pub const LIST_ALL_ORDERS_IN_STATUS: &str = list_orders!("status" is "$6");
/// Reads a page of the orders of the owner $6.
pub const LIST_OWN_ORDERS: &str = list_orders!("owner" is "$6");
/// Reads a page of the orders of the owner $6 in the status $7.
pub const LIST_OWN_ORDERS_IN_STATUS: &str =
    list_orders!("owner || '/' || status" is "$6 || '/' || $7");
/// Reads a page of the orders of the address $6, in lower case.
pub const LIST_ORDERS_BY_EMAIL: &str = list_orders!("lower(customer_email COLLATE \"C\")" is "$6");
/// The same, of the owner $7, if that is not null, and in the status $8, likewise. It reads no more
/// than the orders of one address.
pub const LIST_ORDERS_BY_EMAIL_AND: &str = list_orders!(
    "lower(customer_email COLLATE \"C\")" is "$6"
    "    AND ($7::text IS NULL OR owner = $7) AND ($8::text IS NULL OR status = $8)\n"
);
/// Each way to read a page of orders.
pub const LIST_ORDERS: &[&str] = &[
    LIST_ALL_ORDERS,
    LIST_ALL_ORDERS_IN_STATUS,
    LIST_OWN_ORDERS,
    LIST_OWN_ORDERS_IN_STATUS,
    LIST_ORDERS_BY_EMAIL,
    LIST_ORDERS_BY_EMAIL_AND,
];

/// Confirms a batch of orders.
pub const CONFIRM_ORDERS: &str = include_str!("../../../sql/queries/confirm_orders.sql");
/// What orders are, of those that exist.
pub const GET_STATUSES: &str =
    "SELECT id AS order_id, status AS was FROM orders WHERE id = ANY ($1)";
/// Writes down that a batch of orders was refused.
pub const REFUSE_ORDERS: &str = include_str!("../../../sql/queries/refuse_orders.sql");
/// Takes an order from one status to another.
pub const CHANGE_STATUS: &str = include_str!("../../../sql/queries/change_status.sql");
/// Takes what is due out of the outbox.
pub const CLAIM_OUTBOX: &str = include_str!("../../../sql/queries/claim_outbox.sql");
/// Says what became of it.
pub const SETTLE_OUTBOX: &str = include_str!("../../../sql/queries/settle_outbox.sql");
/// Forgets some old idempotency keys, and counts them.
pub const FORGET_OLD_KEYS: &str = include_str!("../../../sql/queries/forget_old_keys.sql");
/// Reads one product.
pub const GET_PRODUCT: &str = include_str!("../../../sql/queries/get_product.sql");
/// Creates or replaces a product, or writes nothing.
pub const PUT_PRODUCT: &str = include_str!("../../../sql/queries/put_product.sql");
/// Reads a page of the products that can be ordered.
pub const LIST_PRODUCTS: &str = include_str!("../../../sql/queries/list_products.sql");
/// Finds where a range of orders ends.
pub(super) const RANGE_OF_ORDERS: &str =
    "SELECT id FROM orders WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1";
/// Checks the orders of a range, each by itself.
pub(super) const RECONCILE_ORDERS: &str = include_str!("../../../sql/queries/reconcile_orders.sql");
/// Adds up what the orders of a range hold.
pub(super) const HELD_BY_ORDERS: &str = include_str!("../../../sql/queries/held_by_orders.sql");
/// Checks the stock of all products.
pub(super) const RECONCILE_STOCK: &str = include_str!("../../../sql/queries/reconcile_stock.sql");
