-- Claims due rows of the outbox for a lease.
--
-- $1 lane: 'event', 'unsent_job' or 'sent_job'; $2 limit; $3 seconds of the lease; $4 seconds for
-- which a row must have been due.
--
-- Two relays never claim the same row: each skips rows that the other has locked or leased. If a
-- relay dies, its rows are due again when the lease ends. `leased_until` is in no index, so a claim
-- is a heap-only update.
WITH due AS MATERIALIZED (
    SELECT id
    FROM outbox
    -- The expression and order of the index, so that this is one range scan, oldest first.
    WHERE (outbox_lane(kind, attempts), available_at) >= ($1, '-infinity')
        AND (outbox_lane(kind, attempts), available_at) <= ($1, now() - make_interval(secs => $4))
        AND (leased_until IS NULL OR leased_until <= now())
    ORDER BY outbox_lane(kind, attempts), available_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox
SET leased_until = now() + make_interval(secs => $3)
-- An array, since the planner estimates any LIMIT as a tenth of the rows and would join by reading
-- the whole table.
WHERE id = ANY (ARRAY(SELECT d.id FROM due d))
RETURNING id, kind, payload::text AS body, correlation_id, traceparent, attempts + 1 AS attempts
