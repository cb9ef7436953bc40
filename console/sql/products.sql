-- Products beside the books: `stocked` must be what orders hold plus the stock, which is that of the
-- product and of its buckets.
--
-- $1 an id, or null for all. $2 the most rows.
SELECT
    p.id, p.name, p.currency, p.price_minor, (p.stock + coalesce(b.stock, 0))::integer AS stock,
    p.stock_buckets, p.stocked, p.active, p.version,
    coalesce(h.held, 0)::bigint AS held
FROM products p
LEFT JOIN (
    SELECT i.product_id, sum(i.quantity) AS held
    FROM order_items i
    JOIN orders o ON o.id = i.order_id
    WHERE o.status <> 'cancelled' AND ($1::uuid IS NULL OR i.product_id = $1)
    GROUP BY i.product_id
) h ON h.product_id = p.id
LEFT JOIN (
    SELECT product_id, sum(stock) AS stock FROM stock_buckets GROUP BY product_id
) b ON b.product_id = p.id
WHERE $1::uuid IS NULL OR p.id = $1
ORDER BY p.id
LIMIT $2
