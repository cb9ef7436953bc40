-- Which order a keyed request placed: whoever repeats the request is answered from that order, as it
-- was placed, which nothing changes.
CREATE TABLE idempotency_keys (
    -- A key belongs to one caller and one route; two callers may use the same word.
    owner        text        NOT NULL,
    route        text        NOT NULL,
    key          text        NOT NULL,
    -- SHA-256 of the request, so that a key reused for another one is told apart.
    request_hash bytea       NOT NULL,
    order_id     uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner, route, key),
    CONSTRAINT idempotency_keys_key_form CHECK (key ~ '^[\x21-\x7e]{1,255}$'),
    CONSTRAINT idempotency_keys_request_hash_length CHECK (octet_length(request_hash) = 32)
);

-- What is too old is deleted in order of age.
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
