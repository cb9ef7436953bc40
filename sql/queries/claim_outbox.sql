-- Takes what is due out of the outbox, for as long as a lease. $1 how many at most, $2 seconds.
--
-- Two relays never take the same row: each skips what the other has locked, and once that is
-- committed the row is not due any more. A relay that dies leaves rows that are due again when its
-- lease is over.
WITH due AS MATERIALIZED (
    SELECT id
    FROM outbox
    WHERE available_at <= now()
    ORDER BY available_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox o
SET available_at = now() + make_interval(secs => $2), attempts = o.attempts + 1
FROM due
WHERE o.id = due.id
RETURNING o.id, o.kind, o.payload, o.correlation_id, o.traceparent, o.attempts, o.created_at
