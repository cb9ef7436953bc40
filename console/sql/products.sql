-- Products beside the books: `stocked` must be `stock` plus what orders hold.
--
-- $1 an id, or null for all. $2 the most rows.
SELECT
    p.id, p.name, p.currency, p.price_minor, p.stock, p.stocked, p.active, p.version,
    coalesce(h.held, 0)::bigint AS held
FROM products p
LEFT JOIN (
    SELECT i.product_id, sum(i.quantity) AS held
    FROM order_items i
    JOIN orders o ON o.id = i.order_id
    WHERE o.status <> 'cancelled' AND ($1::uuid IS NULL OR i.product_id = $1)
    GROUP BY i.product_id
) h ON h.product_id = p.id
WHERE $1::uuid IS NULL OR p.id = $1
ORDER BY p.id
LIMIT $2
