//! What each function does in the database: the statements that it prepares, which also decide what its
//! role may do.

use super::statements as sql;

/// A function that connects to the database.
#[derive(Debug)]
pub struct Function {
    /// Its name, such as `create-order`.
    pub name: &'static str,
    /// The statements that it usually runs, prepared when it connects.
    pub statements: &'static [&'static str],
    /// The others, prepared when they are first run.
    pub later: &'static [&'static str],
}

impl Function {
    /// All of its statements.
    pub fn all_statements(&self) -> impl Iterator<Item = &'static str> {
        self.statements.iter().chain(self.later).copied()
    }

    /// The name of its role in a database that has a role for each function.
    #[must_use]
    pub fn role(&self) -> String {
        format!("waybill_{}", self.name.replace('-', "_"))
    }

    /// The function of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|function| function.name == name).copied()
    }
}

/// Every function that connects, but migrate, which owns the schema.
pub const ALL: &[&Function] = &[
    &CREATE_ORDER,
    &GET_ORDER,
    &LIST_ORDERS,
    &CANCEL_ORDER,
    &UPDATE_ORDER_STATUS,
    &FULFILL_ORDER,
    &RELAY_OUTBOX,
    &NOTIFY_CUSTOMER,
    &GET_PRODUCT,
    &LIST_PRODUCTS,
    &PUT_PRODUCT,
    &HEALTH,
];

/// `POST /orders`.
pub const CREATE_ORDER: Function = Function {
    name: "create-order",
    statements: &[sql::PLACE_ORDER, sql::GET_ORDER],
    later: &[sql::PLACE_ORDER_FROM_BUCKETS],
};

/// `GET /orders/{id}`.
pub const GET_ORDER: Function =
    Function { name: "get-order", statements: &[sql::GET_ORDER], later: &[] };

/// `GET /orders`.
pub const LIST_ORDERS: Function =
    Function { name: "list-orders", statements: sql::LIST_ORDERS, later: &[] };

/// `PATCH /orders/{id}/cancel`.
pub const CANCEL_ORDER: Function =
    Function { name: "cancel-order", statements: &[sql::CHANGE_STATUS], later: &[] };

/// `PATCH /orders/{id}/status`.
pub const UPDATE_ORDER_STATUS: Function =
    Function { name: "update-order-status", statements: &[sql::CHANGE_STATUS], later: &[] };

/// The fulfillment queue's consumer, with or without a warehouse.
pub const FULFILL_ORDER: Function = Function {
    name: "fulfill-order",
    statements: &[
        sql::CONFIRM_ORDERS,
        sql::CLAIM_OUTBOX,
        sql::SETTLE_OUTBOX,
        sql::GET_STATUSES,
        sql::REFUSE_ORDERS,
    ],
    later: &[],
};

/// The statements of fulfill-order without a warehouse.
pub const FULFILL_ORDER_ALONE: &[&str] =
    &[sql::CONFIRM_ORDERS, sql::CLAIM_OUTBOX, sql::SETTLE_OUTBOX];

/// The relay.
pub const RELAY_OUTBOX: Function = Function {
    name: "relay-outbox",
    statements: &[sql::CLAIM_OUTBOX, sql::SETTLE_OUTBOX, sql::FORGET_OLD_KEYS],
    later: &[],
};

/// The notification queue's consumer.
pub const NOTIFY_CUSTOMER: Function = Function {
    name: "notify-customer",
    statements: &[sql::CLAIM_NOTIFICATIONS, sql::SETTLE_NOTIFICATION],
    later: &[],
};

/// `GET /products/{id}`.
pub const GET_PRODUCT: Function =
    Function { name: "get-product", statements: &[sql::GET_PRODUCT], later: &[] };

/// `GET /products`.
pub const LIST_PRODUCTS: Function =
    Function { name: "list-products", statements: &[sql::LIST_PRODUCTS], later: &[] };

/// `PUT /products/{id}`.
pub const PUT_PRODUCT: Function =
    Function { name: "put-product", statements: &[sql::PUT_PRODUCT], later: &[] };

/// `GET /health`, which asks for no table.
pub const HEALTH: Function = Function { name: "health", statements: &[], later: &[] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_own_name_and_role() {
        for function in ALL {
            let found = Function::named(function.name).unwrap();
            assert_eq!(found.role(), function.role());
            let role = function.role();
            assert!(role.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{role}");
        }
        assert!(Function::named("migrate").is_none() && Function::named("describe-api").is_none());
    }

    #[test]
    fn fulfill_order_alone_runs_some_of_its_statements() {
        for statement in FULFILL_ORDER_ALONE {
            assert!(FULFILL_ORDER.statements.contains(statement));
        }
    }
}
