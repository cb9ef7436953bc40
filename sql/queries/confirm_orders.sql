-- Confirms a batch of orders and returns the status that each had.
--
-- $1 order ids, $2 correlation ids, $3 actor, $4 traceparents or nulls; $1, $2 and $4 have the same
-- length.
--
-- Returns one row for each distinct id; `was` is null if the order does not exist. An order that is
-- not pending does not change, so a second delivery of a job has no effect.
WITH
jobs AS (
    SELECT DISTINCT ON (j.order_id) j.order_id, j.correlation_id, j.traceparent
    FROM unnest($1::uuid[], $2::text[], $4::text[]) AS j (order_id, correlation_id, traceparent)
    ORDER BY j.order_id
),
-- In id order, to avoid deadlocks.
locked AS MATERIALIZED (
    SELECT o.id, o.status
    FROM orders o
    WHERE o.id = ANY ($1::uuid[])
    ORDER BY o.id
    FOR UPDATE
),
confirmed AS (
    UPDATE orders o
    SET status = 'confirmed', version = o.version + 1, updated_at = now()
    FROM locked l
    WHERE o.id = l.id AND l.status = 'pending'
    RETURNING o.id, o.number, o.version, o.updated_at
),
history AS (
    INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, correlation_id)
    SELECT c.id, c.version, 'pending', 'confirmed', c.updated_at, $3, j.correlation_id
    FROM confirmed c
    JOIN jobs j ON j.order_id = c.id
),
-- The job has arrived, so its row, which has the id of the order, is deleted. A relay may settle the
-- same rows; both lock them in id order.
jobs_done AS MATERIALIZED (
    SELECT x.id
    FROM confirmed c
    JOIN outbox x ON x.id = c.id
    ORDER BY x.id
    FOR UPDATE OF x
),
forgotten AS (
    DELETE FROM outbox x
    USING jobs_done d
    WHERE x.id = d.id
),
event AS (
    INSERT INTO outbox (id, order_id, kind, payload, correlation_id, traceparent)
    SELECT gen_random_uuid(), c.id, 'OrderConfirmed',
           event_json(c.id, c.number, c.updated_at, j.correlation_id, j.traceparent),
           j.correlation_id, j.traceparent
    FROM confirmed c
    JOIN jobs j ON j.order_id = c.id
)
SELECT j.order_id, l.status AS was
FROM jobs j
LEFT JOIN locked l ON l.id = j.order_id
