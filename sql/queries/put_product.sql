-- Creates or replaces a product if its version is the expected one, or writes nothing.
--
-- $1 product id, $2 name, $3 currency, $4 price in minor units, $5 stock, $6 whether it is active,
-- $7 expected version, or null to create it; $8 the stock that the caller saw, or null to set the
-- stock to exactly $5; $9 the number of buckets, or null for one or as many as there are.
--
-- Returns the product and the outcome: created, replaced or refused; or again, if its buckets were
-- changed while this statement waited: run it again. Returns no row if the product does not exist, or
-- was created concurrently.
WITH
-- Locks buckets before the product, as every statement does.
locked_buckets AS MATERIALIZED (
    SELECT b.stock
    FROM stock_buckets b
    WHERE b.product_id = $1
    ORDER BY b.product_id, b.bucket
    FOR UPDATE
),
-- After a wait, the row and its stock are as the other statement left them.
locked AS MATERIALIZED (
    SELECT p.*, b.count AS buckets, p.stock + b.stock AS whole
    FROM products p
    CROSS JOIN (
        SELECT count(*) AS count, coalesce(sum(stock), 0)::bigint AS stock FROM locked_buckets
    ) b
    WHERE p.id = $1
    FOR UPDATE OF p
),
found AS (
    SELECT l.id, l.name, l.currency, l.price_minor, l.active, l.version, l.updated_at,
           l.stocked, l.stock_buckets, l.whole,
           -- Every bucket was there to be locked.
           l.buckets = CASE WHEN l.stock_buckets > 1 THEN l.stock_buckets ELSE 0 END AS settled,
           coalesce($9::integer, l.stock_buckets) AS new_buckets,
           -- Applies the caller's change of the stock to the current stock, so that what was sold
           -- since stays sold. bigint, since the sum may overflow an integer.
           l.whole + $5::integer - coalesce($8::integer, l.whole) AS new_stock
    FROM locked l
),
-- Of a product with buckets, the row itself has no stock.
created AS (
    INSERT INTO products (id, name, currency, price_minor, stock, stocked, active, stock_buckets)
    SELECT $1, $2, $3, $4, CASE WHEN n.buckets = 1 THEN $5 ELSE 0 END, $5, $6, n.buckets
    FROM (SELECT coalesce($9::integer, 1) AS buckets) n
    WHERE $7::bigint IS NULL AND NOT EXISTS (SELECT FROM found)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, name, currency, price_minor, active, version, updated_at, stock_buckets,
              $5::integer AS stock
),
replaced AS (
    UPDATE products p
    SET name = $2, currency = $3, price_minor = $4,
        stock = CASE WHEN f.new_buckets = 1 THEN f.new_stock ELSE 0 END,
        stock_buckets = f.new_buckets,
        -- From the locked row `f`: `p` is first that of the snapshot.
        stocked = f.stocked + f.new_stock - f.whole,
        active = $6, version = f.version + 1, updated_at = now()
    FROM found f
    WHERE p.id = f.id AND f.version = $7 AND f.settled AND f.new_stock BETWEEN 0 AND 2147483647
    RETURNING p.id, p.name, p.currency, p.price_minor, p.active, p.version, p.updated_at,
              p.stock_buckets, f.new_stock::integer AS stock
),
put AS (
    SELECT 'created' AS outcome, c.* FROM created c
    UNION ALL
    SELECT 'replaced', r.* FROM replaced r
),
-- Each bucket gets its share; the first ones one more, if the stock is not a multiple.
filled AS (
    INSERT INTO stock_buckets AS b (product_id, bucket, stock, version)
    SELECT p.id, n.bucket,
           p.stock / p.stock_buckets
               + CASE WHEN n.bucket <= p.stock % p.stock_buckets THEN 1 ELSE 0 END,
           p.version
    FROM put p
    CROSS JOIN generate_series(1, p.stock_buckets) n (bucket)
    WHERE p.stock_buckets > 1
    ON CONFLICT (product_id, bucket) DO UPDATE
    SET stock = excluded.stock, version = excluded.version
),
dropped AS (
    DELETE FROM stock_buckets b
    USING replaced r
    WHERE b.product_id = r.id
        AND b.bucket > CASE WHEN r.stock_buckets > 1 THEN r.stock_buckets ELSE 0 END
)
SELECT p.* FROM put p
UNION ALL
SELECT CASE WHEN f.settled THEN 'refused' ELSE 'again' END, f.id, f.name, f.currency, f.price_minor,
       f.active, f.version, f.updated_at, f.stock_buckets, least(f.whole, 2147483647)::integer
FROM found f
WHERE NOT EXISTS (SELECT FROM replaced)
