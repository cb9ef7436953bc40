-- The email address that the token proved to be the caller's when the order was placed. Null if it
-- proved none, or if nothing was to be kept. NOT VALID: every row that is there has none.
ALTER TABLE orders
    ADD COLUMN proven_email text,
    ADD CONSTRAINT orders_proven_email_length
        CHECK (char_length(proven_email) BETWEEN 3 AND 254) NOT VALID;

-- The mail about each event of an order: who is sending it, and what became of it. The primary key is
-- what keeps an event that arrives twice from being sent twice.
CREATE TABLE notifications (
    order_id     uuid        NOT NULL,
    -- The name of the event.
    event        text        NOT NULL,
    -- Who sends it, and for how long nobody else may.
    claim        uuid        NOT NULL,
    leased_until timestamptz NOT NULL,
    -- Null until the outcome is known.
    outcome      text,
    settled_at   timestamptz,
    -- SES's id of a mail that was sent.
    message_id   text,
    -- SES's code of the error, if it refused the mail.
    reason       text,

    CONSTRAINT notifications_pkey PRIMARY KEY (order_id, event),
    CONSTRAINT notifications_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT notifications_event_known CHECK (
        event IN ('OrderPlaced', 'OrderConfirmed', 'OrderShipped', 'OrderDelivered', 'OrderCancelled')
    ),
    CONSTRAINT notifications_outcome_known CHECK (outcome IN ('sent', 'refused', 'no_address')),
    CONSTRAINT notifications_settled_with_outcome CHECK ((outcome IS NULL) = (settled_at IS NULL))
);

-- Each row is updated once, soon after it was written. Room for that version on the same page.
ALTER TABLE notifications SET (fillfactor = 60);
