//! The statements of the service.

/// Places an order, or writes nothing.
pub const PLACE_ORDER: &str = include_str!("../../../sql/queries/place_order.sql");
/// Places an order that may have products whose stock is in buckets, or writes nothing.
pub const PLACE_ORDER_FROM_BUCKETS: &str =
    include_str!("../../../sql/queries/place_order_from_buckets.sql");
/// Gets an order, of one owner or of any.
pub const GET_ORDER: &str = include_str!("../../../sql/queries/get_order.sql");
/// Lists everyone's orders.
pub const LIST_ALL_ORDERS: &str = include_str!("../../../sql/queries/list_all_orders.sql");
/// Lists everyone's orders in one status.
pub const LIST_ALL_ORDERS_IN_STATUS: &str =
    include_str!("../../../sql/queries/list_all_orders_in_status.sql");
/// Lists the orders of an owner.
pub const LIST_OWN_ORDERS: &str = include_str!("../../../sql/queries/list_own_orders.sql");
/// Lists the orders of an owner in one status.
pub const LIST_OWN_ORDERS_IN_STATUS: &str =
    include_str!("../../../sql/queries/list_own_orders_in_status.sql");
/// Lists the orders of an address.
pub const LIST_ORDERS_BY_EMAIL: &str =
    include_str!("../../../sql/queries/list_orders_by_email.sql");
/// Lists the orders of an address, of one owner, in one status or both.
pub const LIST_ORDERS_BY_EMAIL_FILTERED: &str =
    include_str!("../../../sql/queries/list_orders_by_email_filtered.sql");
/// Lists the order with a number, of one owner or any.
pub const LIST_ORDERS_BY_NUMBER: &str =
    include_str!("../../../sql/queries/list_orders_by_number.sql");
/// All statements that list orders.
pub(super) const LIST_ORDERS: &[&str] = &[
    LIST_ALL_ORDERS,
    LIST_ALL_ORDERS_IN_STATUS,
    LIST_OWN_ORDERS,
    LIST_OWN_ORDERS_IN_STATUS,
    LIST_ORDERS_BY_EMAIL,
    LIST_ORDERS_BY_EMAIL_FILTERED,
    LIST_ORDERS_BY_NUMBER,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a statement with this name, up to the next one.
    fn part<'a>(sql: &'a str, name: &str) -> &'a str {
        let (_, part) = sql.split_once(&format!("\n{name} AS (\n")).unwrap();
        part.split_once("\n)").unwrap().0
    }

    #[test]
    fn both_statements_that_place_orders_have_the_same_parts_but_for_what_they_lock() {
        for name in [
            "wanted",
            "earlier",
            "owner_limits",
            "claim",
            "accepted",
            "placed",
            "items",
            "history",
            "outbox",
        ] {
            assert_eq!(part(PLACE_ORDER, name), part(PLACE_ORDER_FROM_BUCKETS, name), "{name}");
        }
        let parts = |sql: &str| sql.matches(" AS (\n").count();
        assert_eq!((parts(PLACE_ORDER), parts(PLACE_ORDER_FROM_BUCKETS)), (12, 17));
    }
}
