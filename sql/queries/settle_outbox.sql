-- Ends the leases of claimed rows.
--
-- $1 ids that are done; $2 ids that were tried and $3 seconds until the next try (same length); $4 ids
-- that were not tried. Each id is in one of these. A job that was parked in between, because its order
-- was refused, stays parked.
WITH
-- In id order, as every statement that locks several rows of the outbox.
locked AS MATERIALIZED (
    SELECT id
    FROM outbox
    WHERE id = ANY ($1::uuid[] || $2::uuid[] || $4::uuid[])
    ORDER BY id
    FOR UPDATE
),
done AS (
    DELETE FROM outbox o
    USING locked l
    WHERE o.id = l.id AND o.id = ANY ($1::uuid[])
),
-- Only the lease ends: a heap-only update.
untried AS (
    UPDATE outbox o
    SET leased_until = NULL
    FROM locked l
    WHERE o.id = l.id AND o.id = ANY ($4::uuid[])
)
UPDATE outbox o
SET attempts = o.attempts + 1,
    available_at = now() + make_interval(secs => a.seconds),
    leased_until = NULL
FROM locked l
JOIN unnest($2::uuid[], $3::double precision[]) AS a (id, seconds) ON a.id = l.id
WHERE o.id = l.id AND o.available_at < 'infinity'
