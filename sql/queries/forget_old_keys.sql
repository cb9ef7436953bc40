-- Deletes up to a thousand idempotency keys that are older than $1 seconds, and returns how many.
WITH
-- Skips a key that a request is taking over: it is locked, and no longer old.
old AS MATERIALIZED (
    SELECT owner, route, key
    FROM idempotency_keys
    WHERE created_at <= now() - make_interval(secs => $1)
    ORDER BY created_at
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
),
forgotten AS (
    DELETE FROM idempotency_keys k
    USING old o
    WHERE k.owner = o.owner AND k.route = o.route AND k.key = o.key
    RETURNING 1
)
SELECT count(*) FROM forgotten
