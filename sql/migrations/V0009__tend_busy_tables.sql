-- What keeps the busy tables small: a claim that no index hears of, and a vacuum that comes after so
-- many dead rows, not after a fifth of a table.

-- Until when a relay has a row. A claim used to move `available_at`, which an index holds, and so left
-- a dead entry in each index behind. Old code beside new still does that, and looks at `available_at`
-- alone: during a deploy a message may be sent by both, as after a crash.
ALTER TABLE outbox ADD COLUMN leased_until timestamptz;

-- What relays ask for, each for itself, so that none waits behind the others.
CREATE FUNCTION outbox_lane(kind text, attempts integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN kind <> 'fulfillment_job' THEN 'event'
    WHEN attempts = 0 THEN 'unsent_job'
    ELSE 'sent_job'
END;

-- In place of the index on the time alone. Old code beside new reads the whole table instead, which is
-- short unless the bus or the queue was down.
CREATE INDEX outbox_lane_available_at_idx ON outbox (outbox_lane(kind, attempts), available_at);
DROP INDEX outbox_available_at_idx;

-- Room for the claimed version of each row beside the one before.
ALTER TABLE outbox SET (fillfactor = 50);

-- Vacuum by the number of dead rows: a share of a table of ten million orders is two million of them,
-- each with an entry in every index that a list walks over. How many there may be is about what a
-- busy minute leaves, since vacuum looks once a minute.
ALTER TABLE orders SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000
);
-- Nothing dies in these two. What is inserted is to be marked as visible to all, and frozen in time.
ALTER TABLE order_items SET (
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 200000
);
ALTER TABLE order_history SET (
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 200000
);
-- Small tables through which much passes: vacuum does not pause in them, and does not give the end of
-- the file back, for which it would lock out everybody.
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false
);
ALTER TABLE idempotency_keys SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000,
    vacuum_truncate = false
);
-- Its updates are heap-only and cleaned up by whoever comes by; this is for what remains.
ALTER TABLE products SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
