-- A product, with the sum of its buckets. $1 product id.
SELECT
    p.id, p.name, p.currency, p.price_minor, p.active, p.version, p.updated_at, p.stock_buckets,
    CASE
        WHEN p.stock_buckets = 1 THEN p.stock
        ELSE (
            SELECT least(p.stock + coalesce(sum(b.stock), 0), 2147483647)::int
            FROM stock_buckets b
            WHERE b.product_id = p.id
        )
    END AS stock
FROM products p
WHERE p.id = $1
