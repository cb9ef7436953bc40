//! Compares the database, the queue and the bus with the model.

use std::collections::BTreeMap;

use uuid::Uuid;
use waybill::domain::Status;

use super::service::Service;
use super::shop::{PRODUCTS, Shop};

impl Service {
    pub(super) async fn check(&self, shop: &Shop) {
        self.check_orders(shop).await;
        self.check_stock(shop).await;
        self.check_outbox(shop).await;
        let keys = self.test.sql.query("SELECT key, order_id FROM idempotency_keys", &[]).await;
        let mut keys: Vec<(String, usize)> =
            keys.unwrap().iter().map(|row| (row.get(0), self.number_of(row.get(1)))).collect();
        keys.sort_unstable();
        let expected: Vec<_> =
            shop.keys.iter().map(|(key, it)| (format!("key-{key}"), it.order)).collect();
        assert_eq!(keys, expected, "idempotency keys");
    }

    async fn check_orders(&self, shop: &Shop) {
        let sql = "
            SELECT o.id, o.status, o.version, o.total_minor,
                   array_agg(h.to_status ORDER BY h.version),
                   array_agg(h.from_status ORDER BY h.version),
                   array_agg(h.version ORDER BY h.version),
                   count(*) FILTER (WHERE h.to_status = 'confirmed')
            FROM orders o LEFT JOIN order_history h ON h.order_id = o.id
            GROUP BY o.id";
        let rows = self.test.sql.query(sql, &[]).await.unwrap();
        assert_eq!(rows.len(), shop.orders.len(), "orders");
        for row in rows {
            let n = self.number_of(row.get(0));
            let life = &shop.orders[n];
            let way: Vec<&str> = life.way.iter().map(|status| status.as_str()).collect();
            let before = way.iter().map(|status| Some(*status)).take(way.len() - 1);
            assert_eq!(row.get::<_, &str>(1), life.status().as_str(), "order {n}");
            assert_eq!(row.get::<_, i64>(2), life.version(), "order {n}");
            assert_eq!(row.get::<_, i64>(3), life.total(), "order {n}");
            assert_eq!(row.get::<_, Vec<&str>>(4), way, "order {n}");
            let before: Vec<_> = std::iter::once(None).chain(before).collect();
            assert_eq!(row.get::<_, Vec<Option<&str>>>(5), before, "order {n}");
            let versions: Vec<i64> = (1..=life.version()).collect();
            assert_eq!(row.get::<_, Vec<i64>>(6), versions, "order {n}");
            assert!(row.get::<_, i64>(7) <= 1, "order {n} was confirmed more than once");
        }
    }

    /// Checked twice: against the model, and against the live orders in the database.
    async fn check_stock(&self, shop: &Shop) {
        let sql = "
            SELECT (p.stock + coalesce(b.stock, 0))::integer,
                   p.stock + coalesce(b.stock, 0)
                       + coalesce(sum(i.quantity) FILTER (WHERE o.id IS NOT NULL), 0),
                   p.stocked
            FROM products p
            LEFT JOIN (
                SELECT product_id, sum(stock) AS stock FROM stock_buckets GROUP BY product_id
            ) b ON b.product_id = p.id
            LEFT JOIN order_items i ON i.product_id = p.id
            LEFT JOIN orders o ON o.id = i.order_id AND o.status <> 'cancelled'
            GROUP BY p.id, b.stock ORDER BY p.id";
        let rows = self.test.sql.query(sql, &[]).await.unwrap();
        let stock: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(stock, shop.stock, "stock");
        for (row, (_, _, initial, _)) in rows.iter().zip(PRODUCTS) {
            assert!(row.get::<_, i32>(0) >= 0);
            assert_eq!(row.get::<_, i64>(1), i64::from(initial), "stock and live orders");
            assert_eq!(row.get::<_, i64>(2), i64::from(initial), "what was put on sale");
        }
    }

    async fn check_outbox(&self, shop: &Shop) {
        let sql = "SELECT id, order_id, kind FROM outbox";
        let (mut jobs, mut waiting) = (Vec::new(), Vec::new());
        for row in self.test.sql.query(sql, &[]).await.unwrap() {
            let (id, order, kind): (Uuid, Uuid, String) = (row.get(0), row.get(1), row.get(2));
            if kind == "fulfillment_job" {
                assert_eq!(id, order);
                jobs.push(self.number_of(order));
            } else {
                waiting.push((self.number_of(order), kind));
            }
        }
        jobs.sort_unstable();
        waiting.sort_unstable();
        assert_eq!(jobs, shop.with(Status::Pending), "jobs that wait, of pending orders");
        let named = |(n, kind): (usize, &'static str)| (n, kind.to_owned());
        let events = shop.events.iter().filter(|(_, event)| event.waiting);
        let mut expected: Vec<_> = events.map(|(&event, _)| named(event)).collect();
        expected.sort_unstable();
        assert_eq!(waiting, expected, "events that wait");

        let mut published = BTreeMap::<_, usize>::new();
        for (id, kind, _) in &*self.bus.taken.lock().unwrap() {
            *published.entry((self.number(*id), kind.clone())).or_default() += 1;
        }
        let expected: BTreeMap<_, _> = shop
            .events
            .iter()
            .filter(|(_, event)| event.published > 0)
            .map(|(&event, it)| (named(event), it.published))
            .collect();
        assert_eq!(published, expected, "events that were published, and how often");

        let queued = self.queue.taken.lock().unwrap();
        let mut queued: Vec<_> = queued.iter().map(|message| self.number(message.0)).collect();
        queued.sort_unstable();
        assert_eq!(queued, shop.queue, "jobs in the queue");
    }
}
