//! The statements of the service.

/// Places an order, or writes nothing.
pub const PLACE_ORDER: &str = include_str!("../../../sql/queries/place_order.sql");
/// Gets an order, of one owner or of any.
pub const GET_ORDER: &str = include_str!("../../../sql/queries/get_order.sql");

/// `list_orders.sql` for the orders with a certain key: the columns before the id in an index.
///
/// The key is compared and sorted together with the id, though it is the same in every row, so that
/// the planner uses that index. With `status = $6 … ORDER BY id` it would scan the primary key, and
/// read the whole table for a rare status.
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

/// Lists everyone's orders.
pub const LIST_ALL_ORDERS: &str = concat!(
    include_str!("../../../sql/queries/list_orders.sql"),
    "    AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $5"
);
/// Lists everyone's orders with status $6.
pub const LIST_ALL_ORDERS_IN_STATUS: &str = list_orders!("status" is "$6");
/// Lists the orders of owner $6.
pub const LIST_OWN_ORDERS: &str = list_orders!("owner" is "$6");
/// Lists the orders of owner $6 with status $7.
pub const LIST_OWN_ORDERS_IN_STATUS: &str =
    list_orders!("owner || '/' || status" is "$6 || '/' || $7");
/// Lists the orders of address $6, in lower case.
pub const LIST_ORDERS_BY_EMAIL: &str = list_orders!("lower(customer_email COLLATE \"C\")" is "$6");
/// Lists the orders of address $6 with owner $7 and status $8, where not null. It reads only the
/// orders of that address.
pub const LIST_ORDERS_BY_EMAIL_AND: &str = list_orders!(
    "lower(customer_email COLLATE \"C\")" is "$6"
    "    AND ($7::text IS NULL OR owner = $7) AND ($8::text IS NULL OR status = $8)\n"
);
/// All statements that list orders.
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
/// Gets the statuses of the orders that exist.
pub const GET_STATUSES: &str =
    "SELECT id AS order_id, status AS was FROM orders WHERE id = ANY ($1)";
/// Records the refusal of a batch of orders.
pub const REFUSE_ORDERS: &str = include_str!("../../../sql/queries/refuse_orders.sql");
/// Changes the status of an order.
pub const CHANGE_STATUS: &str = include_str!("../../../sql/queries/change_status.sql");
/// Claims due messages of the outbox.
pub const CLAIM_OUTBOX: &str = include_str!("../../../sql/queries/claim_outbox.sql");
/// Settles claimed messages.
pub const SETTLE_OUTBOX: &str = include_str!("../../../sql/queries/settle_outbox.sql");
/// Deletes some expired idempotency keys, and returns how many.
pub const FORGET_OLD_KEYS: &str = include_str!("../../../sql/queries/forget_old_keys.sql");
/// Claims the notifications of a batch of events, and reads their orders.
pub const CLAIM_NOTIFICATIONS: &str = include_str!("../../../sql/queries/claim_notifications.sql");
/// Records the outcome of a notification.
pub const SETTLE_NOTIFICATION: &str = include_str!("../../../sql/queries/settle_notification.sql");
/// Gets a product.
pub const GET_PRODUCT: &str = include_str!("../../../sql/queries/get_product.sql");
/// Creates or replaces a product, or writes nothing.
pub const PUT_PRODUCT: &str = include_str!("../../../sql/queries/put_product.sql");
/// Lists the products for sale.
pub const LIST_PRODUCTS: &str = include_str!("../../../sql/queries/list_products.sql");
/// Finds the end of a range of orders.
pub(super) const RANGE_OF_ORDERS: &str =
    "SELECT id FROM orders WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1";
/// Checks the orders of a range.
pub(super) const RECONCILE_ORDERS: &str = include_str!("../../../sql/queries/reconcile_orders.sql");
/// Adds up what the orders of a range hold.
pub(super) const HELD_BY_ORDERS: &str = include_str!("../../../sql/queries/held_by_orders.sql");
/// Checks the stock of all products.
pub(super) const RECONCILE_STOCK: &str = include_str!("../../../sql/queries/reconcile_stock.sql");
