-- What must leave the database, written with the change that it tells of.
-- A relay claims rows with FOR UPDATE SKIP LOCKED and a lease, and never by "id above the last one
-- seen": sequences commit out of order.
CREATE TABLE outbox (
    -- A fulfilment job has the id of its order, so that whoever ends its need finds it.
    id             uuid        NOT NULL,
    order_id       uuid        NOT NULL,
    -- 'fulfillment_job', or the name of an order event.
    kind           text        NOT NULL,
    payload        jsonb       NOT NULL,
    correlation_id text        NOT NULL,
    traceparent    text,
    attempts       integer     NOT NULL DEFAULT 0,
    -- Not to be sent before this time: now for a new row, later after a failure or under a lease.
    available_at   timestamptz NOT NULL DEFAULT now(),
    created_at     timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT outbox_kind_length CHECK (char_length(kind) BETWEEN 1 AND 64),
    CONSTRAINT outbox_attempts_not_negative CHECK (attempts >= 0)
);

-- The relay's only question: what is due. A row that is done with is deleted.
CREATE INDEX outbox_available_at_idx ON outbox (available_at);
