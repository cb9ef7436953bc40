-- One row an order. `id` is a UUIDv7, so the primary key also sorts by age: newest first is a
-- backward scan of it, and a page starts at an id, not at an offset.
CREATE TABLE orders (
    id             uuid        NOT NULL,
    -- For people, on paper and on the telephone.
    number         text        NOT NULL,
    -- The `sub` of the caller who placed it.
    owner          text        NOT NULL,
    status         text        NOT NULL,
    customer_name  text        NOT NULL,
    customer_email text        NOT NULL,
    currency       text        NOT NULL,
    total_minor    bigint      NOT NULL,
    item_count     integer     NOT NULL,
    -- Counts changes, for ETag and If-Match.
    version        bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,

    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_number_key UNIQUE (number),
    CONSTRAINT orders_number_form CHECK (number ~ '^ORD-[0-9]{8}-[0-9A-F]{8}$'),
    CONSTRAINT orders_status_known
        CHECK (status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT orders_customer_name_length CHECK (char_length(customer_name) BETWEEN 1 AND 200),
    CONSTRAINT orders_customer_email_length CHECK (char_length(customer_email) BETWEEN 3 AND 254),
    CONSTRAINT orders_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT orders_total_not_negative CHECK (total_minor >= 0),
    CONSTRAINT orders_item_count_range CHECK (item_count BETWEEN 1 AND 100),
    CONSTRAINT orders_version_positive CHECK (version > 0)
);

-- A caller's own orders, newest first.
CREATE INDEX orders_owner_id_idx ON orders (owner, id DESC);

-- A line of an order, with the product's name and price as they were when it was placed.
CREATE TABLE order_items (
    order_id         uuid     NOT NULL,
    -- Position in the order, from 1.
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

-- Every change of an order's status, written by the statement that makes the change.
CREATE TABLE order_history (
    order_id       uuid        NOT NULL,
    -- The order's version that this change led to; 1 is the placing of it.
    version        bigint      NOT NULL,
    from_status    text,
    to_status      text        NOT NULL,
    at             timestamptz NOT NULL,
    -- Who did it: a caller's `sub`, or the name of a function.
    actor          text        NOT NULL,
    correlation_id text        NOT NULL,

    CONSTRAINT order_history_pkey PRIMARY KEY (order_id, version),
    CONSTRAINT order_history_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_history_from_known
        CHECK (from_status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT order_history_to_known
        CHECK (to_status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT order_history_starts_from_nothing CHECK ((from_status IS NULL) = (version = 1))
);
