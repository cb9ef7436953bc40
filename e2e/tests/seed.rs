//! Checks that `sql/seed.sql` holds the invariants of the service. Runs on its own database.
#![expect(clippy::unwrap_used, reason = "what goes wrong in here is a test that fails")]

use e2e::Environment;
use tokio_postgres::Client;

/// Runs `test` in a migrated and seeded database.
async fn in_seeded_database(test: impl AsyncFnOnce(&Client)) {
    let mut config: tokio_postgres::Config =
        Environment::read().direct_database_url.parse().unwrap();
    let server = e2e::connect_to(&config).await;
    let name = e2e::unique("seed").replace('-', "_");
    server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();

    let client = e2e::connect_to(config.dbname(&name)).await;
    for migration in migrations() {
        client.batch_execute(&migration).await.unwrap();
    }
    client.batch_execute(include_str!("../../sql/seed.sql")).await.unwrap();
    test(&client).await;

    // A failed test keeps its database for inspection.
    server.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}

fn migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/migrations");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

async fn count(client: &Client, what: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) {what}"), &[]).await.unwrap().get(0)
}

/// Asserts that `what` has no rows.
async fn none(client: &Client, what: &str) {
    assert_eq!(count(client, what).await, 0, "{what}");
}

#[tokio::test]
async fn the_shop_has_products_and_orders_of_every_status() {
    in_seeded_database(async |client| {
        assert!(count(client, "FROM products WHERE active AND stock > 0").await >= 20);
        assert!(count(client, "FROM orders").await >= 30);
        for status in ["pending", "confirmed", "shipped", "delivered", "cancelled"] {
            let orders = count(client, &format!("FROM orders WHERE status = '{status}'")).await;
            assert!(orders >= 3, "{orders} {status}");
        }
    })
    .await;
}

#[tokio::test]
async fn seeding_again_changes_nothing() {
    in_seeded_database(async |client| {
        let state = "SELECT jsonb_build_array(
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM products t),
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY product_id, bucket) FROM stock_buckets t),
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM orders t),
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY order_id, line) FROM order_items t),
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY order_id, version) FROM order_history t),
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM outbox t))::text";
        client
            .batch_execute("UPDATE products SET stock = stock + 1, stocked = stocked + 1")
            .await
            .unwrap();
        let before: String = client.query_one(state, &[]).await.unwrap().get(0);
        client.batch_execute(include_str!("../../sql/seed.sql")).await.unwrap();
        let after: String = client.query_one(state, &[]).await.unwrap().get(0);
        assert_eq!(before, after);
    })
    .await;
}

#[tokio::test]
async fn totals_are_the_sums_of_their_lines() {
    in_seeded_database(async |client| {
        none(
            client,
            "FROM orders o
             LEFT JOIN LATERAL (
                 SELECT sum(unit_price_minor * quantity) AS total, count(*) AS lines, max(line) AS last
                 FROM order_items WHERE order_id = o.id
             ) i ON true
             WHERE (o.total_minor, o.item_count, o.item_count)
                   IS DISTINCT FROM (i.total, i.lines, i.last)",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn the_stocked_pieces_are_those_left_and_those_in_orders() {
    in_seeded_database(async |client| {
        none(
            client,
            "FROM products p
             LEFT JOIN (
                 SELECT i.product_id, sum(i.quantity) AS quantity
                 FROM order_items i JOIN orders o ON o.id = i.order_id
                 WHERE o.status <> 'cancelled' GROUP BY 1
             ) held ON held.product_id = p.id
             LEFT JOIN (
                 SELECT product_id, sum(stock) AS stock FROM stock_buckets GROUP BY 1
             ) b ON b.product_id = p.id
             WHERE p.stocked <> p.stock + coalesce(b.stock, 0) + coalesce(held.quantity, 0)",
        )
        .await;
        assert_eq!(count(client, "FROM stock_buckets").await, 4);
        assert!(count(client, "FROM products WHERE stocked > stock").await >= 20);
    })
    .await;
}

#[tokio::test]
async fn histories_have_only_allowed_transitions_and_end_in_the_status() {
    in_seeded_database(async |client| {
        none(
            client,
            "FROM orders o
             LEFT JOIN LATERAL (
                 SELECT to_status, version, at FROM order_history
                 WHERE order_id = o.id ORDER BY version DESC LIMIT 1
             ) h ON true
             WHERE (o.status, o.version, o.updated_at) IS DISTINCT FROM (h.to_status, h.version, h.at)",
        )
        .await;
        none(
            client,
            "FROM order_history
             WHERE concat(from_status, '>', to_status) NOT IN
                   ('>pending', 'pending>confirmed', 'confirmed>shipped', 'shipped>delivered',
                    'pending>cancelled', 'confirmed>cancelled')",
        )
        .await;
        none(
            client,
            "FROM order_history later
             LEFT JOIN order_history earlier
                 ON earlier.order_id = later.order_id AND earlier.version = later.version - 1
             WHERE later.version > 1 AND (earlier.to_status IS DISTINCT FROM later.from_status
                                          OR earlier.at >= later.at)",
        )
        .await;
        none(
            client,
            "FROM order_history h JOIN orders o ON o.id = h.order_id
             WHERE h.at > now() OR (h.version = 1 AND h.at <> o.created_at)",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn ids_and_numbers_have_the_form_that_the_service_makes() {
    in_seeded_database(async |client| {
        // RFC 9562: 48 bits of milliseconds, version 7, variant 0b10.
        let form = "'^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'";
        none(client, &format!("FROM orders WHERE id::text !~ {form}")).await;
        none(client, &format!("FROM products WHERE id::text !~ {form}")).await;
        none(
            client,
            "FROM orders
             WHERE left(replace(id::text, '-', ''), 12)
                   <> lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0')
                OR number <> 'ORD-' || to_char(created_at AT TIME ZONE 'UTC', 'YYYYMMDD')
                             || '-' || upper(right(id::text, 8))",
        )
        .await;
        none(
            client,
            "FROM (SELECT row_number() OVER (ORDER BY id) AS by_id,
                          row_number() OVER (ORDER BY created_at) AS by_age FROM orders) o
             WHERE by_id <> by_age",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn all_customers_are_fictitious() {
    in_seeded_database(async |client| {
        // RFC 2606 reserves these for examples.
        none(client, r"FROM orders WHERE customer_email !~ '^[a-z.]+@example\.(com|org|net)$'")
            .await;
    })
    .await;
}

#[tokio::test]
async fn every_pending_order_has_a_job_in_the_outbox_and_no_other_order_has() {
    in_seeded_database(async |client| {
        none(
            client,
            "FROM orders o FULL JOIN outbox b ON b.order_id = o.id AND b.kind = 'fulfillment_job'
             WHERE (o.status = 'pending') IS DISTINCT FROM (b.id IS NOT NULL)
                OR b.payload->>'number' <> o.number",
        )
        .await;
    })
    .await;
}
