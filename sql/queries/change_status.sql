-- Changes the status of an order, and returns its stock if the new status is cancelled.
--
-- $1 owner, or null for staff; $2 order id; $3 expected version, or null for any; $4 new status;
-- $5 statuses that it may change from; $6 actor; $7 correlation id; $8 name of the event;
-- $9 traceparent, or null; $10 a number that picks the bucket of each product.
--
-- Returns the order with its items and history, and whether it was changed; if not, `status` and
-- `version` say why. Returns no row if the order does not exist.
WITH
found AS MATERIALIZED (
    SELECT o.*
    FROM orders o
    WHERE o.id = $2 AND ($1::text IS NULL OR o.owner = $1)
    FOR UPDATE
),
changed AS (
    UPDATE orders o
    SET status = $4, version = o.version + 1, updated_at = now()
    FROM found f
    WHERE o.id = f.id AND f.status = ANY ($5::text[]) AND ($3::bigint IS NULL OR f.version = $3)
    RETURNING o.*, f.status AS was
),
-- What is to be given back; to the picked bucket, if the product has buckets.
returned AS MATERIALIZED (
    SELECT i.product_id, i.quantity, 1 + $10::int % p.stock_buckets AS bucket
    FROM changed c
    JOIN order_items i ON i.order_id = c.id
    JOIN products p ON p.id = i.product_id
    WHERE c.status = 'cancelled'
),
-- Locks buckets before products, and each in the order of its key, as every statement does. The sum of
-- two integers needs a bigint. A bucket that is gone or full leaves the pieces to the product.
to_buckets AS MATERIALIZED (
    SELECT b.product_id, b.bucket, b.stock + r.quantity AS stock
    FROM returned r
    JOIN stock_buckets b ON b.product_id = r.product_id AND b.bucket = r.bucket
    WHERE b.stock::bigint + r.quantity <= 2147483647
    ORDER BY b.product_id, b.bucket
    FOR UPDATE OF b
),
to_products AS MATERIALIZED (
    SELECT p.id, p.stock::bigint + r.quantity AS stock, p.stocked
    FROM returned r
    JOIN products p ON p.id = r.product_id
    WHERE NOT EXISTS (SELECT FROM to_buckets b WHERE b.product_id = r.product_id)
    ORDER BY p.id
    FOR UPDATE OF p
),
given_to_buckets AS (
    UPDATE stock_buckets b
    SET stock = t.stock
    FROM to_buckets t
    WHERE b.product_id = t.product_id AND b.bucket = t.bucket
),
-- If the stock would overflow (staff set it near 2147483647 while orders held some), the excess is
-- taken off `stocked`, so that the order can still be canceled.
given_to_products AS (
    UPDATE products p
    SET stock = least(t.stock, 2147483647),
        stocked = t.stocked - greatest(t.stock - 2147483647, 0)
    FROM to_products t
    WHERE p.id = t.id
),
history AS (
    INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, correlation_id)
    SELECT c.id, c.version, c.was, c.status, c.updated_at, $6, $7
    FROM changed c
    RETURNING version, from_status, to_status, at, actor, correlation_id, reason
),
-- The order no longer needs its job.
job_done AS (
    DELETE FROM outbox x
    USING changed c
    WHERE x.id = c.id
),
event AS (
    INSERT INTO outbox (id, order_id, kind, payload, correlation_id, traceparent)
    SELECT gen_random_uuid(), c.id, $8, event_json(c.id, c.number, c.updated_at, $7, $9), $7, $9
    FROM changed c
)
SELECT
    o.changed, o.id, o.number, o.status, o.customer_name, o.customer_email, o.currency,
    o.total_minor, o.item_count, o.version, o.created_at, o.updated_at,
    (
        SELECT json_agg(
            item_json(i.product_id, i.name, i.unit_price_minor, i.quantity) ORDER BY i.line
        )
        FROM order_items i
        WHERE i.order_id = o.id
    ) AS items,
    (
        SELECT json_agg(
            history_json(h.from_status, h.to_status, h.at, h.actor, h.correlation_id, h.reason)
            ORDER BY h.version
        )
        FROM (
            SELECT h.version, h.from_status, h.to_status, h.at, h.actor, h.correlation_id,
                   h.reason
            FROM order_history h
            WHERE h.order_id = o.id
            UNION ALL
            SELECT w.version, w.from_status, w.to_status, w.at, w.actor, w.correlation_id,
                   w.reason
            FROM history w
        ) h
    ) AS history
FROM (
    SELECT c.id, c.number, c.status, c.customer_name, c.customer_email, c.currency, c.total_minor,
           c.item_count, c.version, c.created_at, c.updated_at, true AS changed
    FROM changed c
    UNION ALL
    SELECT f.id, f.number, f.status, f.customer_name, f.customer_email, f.currency, f.total_minor,
           f.item_count, f.version, f.created_at, f.updated_at, false
    FROM found f
    WHERE NOT EXISTS (SELECT FROM changed)
) o
