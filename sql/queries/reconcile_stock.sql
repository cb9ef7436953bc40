-- Whether what was ever put on sale is there, or in an order: every product of which it is not.
--
-- $1 the last id of the orders that were added up, by ranges, $2 the time from which on cancellations
-- were not looked at then, $3 product ids, $4 how many pieces those orders hold (same length).
--
-- Answers one row a discrepancy, or a single one with nulls; each says how many products there are.
WITH
added_up AS (
    SELECT a.product_id, a.quantity
    FROM unnest($3::uuid[], $4::bigint[]) AS a (product_id, quantity)
),
-- What changed since, as this snapshot shows it: orders that are newer than those that were added up,
-- and of those that were, the ones that were cancelled since. By status, which an index holds.
newer AS (
    SELECT i.product_id, i.quantity::bigint AS quantity
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    WHERE o.id > $1 AND i.order_id > $1 AND o.status <> 'cancelled'
),
cancelled AS (
    SELECT i.product_id, -i.quantity::bigint AS quantity
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    WHERE o.status = 'cancelled' AND o.updated_at >= $2 AND o.id <= $1
),
held AS (
    SELECT h.product_id, sum(h.quantity)::bigint AS quantity
    FROM (
        SELECT product_id, quantity FROM added_up
        UNION ALL
        SELECT product_id, quantity FROM newer
        UNION ALL
        SELECT product_id, quantity FROM cancelled
    ) h
    GROUP BY h.product_id
),
discrepancies AS (
    SELECT p.id, p.name AS label,
           format('%s were put on sale', p.stocked) AS expected,
           format('%s are left and orders hold %s', p.stock, coalesce(h.quantity, 0)) AS found
    FROM products p
    LEFT JOIN held h ON h.product_id = p.id
    WHERE p.stocked <> p.stock + coalesce(h.quantity, 0)
)
SELECT (SELECT count(*) FROM products) AS products, 'stock' AS kind, d.id, d.label, d.expected, d.found
FROM (VALUES (1)) AS always (row)
LEFT JOIN discrepancies d ON true
