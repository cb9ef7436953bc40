//! The handlers of the functions, included from their files, and a way to call them.

use serde_json::Value;
use waybill::app::{Flights, PageCache};
use waybill::config::{Config, CursorSecret};
use waybill::http::{
    Callers, CursorKey, Response, Route, answer, answer_anyone, read_event, routes,
};

use crate::shop::Shop;

#[path = "../../../functions/cancel-order/src/handler.rs"]
mod cancel_order;
#[path = "../../../functions/create-order/src/handler.rs"]
mod create_order;
#[path = "../../../functions/fulfill-order/src/handler.rs"]
#[expect(dead_code, reason = "there is no database to prepare statements for")]
pub(crate) mod fulfill_order;
#[path = "../../../functions/get-order/src/handler.rs"]
mod get_order;
#[path = "../../../functions/get-product/src/handler.rs"]
mod get_product;
#[path = "../../../functions/health/src/handler.rs"]
mod health;
#[path = "../../../functions/list-orders/src/handler.rs"]
mod list_orders;
#[path = "../../../functions/list-products/src/handler.rs"]
mod list_products;
#[path = "../../../functions/notify-customer/src/handler.rs"]
pub(crate) mod notify_customer;
#[path = "../../../functions/put-product/src/handler.rs"]
mod put_product;
#[path = "../../../functions/update-order-status/src/handler.rs"]
mod update_order_status;

/// An HTTP function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    CancelOrder,
    CreateOrder,
    GetOrder,
    GetProduct,
    Health,
    ListOrders,
    ListProducts,
    PutProduct,
    UpdateOrderStatus,
}

impl Function {
    pub(crate) const ALL: [Self; 9] = [
        Self::CancelOrder,
        Self::CreateOrder,
        Self::GetOrder,
        Self::GetProduct,
        Self::Health,
        Self::ListOrders,
        Self::ListProducts,
        Self::PutProduct,
        Self::UpdateOrderStatus,
    ];

    /// The route of the function.
    pub(crate) fn route(self) -> Route {
        match self {
            Self::CancelOrder => routes::CANCEL_ORDER,
            Self::CreateOrder => routes::CREATE_ORDER,
            Self::GetOrder => routes::GET_ORDER,
            Self::GetProduct => routes::GET_PRODUCT,
            Self::Health => routes::HEALTH,
            Self::ListOrders => routes::LIST_ORDERS,
            Self::ListProducts => routes::LIST_PRODUCTS,
            Self::PutProduct => routes::PUT_PRODUCT,
            Self::UpdateOrderStatus => routes::UPDATE_ORDER_STATUS,
        }
    }

    /// The response of the function to a gateway event.
    pub(crate) async fn answer(self, shop: &Shop, event: &Value) -> Response {
        // From text, as it arrives.
        let request = read_event(serde_json::from_str(&event.to_string()).unwrap());
        let (route, cursors, callers) = (self.route(), key(), Callers::default());
        match self {
            Self::CancelOrder => {
                answer(request, &callers, &route, |request| {
                    cancel_order::cancel_order(request, shop)
                })
                .await
            }
            Self::CreateOrder => {
                answer(request, &callers, &route, |request| {
                    create_order::create_order(request, shop, shop)
                })
                .await
            }
            Self::GetOrder => {
                answer(request, &callers, &route, |request| get_order::get_order(request, shop))
                    .await
            }
            Self::GetProduct => {
                let flights = Flights::default();
                answer(request, &callers, &route, |request| {
                    get_product::get_product(request, &flights, shop, shop)
                })
                .await
            }
            Self::Health => {
                let (config, deep) = (Config::from_env(), health::Deep::default());
                // The largest handler: it connects to all dependencies.
                let health = |request| Box::pin(health::health(request, &config, &deep));
                answer_anyone(request, &route, health).await
            }
            Self::ListOrders => {
                answer(request, &callers, &route, |request| {
                    list_orders::list_orders(request, &cursors, shop)
                })
                .await
            }
            Self::ListProducts => {
                let pages = PageCache::default();
                answer(request, &callers, &route, |request| {
                    list_products::list_products(request, &cursors, &pages, shop)
                })
                .await
            }
            Self::PutProduct => {
                answer(request, &callers, &route, |request| {
                    put_product::put_product(request, shop, shop)
                })
                .await
            }
            Self::UpdateOrderStatus => {
                answer(request, &callers, &route, |request| {
                    update_order_status::update_order_status(request, shop)
                })
                .await
            }
        }
    }
}

fn key() -> CursorKey {
    CursorKey::new(&CursorSecret::new("k".repeat(32)).unwrap()).unwrap()
}
