//! A page of orders costs as much on a large table as on a small one.

use std::time::Duration;

use serde_json::Value;
use testkit::engine::left_out;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;
use waybill::postgres::{
    LIST_ALL_ORDERS, LIST_ALL_ORDERS_IN_STATUS, LIST_ORDERS_BY_EMAIL, LIST_ORDERS_BY_NUMBER,
    LIST_OWN_ORDERS, LIST_OWN_ORDERS_IN_STATUS,
};

use crate::support::{PLANS, TestDatabase};

/// A page of 20 reads one more.
const ROWS: i64 = 21;

/// The most blocks of 8 KiB that a page may touch: one for each row, and a few for the index. A table
/// of a thousand orders that was never analyzed may be read whole, which takes 32.
const MOST_BLOCKS: i64 = ROWS + 12;

/// Inserts `count` orders, one a second, over a thousand addresses; one in a hundred is cancelled,
/// the rest delivered. If `even`, a thousand owners have equal shares; otherwise one of two owners
/// has one order in a thousand, and the other the rest.
async fn fill(test: &TestDatabase, count: i32, even: bool) {
    let sql =
        "INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                            total_minor, item_count, created_at, updated_at)
        SELECT
            (lpad(to_hex(1767225600000 + n * 1000), 12, '0') || '7'
                || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
            'ORD-20260101-' || upper(lpad(to_hex(n), 8, '0')),
            'owner-' || CASE WHEN $2 OR mod(n, 1000) = 1 THEN mod(n, 1000) ELSE 0 END,
            CASE WHEN mod(n / 1000, 100) = 7 THEN 'cancelled' ELSE 'delivered' END,
            'Ada', 'Customer-' || mod(n * 104729, 1000) || '@example.com', 'EUR', 100, 1,
            to_timestamp(1767225600 + n), to_timestamp(1767225600 + n)
        FROM generate_series(1::bigint, $1::int) n";
    test.sql.execute(sql, &[&count, &even]).await.unwrap();
}

/// Explains a page of every kind, from the start and from deep in the list, with generic and custom
/// plans.
async fn assert_pages_are_cheap(test: &TestDatabase, table: &str) {
    let (top, bottom) = (Uuid::max(), Uuid::nil());
    let sql = "SELECT id FROM orders ORDER BY id OFFSET (SELECT count(*) / 4 FROM orders) LIMIT 1";
    let deep: Uuid = test.sql.query_one(sql, &[]).await.unwrap().get(0);
    for plans in ["force_generic_plan", "force_custom_plan"] {
        let sql = format!("SET plan_cache_mode = {plans}");
        test.sql.batch_execute(&sql).await.unwrap();
        for (what, statement, more) in [
            ("everybody's", LIST_ALL_ORDERS, ""),
            ("everybody's in a common status", LIST_ALL_ORDERS_IN_STATUS, ", 'delivered'"),
            ("everybody's in a rare status", LIST_ALL_ORDERS_IN_STATUS, ", 'cancelled'"),
            ("everybody's in no status", LIST_ALL_ORDERS_IN_STATUS, ", 'pending'"),
            ("an owner's", LIST_OWN_ORDERS, ", 'owner-1'"),
            ("an owner's, common status", LIST_OWN_ORDERS_IN_STATUS, ", 'owner-1', 'delivered'"),
            ("an owner's, rare status", LIST_OWN_ORDERS_IN_STATUS, ", 'owner-1', 'cancelled'"),
            ("an address's", LIST_ORDERS_BY_EMAIL, ", 'customer-1@example.com'"),
        ] {
            for (place, below) in [("first", top), ("deep", deep)] {
                let arguments = format!("'{below}', '{bottom}', null, null, {ROWS}{more}");
                let (rows, blocks) = cost(test, statement, &arguments).await;
                eprintln!("{table}, {plans}, {what}, {place}: {rows} rows, {blocks} blocks");
                assert!(rows <= ROWS && blocks <= MOST_BLOCKS, "{what}: {blocks} blocks");
            }
        }
    }
}

/// The rows that the statement finds, and the blocks that it touches.
async fn cost(test: &TestDatabase, statement: &str, arguments: &str) -> (i64, i64) {
    let sql = format!(
        "DEALLOCATE ALL; PREPARE page AS {statement};
         EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page ({arguments})"
    );
    let answer = test.sql.simple_query(&sql).await.unwrap();
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plan: Value = serde_json::from_str(row.unwrap()).unwrap();
    let number = |name: &str| {
        let value = &plan[0]["Plan"][name];
        value.as_f64().map(|value| value.round().to_string().parse::<i64>().unwrap()).unwrap()
    };
    (number("Actual Rows"), number("Shared Hit Blocks") + number("Shared Read Blocks"))
}

#[tokio::test]
async fn a_page_of_orders_costs_the_same_on_a_small_and_on_a_large_table() {
    if left_out(PLANS) {
        return;
    }
    for count in [1_000, 100_000] {
        let test = TestDatabase::new().await;
        fill(&test, count, true).await;
        assert_pages_are_cheap(&test, &format!("{count} orders, not analyzed yet")).await;
        test.sql.batch_execute("ANALYZE orders").await.unwrap();
        assert_pages_are_cheap(&test, &format!("{count} orders")).await;
    }
}

#[tokio::test]
async fn a_page_of_orders_costs_the_same_where_nearly_all_of_them_are_somebody_else_s() {
    if left_out(PLANS) {
        return;
    }
    let test = TestDatabase::new().await;
    fill(&test, 100_000, false).await;
    test.sql.batch_execute("ANALYZE orders").await.unwrap();
    assert_pages_are_cheap(&test, "100000 orders of two owners").await;
}

#[tokio::test]
async fn an_order_is_found_by_its_number_in_an_index() {
    if left_out(PLANS) {
        return;
    }
    let test = TestDatabase::new().await;
    fill(&test, 100_000, true).await;
    for plans in ["force_generic_plan", "force_custom_plan"] {
        test.sql.batch_execute(&format!("SET plan_cache_mode = {plans}")).await.unwrap();
        for (owner, expected) in [("null", 1), ("'owner-7'", 1), ("'owner-8'", 0)] {
            let arguments = format!("'ORD-20260101-00000007', {owner}");
            let (rows, blocks) = cost(&test, LIST_ORDERS_BY_NUMBER, &arguments).await;
            assert!(rows == expected && blocks <= 5, "{owner}: {rows} rows, {blocks} blocks");
        }
    }
}

#[tokio::test]
async fn a_limit_in_time_is_the_end_of_the_scan() {
    if left_out(PLANS) {
        return;
    }
    let test = TestDatabase::new().await;
    fill(&test, 100_000, true).await;
    test.sql.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    // The arguments of the adapter for a window of ten seconds in the middle of the table.
    let (from, to) = (1_767_225_600 + 50_000, 1_767_225_600 + 50_010);
    let id = |seconds: u128| Uuid::from_u128((seconds * 1000) << 80);
    let arguments = format!(
        "'{}', '{}', to_timestamp({from}), to_timestamp({to}), {ROWS}",
        id(to + 60),
        id(from - 60),
    );
    let (rows, blocks) = cost(&test, LIST_ALL_ORDERS, &arguments).await;
    eprintln!("a window of ten seconds: {rows} rows, {blocks} blocks");
    // The ids match 130 orders, some forty on a block.
    assert!(rows == 10 && blocks <= 12, "{rows} rows, {blocks} blocks");
}

/// The most blocks that the first read may touch behind 100,000 dead index entries: those of the
/// index and of the table.
const MOST_BLOCKS_OF_DEAD_ROWS: i64 = 4_000;

/// The most blocks after that: only those of the index, whose dead entries are then marked.
const MOST_BLOCKS_OF_DEAD_ENTRIES: i64 = 600;

/// All pending orders but the oldest were confirmed, and vacuum has not run.
#[tokio::test]
async fn dead_entries_cost_the_first_page_of_a_status_something_once_and_little_after_that() {
    if left_out(PLANS) {
        return;
    }
    let test = TestDatabase::new().await;
    let sql = "ALTER TABLE orders SET (autovacuum_enabled = false)";
    test.sql.batch_execute(sql).await.unwrap();
    fill(&test, 200_000, true).await;
    let newest =
        |from: i64| format!("id > (SELECT id FROM orders ORDER BY id OFFSET {from} LIMIT 1)");
    let sql = format!("UPDATE orders SET status = 'pending' WHERE {}", newest(99_900));
    test.sql.batch_execute(&sql).await.unwrap();
    test.sql.batch_execute("VACUUM ANALYZE orders").await.unwrap();
    let sql = format!("UPDATE orders SET status = 'confirmed' WHERE {}", newest(99_999));
    assert_eq!(test.sql.execute(&sql, &[]).await.unwrap(), 100_000);
    test.sql.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let page = async |below: Uuid| {
        let bottom = Uuid::nil();
        let arguments = format!("'{below}', '{bottom}', null, null, {ROWS}, 'pending'");
        let (rows, blocks) = cost(&test, LIST_ALL_ORDERS_IN_STATUS, &arguments).await;
        assert_eq!(rows, ROWS);
        blocks
    };
    let first = page(Uuid::max()).await;
    let mut again = first;
    // Entries that an open transaction may see are not marked, and other tests have some.
    for _ in 0..600 {
        again = page(Uuid::max()).await;
        if again <= MOST_BLOCKS_OF_DEAD_ENTRIES {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let sql = "SELECT id FROM orders WHERE status = 'pending' ORDER BY id DESC OFFSET 19 LIMIT 1";
    let second = page(test.sql.query_one(sql, &[]).await.unwrap().get(0)).await;
    eprintln!("past 100000 dead entries: {first} blocks, then {again}; the second page: {second}");
    assert!(first <= MOST_BLOCKS_OF_DEAD_ROWS, "{first}");
    assert!(again <= MOST_BLOCKS_OF_DEAD_ENTRIES, "{again}");
    assert!(second <= MOST_BLOCKS, "{second}");
}
