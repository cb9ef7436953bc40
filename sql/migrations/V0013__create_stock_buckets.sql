-- Stock in buckets, for a product that sells faster than one row allows: each order locks the row that
-- it takes from until it is committed. How many pieces of a product can be sold is, for every product,
--
--   products.stock + the sum of its buckets
--
-- A product with one bucket has no row here, and all of its stock in `products.stock`. One with more has
-- its stock here; `products.stock` holds what code that doesn't know of buckets gives back, until it is
-- sold or the product is put again. Such code refuses orders for what is here, and keeps the sum right.
ALTER TABLE products
    ADD COLUMN stock_buckets integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT products_stock_buckets_range CHECK (stock_buckets BETWEEN 1 AND 64);

CREATE TABLE stock_buckets (
    product_id uuid    NOT NULL,
    -- From 1 to the product's `stock_buckets`.
    bucket     integer NOT NULL,
    stock      integer NOT NULL,
    -- The version of the product whose PUT filled this bucket. An order that waited for a bucket sees
    -- by it that the product was put again.
    version    bigint  NOT NULL,

    CONSTRAINT stock_buckets_pkey PRIMARY KEY (product_id, bucket),
    CONSTRAINT stock_buckets_product_fkey FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT stock_buckets_bucket_range CHECK (bucket BETWEEN 1 AND 64),
    CONSTRAINT stock_buckets_stock_not_negative CHECK (stock >= 0)
);

-- As of products: no index holds what an order changes, so with room on each page the updates are
-- heap-only.
ALTER TABLE stock_buckets SET (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
