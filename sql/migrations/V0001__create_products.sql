-- What is for sale, and how much of it is left.
CREATE TABLE products (
    id          uuid        NOT NULL,
    name        text        NOT NULL,
    -- ISO 4217 code; price_minor counts its minor unit (cents, pence, yen).
    currency    text        NOT NULL,
    price_minor bigint      NOT NULL,
    -- What can still be sold: an order takes its share out when it is placed.
    stock       integer     NOT NULL,
    -- An inactive product keeps its row for the orders that name it, and can't be ordered.
    active      boolean     NOT NULL DEFAULT true,
    -- Counts changes by staff, not reservations.
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT products_pkey PRIMARY KEY (id),
    CONSTRAINT products_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT products_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT products_price_not_negative CHECK (price_minor >= 0),
    CONSTRAINT products_stock_not_negative CHECK (stock >= 0),
    CONSTRAINT products_version_positive CHECK (version > 0)
);

-- Stock changes with every order, and no index holds it: with room left on each page those updates
-- stay heap-only and never touch the primary key.
ALTER TABLE products SET (fillfactor = 70);
