-- A page of products that can be ordered, in id order.
--
-- $1 ids above this one, or null for the first page; $2 the size of the page; $3 text that the name
-- contains, or null. Case is ignored, and there are no wildcards.
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
WHERE p.active
    AND p.id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    AND ($3::text IS NULL OR strpos(lower(p.name), lower($3)) > 0)
ORDER BY p.id
LIMIT $2
