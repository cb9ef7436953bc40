//! The statements of the service.

/// Places an order whole, or writes nothing.
pub const PLACE_ORDER: &str = include_str!("../../../sql/queries/place_order.sql");
/// Reads one order, of one owner or of anybody.
pub const GET_ORDER: &str = include_str!("../../../sql/queries/get_order.sql");
/// Reads the newest orders of one owner.
pub const LIST_ORDERS: &str = include_str!("../../../sql/queries/list_orders.sql");
/// Reads the newest orders of everybody.
pub const LIST_ALL_ORDERS: &str = include_str!("../../../sql/queries/list_all_orders.sql");
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
/// Forgets old idempotency keys, and counts them.
pub const FORGET_OLD_KEYS: &str = "WITH forgotten AS (
    DELETE FROM idempotency_keys WHERE created_at <= now() - make_interval(secs => $1) RETURNING 1
) SELECT count(*) FROM forgotten";
/// Reads one product.
pub const GET_PRODUCT: &str = include_str!("../../../sql/queries/get_product.sql");
/// Creates or replaces a product, or writes nothing.
pub const PUT_PRODUCT: &str = include_str!("../../../sql/queries/put_product.sql");
/// Reads the products that can be ordered.
pub const LIST_PRODUCTS: &str = include_str!("../../../sql/queries/list_products.sql");
/// Adds everything up.
pub const RECONCILE: &str = include_str!("../../../sql/queries/reconcile.sql");
