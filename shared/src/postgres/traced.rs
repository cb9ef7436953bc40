//! The spans of statements.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::session::Failure;
use super::statements as sql;
use crate::trace::{self, Span};

/// The statements by name, without those that only tools run.
const NAMES: [(&str, &str); 22] = [
    ("change_status", sql::CHANGE_STATUS),
    ("claim_notifications", sql::CLAIM_NOTIFICATIONS),
    ("claim_outbox", sql::CLAIM_OUTBOX),
    ("confirm_orders", sql::CONFIRM_ORDERS),
    ("forget_old_keys", sql::FORGET_OLD_KEYS),
    ("get_order", sql::GET_ORDER),
    ("get_product", sql::GET_PRODUCT),
    ("get_statuses", sql::GET_STATUSES),
    ("list_all_orders", sql::LIST_ALL_ORDERS),
    ("list_all_orders_in_status", sql::LIST_ALL_ORDERS_IN_STATUS),
    ("list_orders_by_email", sql::LIST_ORDERS_BY_EMAIL),
    ("list_orders_by_email_filtered", sql::LIST_ORDERS_BY_EMAIL_FILTERED),
    ("list_orders_by_number", sql::LIST_ORDERS_BY_NUMBER),
    ("list_own_orders", sql::LIST_OWN_ORDERS),
    ("list_own_orders_in_status", sql::LIST_OWN_ORDERS_IN_STATUS),
    ("list_products", sql::LIST_PRODUCTS),
    ("place_order", sql::PLACE_ORDER),
    ("place_order_from_buckets", sql::PLACE_ORDER_FROM_BUCKETS),
    ("put_product", sql::PUT_PRODUCT),
    ("refuse_orders", sql::REFUSE_ORDERS),
    ("settle_notification", sql::SETTLE_NOTIFICATION),
    ("settle_outbox", sql::SETTLE_OUTBOX),
];

/// Starts the span of an attempt to run a statement.
pub(super) fn attempt(statement: &'static str) -> Span {
    trace::statement(|| name(statement))
}

/// Ends the span of an attempt with its answer.
pub(super) fn end(span: &Span, answer: &Result<Vec<Row>, Failure>) {
    match answer {
        Ok(_) => {}
        Err(Failure::Silent(_)) => span.fail("no_answer"),
        Err(Failure::Said(_, error)) => {
            span.fail(error.code().map_or("connection_lost", SqlState::code));
        }
    }
    span.end();
}

fn name(statement: &str) -> &'static str {
    let known = NAMES.iter().find(|(_, text)| *text == statement);
    known.map_or("statement", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_the_name_of_its_file() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/queries"));
        let mut count = 0;
        for file in files.unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            // Only the program that reconciles runs these.
            if ["held_by_orders", "reconcile_orders", "reconcile_stock"].contains(&stem) {
                continue;
            }
            assert_eq!(name(&text), stem);
            count += 1;
        }
        assert!(count > 10, "the statements are not found");
        assert_eq!(name("SELECT 1"), "statement");
    }
}
