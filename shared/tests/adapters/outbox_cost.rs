//! The cost of finding due rows in a backlog of a million.

use testkit::engine::left_out;
use tokio_postgres::SimpleQueryMessage;
use waybill::postgres::{CLAIM_OUTBOX, FORGET_OLD_KEYS};

use crate::support::{PLANS, TestDatabase};

const ROWS: i64 = 1_000_000;

/// The generic plan of a prepared statement as text, and the blocks that it touches with these
/// arguments. Rolled back afterwards.
async fn plan(test: &TestDatabase, statement: &str, arguments: &str) -> (String, i64) {
    let sql = format!(
        "SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL; PREPARE it AS {statement};
         BEGIN; EXPLAIN (ANALYZE, BUFFERS) EXECUTE it ({arguments}); ROLLBACK"
    );
    let answer = test.sql.simple_query(&sql).await.unwrap();
    let lines = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plan = lines.collect::<Vec<_>>().join("\n");
    // The first line of buffers is the total.
    let buffers = plan.lines().find(|line| line.contains("Buffers:")).unwrap();
    let number = |name: &str| {
        let (_, value) = buffers.split_once(name)?;
        value.split_whitespace().next()?.parse::<i64>().ok()
    };
    let blocks = number("hit=").unwrap_or(0) + number("read=").unwrap_or(0);
    (plan, blocks)
}

/// Checks that no table is read whole and nothing is sorted, with and without statistics.
async fn assert_cheap(
    test: &TestDatabase,
    what: &str,
    statement: &str,
    arguments: &str,
    index: &str,
) {
    let (plan, blocks) = plan(test, statement, arguments).await;
    eprintln!("{what}: {blocks} blocks");
    assert!(plan.contains(index), "{what}: {plan}");
    for word in ["Seq Scan", "Sort", "Hash", "Bitmap"] {
        assert!(!plan.contains(word), "{what}: {plan}");
    }
    // A row is found by one index and changed in another, in a table filled in random order.
    assert!(blocks < 10_000, "{what}: {plan}");
}

#[tokio::test]
async fn what_is_due_is_found_by_its_index_in_a_million_rows() {
    if left_out(PLANS) {
        return;
    }
    let test = TestDatabase::new().await;
    let sql = format!(
        "ALTER TABLE outbox DROP CONSTRAINT outbox_order_fkey;
         INSERT INTO outbox (id, order_id, kind, payload, correlation_id, attempts, available_at)
         SELECT gen_random_uuid(), gen_random_uuid(),
                CASE WHEN n % 10 = 0 THEN 'fulfillment_job' ELSE 'OrderPlaced' END,
                '{{}}', 'abc', n / 10 % 2, now() - n * interval '1 second'
         FROM generate_series(1, {ROWS}) n"
    );
    test.sql.batch_execute(&sql).await.unwrap();
    for analyzed in [false, true] {
        if analyzed {
            test.sql.batch_execute("VACUUM ANALYZE outbox").await.unwrap();
        }
        for lane in ["event", "unsent_job", "sent_job"] {
            let (what, arguments) =
                (format!("{lane}, {analyzed}"), format!("'{lane}', 500, 60, 0"));
            let index = "Index Scan using outbox_lane_available_at_idx";
            assert_cheap(&test, &what, CLAIM_OUTBOX, &arguments, index).await;
        }
    }
}

#[tokio::test]
async fn old_keys_are_found_by_their_index_in_a_million_rows() {
    if left_out(PLANS) {
        return;
    }
    let test = TestDatabase::new().await;
    let sql = format!(
        "INSERT INTO idempotency_keys (owner, route, key, request_hash, order_id, created_at)
         SELECT 'owner-' || n % 1000, 'POST /orders', md5(n::text), sha256(''), gen_random_uuid(),
                now() - n * interval '1 second'
         FROM generate_series(1, {ROWS}) n"
    );
    test.sql.batch_execute(&sql).await.unwrap();
    for analyzed in [false, true] {
        if analyzed {
            test.sql.batch_execute("VACUUM ANALYZE idempotency_keys").await.unwrap();
        }
        let index = "Index Scan using idempotency_keys_created_at_idx";
        let what = format!("keys, {analyzed}");
        assert_cheap(&test, &what, FORGET_OLD_KEYS, "86400", index).await;
    }
}
