-- The quantity of each product that the orders in a range of ids hold.
--
-- $1 the id before the range, $2 the last id in it, $3 a time. Orders canceled at $3 or later still
-- count; `reconcile_stock.sql` subtracts them.
SELECT i.product_id, sum(i.quantity)::bigint AS quantity
FROM orders o
JOIN order_items i ON i.order_id = o.id
WHERE o.id > $1 AND o.id <= $2 AND i.order_id > $1 AND i.order_id <= $2
    AND NOT (o.status = 'cancelled' AND o.updated_at < $3)
GROUP BY i.product_id
