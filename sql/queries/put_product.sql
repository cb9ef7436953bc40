-- Creates or replaces a product, if what the caller knows of it still holds, or writes nothing.
--
-- $1 product id, $2 name, $3 currency, $4 price in minor units, $5 stock, $6 whether it is active,
-- $7 the version that the caller saw, or null to create it; $8 the stock that the caller saw, or
-- null if $5 is how many there are to be at this moment, whatever there were.
--
-- Answers the product as it is now, and what became of it: created, replaced or refused. No row:
-- there is no such product, or somebody created it at the same time.
WITH
-- Whoever waits here goes on with the row as the other left it, its stock included.
found AS MATERIALIZED (
    SELECT p.id, p.name, p.currency, p.price_minor, p.stock, p.active, p.version, p.updated_at,
           p.stocked,
           -- What was sold or given back since the caller looked stays so: the stock changes by
           -- what the caller changed. As bigint, since two integers may add up to more than one.
           p.stock::bigint + $5::integer - coalesce($8::integer, p.stock) AS new_stock
    FROM products p
    WHERE p.id = $1
    FOR NO KEY UPDATE
),
created AS (
    INSERT INTO products (id, name, currency, price_minor, stock, stocked, active)
    SELECT $1, $2, $3, $4, $5, $5, $6
    WHERE $7::bigint IS NULL AND NOT EXISTS (SELECT FROM found)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, name, currency, price_minor, stock, active, version, updated_at
),
replaced AS (
    UPDATE products p
    SET name = $2, currency = $3, price_minor = $4, stock = f.new_stock,
        -- All of it from the row as it was locked: `p` is that of the snapshot at first.
        stocked = f.stocked + f.new_stock - f.stock,
        active = $6, version = f.version + 1, updated_at = now()
    FROM found f
    WHERE p.id = f.id AND f.version = $7 AND f.new_stock BETWEEN 0 AND 2147483647
    RETURNING p.id, p.name, p.currency, p.price_minor, p.stock, p.active, p.version, p.updated_at
)
SELECT 'created' AS outcome, c.* FROM created c
UNION ALL
SELECT 'replaced', r.* FROM replaced r
UNION ALL
SELECT 'refused', f.id, f.name, f.currency, f.price_minor, f.stock, f.active, f.version, f.updated_at
FROM found f
WHERE NOT EXISTS (SELECT FROM replaced)
