//! Batches of every size, each in one call.

use testkit::PATIENCE;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::app::{ConfirmOrders, FulfillmentJob, PlaceOrders, Placement};
use waybill::deadline;
use waybill::domain::{OrderId, Status};

use crate::support::{TestDatabase, context, order};

/// Inserts orders as `place_order.sql` does, with their jobs in the outbox. Ids and numbers count
/// from $1; the last order is cancelled. $2 how many, $3 the product of all.
const STORE: &str = "
    WITH placed AS (
        INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                            total_minor, item_count, created_at, updated_at)
        SELECT ('019c8019-aa00-7a31-9c40-' || lpad(to_hex(n), 12, '0'))::uuid,
               'ORD-20260221-' || lpad(upper(to_hex(n)), 8, '0'), 'anonymous',
               CASE WHEN n = $1 + $2 - 1 THEN 'cancelled' ELSE 'pending' END,
               'Ada Lovelace', 'ada@example.com', 'EUR', 1450, 1, now(), now()
        FROM generate_series($1::bigint, $1 + $2 - 1) n
        RETURNING id, status
    ), items AS (
        INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
        SELECT id, 1, $3, 'Enamel mug', 1450, 1 FROM placed
    ), history AS (
        INSERT INTO order_history (order_id, version, from_status, to_status, at, actor,
                                   correlation_id)
        SELECT id, 1, NULL, 'pending', now(), 'anonymous', 'bulk' FROM placed
    ), outbox AS (
        INSERT INTO outbox (id, order_id, kind, payload, correlation_id)
        SELECT id, id, 'fulfillment_job', '{}', 'bulk' FROM placed WHERE status = 'pending'
    )
    SELECT id FROM placed";

/// Counts of a batch: confirmed orders, history entries and events of the confirmation, and waiting jobs.
const LOOK: &str = "
    SELECT count(*) FILTER (WHERE o.status = 'confirmed' AND o.version = 2),
           count(*) FILTER (WHERE h.correlation_id = 'delivery-' || o.id),
           count(*) FILTER (WHERE e.correlation_id = 'delivery-' || o.id),
           count(*) FILTER (WHERE j.id IS NOT NULL), count(*)
    FROM orders o
    LEFT JOIN order_history h ON h.order_id = o.id AND h.to_status = 'confirmed'
    LEFT JOIN outbox e ON e.order_id = o.id AND e.kind = 'OrderConfirmed'
    LEFT JOIN outbox j ON j.id = o.id
    WHERE o.id = ANY ($1)";

/// Ten thousand take half a second, and on a busy machine longer than the server gives a request.
const PATIENT: &str = "
    DO $$ BEGIN EXECUTE format(
        'ALTER ROLE CURRENT_USER IN DATABASE %I SET statement_timeout = ''30s''',
        current_database()
    ); END $$";

#[tokio::test]
async fn a_batch_of_ten_to_ten_thousand_is_one_call_and_a_second_delivery_changes_nothing() {
    let test = TestDatabase::new().await;
    test.sql.batch_execute(PATIENT).await.unwrap();
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let wanted = order(&[(mug, 1)]);
    let placed = database.place(OrderId::generate(), &wanted, None, &context()).await.unwrap();
    let Placement::Placed(model) = placed else { panic!("{placed:?}") };
    let model = FulfillmentJob::new(&model, &context());
    let job = |id: Uuid| {
        let mut job = serde_json::to_value(&model).unwrap();
        job["order_id"] = id.to_string().into();
        job["correlation_id"] = format!("delivery-{id}").into();
        FulfillmentJob::parse(&job.to_string()).unwrap()
    };

    let mut first = 1;
    for size in [10_i64, 100, 1_000, 10_000] {
        // An unknown order in the middle of the rest, and a cancelled one.
        let (count, stranger) = (size - 1, Uuid::now_v7());
        let rows = test.sql.query(STORE, &[&first, &count, &mug.as_uuid()]).await.unwrap();
        first += count;
        let mut ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        let cancelled = OrderId::from(*ids.iter().max().unwrap());
        ids.insert(ids.len() / 2, stranger);
        let batch: Vec<_> = ids.iter().map(|&id| job(id)).collect();

        let mut took = Vec::new();
        let mut looks = Vec::new();
        for was in [Status::Pending, Status::Confirmed] {
            let started = Instant::now();
            let confirm = database.confirm(&batch);
            let before = deadline::within(started + PATIENCE, confirm).await.unwrap();
            took.push(started.elapsed());
            assert_eq!(before.len(), ids.len() - 1);
            assert_eq!(before.get(&OrderId::from(stranger)), None);
            for (&id, &status) in &before {
                assert_eq!(status, if id == cancelled { Status::Cancelled } else { was });
            }
            let row = test.sql.query_one(LOOK, &[&ids]).await.unwrap();
            looks.push([0, 1, 2, 3, 4].map(|n| row.get::<_, i64>(n)));
        }
        let [confirmed, entries, events, jobs, all] = looks[0];
        eprintln!(
            "a batch of {size}: {confirmed} confirmed, {entries} entries of history, {events} \
             events, {jobs} jobs left; {:.0?}, and {:.0?} when delivered again",
            took[0], took[1]
        );
        assert_eq!([confirmed, entries, events], [size - 2; 3]);
        assert_eq!((jobs, all), (0, size - 1));
        assert_eq!(looks[0], looks[1], "the second delivery changed something");
    }
}
