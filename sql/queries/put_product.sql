-- Creates or replaces a product if its version is the expected one, or writes nothing.
--
-- $1 product id, $2 name, $3 currency, $4 price in minor units, $5 stock, $6 whether it is active,
-- $7 expected version, or null to create it; $8 the stock that the caller saw, or null to set the
-- stock to exactly $5.
--
-- Returns the product and the outcome: created, replaced or refused. Returns no row if the product
-- does not exist, or was created concurrently.
WITH
-- After a wait, the row and its stock are as the other statement left them.
found AS MATERIALIZED (
    SELECT p.id, p.name, p.currency, p.price_minor, p.stock, p.active, p.version, p.updated_at,
           p.stocked,
           -- Applies the caller's change of the stock to the current stock, so that what was sold
           -- since stays sold. bigint, since the sum may overflow an integer.
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
        -- From the locked row `f`: `p` is first that of the snapshot.
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
