//! The statements of the service.

/// Places an order whole, or writes nothing.
pub const PLACE_ORDER: &str = include_str!("../../../sql/queries/place_order.sql");
/// Reads one order of one owner.
pub const GET_ORDER: &str = include_str!("../../../sql/queries/get_order.sql");
/// Reads the newest orders of one owner.
pub const LIST_ORDERS: &str = include_str!("../../../sql/queries/list_orders.sql");
/// Confirms a batch of orders.
pub const CONFIRM_ORDERS: &str = include_str!("../../../sql/queries/confirm_orders.sql");
/// Reads one product.
pub const GET_PRODUCT: &str = include_str!("../../../sql/queries/get_product.sql");
/// Reads the products that can be ordered.
pub const LIST_PRODUCTS: &str = include_str!("../../../sql/queries/list_products.sql");
