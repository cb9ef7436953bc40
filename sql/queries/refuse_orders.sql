-- Writes down that a batch of orders, of any size, was refused, and what each of them is.
--
-- $1 order ids, $2 correlation ids, $3 reasons (all of the same length), $4 actor.
--
-- Answers one row for each distinct id. `was` is null where there is no such order, and where it
-- changed while this statement waited for it, which then wrote nothing about it: ask again. An order
-- that is not pending is left as it is, and one whose last entry gives the same reason gets no other.
WITH
jobs AS (
    SELECT DISTINCT ON (j.order_id) j.order_id, j.correlation_id, j.reason
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS j (order_id, correlation_id, reason)
    ORDER BY j.order_id
),
-- As they were when this statement began, which is as far as it sees of the history.
seen AS MATERIALIZED (
    SELECT o.id, o.version
    FROM orders o
    WHERE o.id = ANY ($1::uuid[])
),
-- As they are now. In id order, for the same reason as in place_order.
locked AS MATERIALIZED (
    SELECT o.id, o.status, o.version
    FROM orders o
    WHERE o.id = ANY ($1::uuid[])
    ORDER BY o.id
    FOR NO KEY UPDATE
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
-- The relay is not to send the job again: it waits for a person now. In id order, since a relay may
-- be settling the same rows.
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
