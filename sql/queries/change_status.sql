-- Changes the status of an order, and returns its stock if the new status is cancelled.
--
-- $1 owner, or null for staff; $2 order id; $3 expected version, or null for any; $4 new status;
-- $5 statuses that it may change from; $6 actor; $7 correlation id; $8 name of the event;
-- $9 traceparent, or null.
--
-- Returns the order with its items and history, and whether it was changed; if not, `status` and
-- `version` say why. Returns no row if the order does not exist.
WITH
found AS MATERIALIZED (
    SELECT o.*
    FROM orders o
    WHERE o.id = $2 AND ($1::text IS NULL OR o.owner = $1)
    FOR NO KEY UPDATE
),
changed AS (
    UPDATE orders o
    SET status = $4, version = o.version + 1, updated_at = now()
    FROM found f
    WHERE o.id = f.id AND f.status = ANY ($5::text[]) AND ($3::bigint IS NULL OR f.version = $3)
    RETURNING o.*, f.status AS was
),
-- Locks products in id order, as every statement does. The sum of two integers needs a bigint.
to_give_back AS MATERIALIZED (
    SELECT p.id, p.stock::bigint + i.quantity AS stock, p.stocked
    FROM changed c
    JOIN order_items i ON i.order_id = c.id
    JOIN products p ON p.id = i.product_id
    WHERE c.status = 'cancelled'
    ORDER BY p.id
    FOR NO KEY UPDATE OF p
),
-- If the stock would overflow (staff set it near 2147483647 while orders held some), the excess is
-- taken off `stocked`, so that the order can still be canceled.
given_back AS (
    UPDATE products p
    SET stock = least(g.stock, 2147483647),
        stocked = g.stocked - greatest(g.stock - 2147483647, 0)
    FROM to_give_back g
    WHERE p.id = g.id
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
