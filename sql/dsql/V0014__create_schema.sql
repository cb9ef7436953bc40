-- The schema on Aurora DSQL, as sql/migrations has made it up to V0014. What the tables and columns are
-- for stands there. A test compares the two (shared/tests/adapters/schemas.rs).
--
-- Each statement runs in its own transaction, so a migration can stop half-way: every statement does
-- nothing if what it makes is there. A statement ends with a semicolon at the end of a line. A comment
-- has lines of its own.

-- products: V0001, V0006, V0013.
CREATE TABLE IF NOT EXISTS products (
    id            uuid        NOT NULL,
    name          text        NOT NULL,
    currency      text        NOT NULL,
    price_minor   bigint      NOT NULL,
    stock         integer     NOT NULL,
    active        boolean     NOT NULL DEFAULT true,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    stocked       bigint      NOT NULL,
    stock_buckets integer     NOT NULL DEFAULT 1,

    CONSTRAINT products_pkey PRIMARY KEY (id),
    CONSTRAINT products_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT products_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT products_price_not_negative CHECK (price_minor >= 0),
    CONSTRAINT products_stock_not_negative CHECK (stock >= 0),
    CONSTRAINT products_version_positive CHECK (version > 0),
    CONSTRAINT products_stocked_not_negative CHECK (stocked >= 0),
    CONSTRAINT products_stock_buckets_range CHECK (stock_buckets BETWEEN 1 AND 64)
);

-- stock_buckets: V0013.
CREATE TABLE IF NOT EXISTS stock_buckets (
    product_id uuid    NOT NULL,
    bucket     integer NOT NULL,
    stock      integer NOT NULL,
    version    bigint  NOT NULL,

    CONSTRAINT stock_buckets_pkey PRIMARY KEY (product_id, bucket),
    CONSTRAINT stock_buckets_product_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT stock_buckets_bucket_range CHECK (bucket BETWEEN 1 AND 64),
    CONSTRAINT stock_buckets_stock_not_negative CHECK (stock >= 0)
);

-- orders: V0002, V0008, V0012.
CREATE TABLE IF NOT EXISTS orders (
    id             uuid        NOT NULL,
    number         text        NOT NULL,
    owner          text        NOT NULL,
    status         text        NOT NULL,
    customer_name  text        NOT NULL,
    customer_email text        NOT NULL,
    currency       text        NOT NULL,
    total_minor    bigint      NOT NULL,
    item_count     integer     NOT NULL,
    version        bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    proven_email   text,

    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_number_key UNIQUE (number),
    CONSTRAINT orders_number_form CHECK (
        number ~ '^ORD-[0-9]{8}-([0-9A-F]{8}|[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){2})$'
    ),
    CONSTRAINT orders_status_known
        CHECK (status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT orders_customer_name_length CHECK (char_length(customer_name) BETWEEN 1 AND 200),
    CONSTRAINT orders_customer_email_length CHECK (char_length(customer_email) BETWEEN 3 AND 254),
    CONSTRAINT orders_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT orders_total_not_negative CHECK (total_minor >= 0),
    CONSTRAINT orders_item_count_range CHECK (item_count BETWEEN 1 AND 100),
    CONSTRAINT orders_version_positive CHECK (version > 0),
    CONSTRAINT orders_proven_email_length CHECK (char_length(proven_email) BETWEEN 3 AND 254)
);

-- order_items: V0002.
CREATE TABLE IF NOT EXISTS order_items (
    order_id         uuid     NOT NULL,
    line             smallint NOT NULL,
    product_id       uuid     NOT NULL,
    name             text     NOT NULL,
    unit_price_minor bigint   NOT NULL,
    quantity         integer  NOT NULL,

    CONSTRAINT order_items_pkey PRIMARY KEY (order_id, line),
    CONSTRAINT order_items_product_once UNIQUE (order_id, product_id),
    CONSTRAINT order_items_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_items_product_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT order_items_unit_price_not_negative CHECK (unit_price_minor >= 0),
    CONSTRAINT order_items_quantity_positive CHECK (quantity > 0)
);

-- order_history: V0002, V0005.
CREATE TABLE IF NOT EXISTS order_history (
    order_id       uuid        NOT NULL,
    version        bigint      NOT NULL,
    from_status    text,
    to_status      text        NOT NULL,
    at             timestamptz NOT NULL,
    actor          text        NOT NULL,
    correlation_id text        NOT NULL,
    reason         text,

    CONSTRAINT order_history_pkey PRIMARY KEY (order_id, version),
    CONSTRAINT order_history_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_history_from_known
        CHECK (from_status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT order_history_to_known
        CHECK (to_status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT order_history_starts_from_nothing CHECK ((from_status IS NULL) = (version = 1)),
    CONSTRAINT order_history_reason_length CHECK (char_length(reason) BETWEEN 1 AND 500)
);

-- outbox: V0003, V0009.
CREATE TABLE IF NOT EXISTS outbox (
    id             uuid        NOT NULL,
    order_id       uuid        NOT NULL,
    kind           text        NOT NULL,
    payload        jsonb       NOT NULL,
    correlation_id text        NOT NULL,
    traceparent    text,
    attempts       integer     NOT NULL DEFAULT 0,
    available_at   timestamptz NOT NULL DEFAULT now(),
    created_at     timestamptz NOT NULL DEFAULT now(),
    leased_until   timestamptz,

    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT outbox_kind_length CHECK (char_length(kind) BETWEEN 1 AND 64),
    CONSTRAINT outbox_attempts_not_negative CHECK (attempts >= 0)
);

-- idempotency_keys: V0004, V0014.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    owner        text        NOT NULL,
    route        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    order_id     uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner, route, key),
    CONSTRAINT idempotency_keys_key_form CHECK (
        key ~ '^[\x21-\x7e]+$' AND octet_length(key) <= 255
    ),
    CONSTRAINT idempotency_keys_request_hash_length CHECK (octet_length(request_hash) = 32)
);

-- first_issuer: V0010.
CREATE TABLE IF NOT EXISTS first_issuer (
    only_row boolean NOT NULL DEFAULT true,
    issuer   text    NOT NULL,

    CONSTRAINT first_issuer_pkey PRIMARY KEY (only_row),
    CONSTRAINT first_issuer_only_row CHECK (only_row)
);

-- notifications: V0012.
CREATE TABLE IF NOT EXISTS notifications (
    order_id     uuid        NOT NULL,
    event        text        NOT NULL,
    claim        uuid        NOT NULL,
    leased_until timestamptz NOT NULL,
    outcome      text,
    settled_at   timestamptz,
    message_id   text,
    reason       text,

    CONSTRAINT notifications_pkey PRIMARY KEY (order_id, event),
    CONSTRAINT notifications_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT notifications_event_known CHECK (
        event IN ('OrderPlaced', 'OrderConfirmed', 'OrderShipped', 'OrderDelivered', 'OrderCancelled')
    ),
    CONSTRAINT notifications_outcome_known CHECK (outcome IN ('sent', 'refused', 'no_address')),
    CONSTRAINT notifications_settled_with_outcome CHECK ((outcome IS NULL) = (settled_at IS NULL))
);

-- V0009. The index on it comes below.
CREATE OR REPLACE FUNCTION outbox_lane(kind text, attempts integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN kind <> 'fulfillment_job' THEN 'event'
    WHEN attempts = 0 THEN 'unsent_job'
    ELSE 'sent_job'
END;

-- V0011.
CREATE OR REPLACE FUNCTION item_json(
    product_id uuid, name text, unit_price_minor bigint, quantity integer
)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN json_build_object(
    'product_id', product_id,
    'name', name,
    'unit_price_minor', unit_price_minor,
    'quantity', quantity
);

-- V0011.
CREATE OR REPLACE FUNCTION history_json(
    from_status text, to_status text, at timestamptz, actor text, correlation_id text, reason text
)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN json_build_object(
    'from', from_status,
    'to', to_status,
    'at', at,
    'actor', actor,
    'correlation_id', correlation_id,
    'reason', reason
);

-- V0011.
CREATE OR REPLACE FUNCTION event_json(
    order_id uuid, number text, at timestamptz, correlation_id text, traceparent text
)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'v', 1,
    'order_id', order_id,
    'number', number,
    'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'correlation_id', correlation_id,
    'traceparent', traceparent
));

-- V0007.
CREATE INDEX ASYNC IF NOT EXISTS orders_owner_id_idx ON orders (owner, id);

-- V0007.
CREATE INDEX ASYNC IF NOT EXISTS orders_owner_status_id_idx ON orders ((owner || '/' || status), id);

-- V0007.
CREATE INDEX ASYNC IF NOT EXISTS orders_status_id_idx ON orders (status, id);

-- V0007.
CREATE INDEX ASYNC IF NOT EXISTS orders_customer_email_id_idx
    ON orders (lower(customer_email COLLATE "C"), id);

-- V0009.
CREATE INDEX ASYNC IF NOT EXISTS outbox_lane_available_at_idx
    ON outbox (outbox_lane(kind, attempts), available_at);

-- V0004.
CREATE INDEX ASYNC IF NOT EXISTS idempotency_keys_created_at_idx ON idempotency_keys (created_at);
