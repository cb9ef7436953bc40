-- Takes what is due out of the outbox, for as long as a lease.
--
-- $1 which: 'event', 'unsent_job' or 'sent_job'; $2 how many at most; $3 seconds of the lease;
-- $4 seconds for which it must have been due.
--
-- Two relays never take the same row: each skips what the other has locked, and once that is
-- committed the row is leased. A relay that dies leaves rows that are due again when its lease is
-- over. No index holds `leased_until`, so that the new version of a row finds its place beside the old
-- one, and no index hears of it.
WITH due AS MATERIALIZED (
    SELECT id
    FROM outbox
    -- The index's own expression and order, so that the rows in question are one stretch of it, the
    -- oldest first.
    WHERE (outbox_lane(kind, attempts), available_at) >= ($1, '-infinity')
        AND (outbox_lane(kind, attempts), available_at) <= ($1, now() - make_interval(secs => $4))
        AND (leased_until IS NULL OR leased_until <= now())
    ORDER BY outbox_lane(kind, attempts), available_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox
SET leased_until = now() + make_interval(secs => $3)
-- An array, since the planner takes any LIMIT for a tenth of all there is, and would join that by
-- reading the whole table.
WHERE id = ANY (ARRAY(SELECT d.id FROM due d))
RETURNING id, kind, payload::text AS body, correlation_id, attempts + 1 AS attempts
