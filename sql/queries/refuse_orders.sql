-- Records that the warehouse refused a batch of orders, and returns the status of each.
--
-- $1 order ids, $2 correlation ids, $3 reasons (all of the same length), $4 actor.
--
-- Returns one row for each distinct id. `was` is null if the order does not exist, or if it changed
-- while this statement waited, which then wrote nothing: run it again. An order that is not pending
-- does not change, and one whose last entry has the same reason gets no other.
WITH
jobs AS (
    SELECT DISTINCT ON (j.order_id) j.order_id, j.correlation_id, j.reason
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS j (order_id, correlation_id, reason)
    ORDER BY j.order_id
),
-- The orders in the snapshot of this statement, which is also the history that it sees.
seen AS MATERIALIZED (
    SELECT o.id, o.version
    FROM orders o
    WHERE o.id = ANY ($1::uuid[])
),
-- The current orders, locked in id order to avoid deadlocks.
locked AS MATERIALIZED (
    SELECT o.id, o.status, o.version
    FROM orders o
    WHERE o.id = ANY ($1::uuid[])
    ORDER BY o.id
    FOR UPDATE
),
settled AS (
    SELECT l.id, l.status, l.version
    FROM locked l
    JOIN seen s ON s.id = l.id AND s.version = l.version
),
refused AS (
    UPDATE orders o
    SET version = o.version + 1, updated_at = now()
    FROM settled s
    JOIN jobs j ON j.order_id = s.id
    WHERE o.id = s.id AND s.status = 'pending'
        AND NOT EXISTS (
            SELECT FROM order_history h
            WHERE h.order_id = s.id AND h.version = s.version AND h.reason = j.reason
        )
    RETURNING o.id, o.version, o.updated_at
),
history AS (
    INSERT INTO order_history
        (order_id, version, from_status, to_status, at, actor, correlation_id, reason)
    SELECT r.id, r.version, 'pending', 'pending', r.updated_at, $4, j.correlation_id, j.reason
    FROM refused r
    JOIN jobs j ON j.order_id = r.id
),
-- The relay must not send the job again; a person decides. In id order, since a relay may settle the
-- same rows.
jobs_kept AS MATERIALIZED (
    SELECT x.id
    FROM settled s
    JOIN outbox x ON x.id = s.id
    WHERE s.status = 'pending'
    ORDER BY x.id
    FOR UPDATE OF x
),
parked AS (
    UPDATE outbox x
    SET available_at = 'infinity'
    FROM jobs_kept k
    WHERE x.id = k.id
)
SELECT j.order_id, s.status AS was
FROM jobs j
LEFT JOIN settled s ON s.id = j.order_id
