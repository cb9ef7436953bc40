//! What each statement needs, and so what the role of a function is granted.

use std::collections::BTreeSet;

use super::functions::Function;
use super::statements as sql;

const SELECT: &str = "SELECT";
const INSERT: &str = "INSERT";
const UPDATE: &str = "UPDATE";
const DELETE: &str = "DELETE";

/// Tables, each with the privileges on it.
type Access = [(&'static str, &'static [&'static str])];

/// What the statements read and write. `FOR UPDATE` needs `UPDATE`; a foreign key needs nothing, since it
/// is checked as the owner of the table. `shared/tests/adapters/roles.rs` takes away one after the other.
const NEEDS: &[(&str, &Access)] = &[
    (
        sql::PLACE_ORDER,
        &[
            ("products", &[SELECT, UPDATE]),
            ("orders", &[SELECT, INSERT]),
            ("order_items", &[INSERT]),
            ("order_history", &[INSERT]),
            ("outbox", &[INSERT]),
            ("idempotency_keys", &[SELECT, INSERT, UPDATE]),
        ],
    ),
    (
        sql::PLACE_ORDER_FROM_BUCKETS,
        &[
            ("products", &[SELECT, UPDATE]),
            ("stock_buckets", &[SELECT, UPDATE]),
            ("orders", &[SELECT, INSERT]),
            ("order_items", &[INSERT]),
            ("order_history", &[INSERT]),
            ("outbox", &[INSERT]),
            ("idempotency_keys", &[SELECT, INSERT, UPDATE]),
        ],
    ),
    (
        sql::GET_ORDER,
        &[("orders", &[SELECT]), ("order_items", &[SELECT]), ("order_history", &[SELECT])],
    ),
    (sql::LIST_ALL_ORDERS, &[("orders", &[SELECT])]),
    (sql::LIST_ALL_ORDERS_IN_STATUS, &[("orders", &[SELECT])]),
    (sql::LIST_OWN_ORDERS, &[("orders", &[SELECT])]),
    (sql::LIST_OWN_ORDERS_IN_STATUS, &[("orders", &[SELECT])]),
    (sql::LIST_ORDERS_BY_EMAIL, &[("orders", &[SELECT])]),
    (sql::LIST_ORDERS_BY_EMAIL_FILTERED, &[("orders", &[SELECT])]),
    (sql::LIST_ORDERS_BY_NUMBER, &[("orders", &[SELECT])]),
    (
        sql::CONFIRM_ORDERS,
        &[
            ("orders", &[SELECT, UPDATE]),
            ("order_history", &[INSERT]),
            ("outbox", &[SELECT, INSERT, UPDATE, DELETE]),
        ],
    ),
    (sql::GET_STATUSES, &[("orders", &[SELECT])]),
    (
        sql::REFUSE_ORDERS,
        &[
            ("orders", &[SELECT, UPDATE]),
            ("order_history", &[SELECT, INSERT]),
            ("outbox", &[SELECT, UPDATE]),
        ],
    ),
    (
        sql::CHANGE_STATUS,
        &[
            ("orders", &[SELECT, UPDATE]),
            ("order_items", &[SELECT]),
            ("products", &[SELECT, UPDATE]),
            ("stock_buckets", &[SELECT, UPDATE]),
            ("order_history", &[SELECT, INSERT]),
            ("outbox", &[SELECT, INSERT, DELETE]),
        ],
    ),
    (sql::CLAIM_OUTBOX, &[("outbox", &[SELECT, UPDATE])]),
    (sql::SETTLE_OUTBOX, &[("outbox", &[SELECT, UPDATE, DELETE])]),
    (sql::FORGET_OLD_KEYS, &[("idempotency_keys", &[SELECT, UPDATE, DELETE])]),
    (
        sql::CLAIM_NOTIFICATIONS,
        &[
            ("orders", &[SELECT]),
            ("order_items", &[SELECT]),
            ("notifications", &[SELECT, INSERT, UPDATE]),
        ],
    ),
    (sql::SETTLE_NOTIFICATION, &[("notifications", &[SELECT, UPDATE])]),
    (sql::GET_PRODUCT, &[("products", &[SELECT]), ("stock_buckets", &[SELECT])]),
    (sql::LIST_PRODUCTS, &[("products", &[SELECT]), ("stock_buckets", &[SELECT])]),
    (
        sql::PUT_PRODUCT,
        &[
            ("products", &[SELECT, INSERT, UPDATE]),
            ("stock_buckets", &[SELECT, INSERT, UPDATE, DELETE]),
        ],
    ),
];

impl Function {
    /// What its statements need, as pairs of a table and a privilege.
    #[must_use]
    pub fn grants(&self) -> BTreeSet<(&'static str, &'static str)> {
        let needs = NEEDS.iter().filter(|(known, _)| self.all_statements().any(|it| it == *known));
        let pairs = needs.flat_map(|(_, tables)| tables.iter()).flat_map(|(table, privileges)| {
            privileges.iter().map(move |privilege| (*table, *privilege))
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::functions::{ALL, CREATE_ORDER, GET_PRODUCT, HEALTH};
    use super::*;

    #[test]
    fn every_statement_of_a_function_says_what_it_needs() {
        for function in ALL {
            for statement in function.all_statements() {
                let known = NEEDS.iter().filter(|(it, _)| *it == statement).count();
                assert_eq!(known, 1, "{}: {statement}", function.name);
            }
        }
    }

    #[test]
    fn a_function_is_granted_what_its_statements_need_together() {
        assert!(HEALTH.grants().is_empty());
        let read = BTreeSet::from([("products", SELECT), ("stock_buckets", SELECT)]);
        assert_eq!(GET_PRODUCT.grants(), read);
        let create = CREATE_ORDER.grants();
        assert!(
            create.contains(&("order_history", SELECT)) && create.contains(&("outbox", INSERT))
        );
        assert!(!create.contains(&("orders", UPDATE)) && !create.contains(&("products", INSERT)));
    }
}
