//! The migrations, from an empty database.

use std::time::Duration;

use testkit::engine::left_out;
use waybill::config::DatabaseEngine;
use waybill::postgres::migrations::{check_issuer, migrate};

use crate::support::{STATEMENTS, TestDatabase};

/// How many migrations an engine has.
fn files(engine: DatabaseEngine) -> usize {
    let folder = match engine {
        DatabaseEngine::Postgres => "../sql/migrations",
        DatabaseEngine::Dsql => "../sql/dsql",
    };
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn they_are_applied_once() {
    let test = TestDatabase::empty().await;
    let config = test.config();
    let applied = migrate(&config).await.unwrap();
    assert_eq!(applied.len(), files(config.engine), "{applied:?}");
    assert_eq!(migrate(&config).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn two_deploys_at_once_wait_for_each_other() {
    let test = TestDatabase::empty().await;
    let config = test.config();
    let (one, other) = tokio::join!(migrate(&config), migrate(&config));
    let mut counts = [one.unwrap().len(), other.unwrap().len()];
    counts.sort_unstable();
    assert_eq!(counts, [0, files(config.engine)]);
}

#[tokio::test]
async fn a_run_that_stopped_half_way_goes_on_from_there() {
    let test = TestDatabase::empty().await;
    let config = test.config();
    // A function of the same name, which can't be replaced by one that returns something else.
    let function = "FUNCTION item_json(uuid, text, bigint, integer)";
    let sql = format!("CREATE {function} RETURNS integer LANGUAGE sql RETURN 1");
    test.sql.batch_execute(&sql).await.unwrap();
    let error = waybill::error::chain(&*migrate(&config).await.unwrap_err());
    assert!(error.contains("item_json") || error.contains("return type"), "{error}");
    // What came before it stays.
    test.sql.batch_execute("SELECT stocked FROM products").await.unwrap();
    test.sql.batch_execute(&format!("DROP {function}")).await.unwrap();
    assert!(!migrate(&config).await.unwrap().is_empty());
    assert_eq!(migrate(&config).await.unwrap(), Vec::<String>::new());
    for statement in STATEMENTS {
        test.sql.prepare(statement).await.unwrap();
    }
}

#[tokio::test]
async fn where_jobs_build_indexes_a_run_waits_for_one_that_an_earlier_run_has_left() {
    let test = TestDatabase::new().await;
    let config = test.config();
    let finished = async |is: bool| {
        let sql = "UPDATE pg_index SET indisvalid = $1
                   WHERE indexrelid = 'orders_status_id_idx'::regclass";
        assert_eq!(test.sql.execute(sql, &[&is]).await.unwrap(), 1);
    };
    finished(false).await;
    let mut run = std::pin::pin!(migrate(&config));
    if config.engine == DatabaseEngine::Dsql {
        let early = tokio::time::timeout(Duration::from_secs(2), &mut run).await;
        assert!(early.is_err(), "{early:?}");
        finished(true).await;
    }
    assert_eq!(run.await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_constraint_has_a_name_that_somebody_chose() {
    let test = TestDatabase::new().await;
    // Names that Postgres generates end in _check, _fkey or _key and a number, or are that of the
    // column.
    let sql = "SELECT conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
               WHERE t.relnamespace = 'public'::regnamespace AND c.contype IN ('c', 'f', 'u', 'p')
                 AND t.relname NOT LIKE 'refinery%' AND conname ~ '(_check[0-9]*|_fkey[0-9]+|_key[0-9]+)$'";
    let made_up = test.sql.query(sql, &[]).await.unwrap();
    assert!(made_up.is_empty(), "{made_up:?}");
}

#[tokio::test]
async fn what_was_put_on_sale_is_counted_from_stock_and_live_orders() {
    let test = TestDatabase::empty().await;
    let folder = std::fs::read_dir("../sql/migrations").unwrap();
    let mut files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    let name = "V0006__add_stocked_to_products.sql";
    let at = files.iter().position(|file| file.ends_with(name)).unwrap();
    for file in &files[..at] {
        test.sql.batch_execute(&std::fs::read_to_string(file).unwrap()).await.unwrap();
    }
    // Two live orders and a cancelled one for the first product, none for the second.
    test.sql
        .batch_execute(
            "INSERT INTO products (id, name, currency, price_minor, stock)
             SELECT uuid(lpad(n::text, 32, '0')), 'Enamel mug', 'EUR', 1450, 10 * n
             FROM generate_series(1, 2) n;
             INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                                 total_minor, item_count, created_at, updated_at)
             SELECT uuid(lpad(n::text, 32, '0')), 'ORD-20260101-0000000' || n, 'ada',
                    (ARRAY['pending', 'delivered', 'cancelled'])[n], 'Ada', 'ada@example.com', 'EUR',
                    1450, 1, now(), now()
             FROM generate_series(1, 3) n;
             INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
             SELECT id, 1, uuid(lpad('1', 32, '0')), 'Enamel mug', 1450, right(number, 1)::int
             FROM orders",
        )
        .await
        .unwrap();
    // As it is applied: in its own transaction.
    let migration = std::fs::read_to_string(&files[at]).unwrap();
    test.sql.batch_execute(&format!("BEGIN; {migration}; COMMIT")).await.unwrap();
    let rows = test.sql.query("SELECT stocked FROM products ORDER BY id", &[]).await.unwrap();
    let stocked: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(stocked, [10 + 1 + 2, 20]);
}

#[tokio::test]
async fn a_second_issuer_is_refused_until_the_first_one_is_named() {
    let (test, old, new) =
        (TestDatabase::new().await, "https://old.example", "https://new.example");
    let config = test.config();
    for _ in 0..2 {
        check_issuer(&config, old, None).await.unwrap();
    }
    let error = check_issuer(&config, new, None).await.unwrap_err().to_string();
    assert!(error.contains("set FirstJwtIssuer to https://old.example"), "{error}");
    check_issuer(&config, new, Some(old)).await.unwrap();
    // The first issuer is stored, so that leaving it out later is refused.
    assert!(check_issuer(&config, new, None).await.is_err());
    check_issuer(&config, old, None).await.unwrap();
}

#[tokio::test]
async fn a_migration_waits_for_a_lock_for_two_seconds_and_no_request_waits_longer_for_it() {
    if left_out("a change of the schema takes no lock on Aurora DSQL") {
        return;
    }
    let test = TestDatabase::new().await;
    // The last migration runs again while another session reads the table that it changes.
    test.sql
        .batch_execute(
            "DELETE FROM refinery_schema_history WHERE version >= 8;
             DROP TABLE first_issuer",
        )
        .await
        .unwrap();
    test.begin("LOCK TABLE orders IN ACCESS SHARE MODE").await;
    let error = migrate(&test.config()).await.unwrap_err();
    let error = waybill::error::chain(&*error);
    assert!(error.contains("lock timeout"), "{error}");
    test.sql.batch_execute("COMMIT").await.unwrap();
}
