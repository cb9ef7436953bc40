-- The products whose `stocked` is not their stock plus what orders hold, or whose buckets are not
-- those that they should have.
--
-- $1 the last id of the orders that `held_by_orders.sql` added up, $2 the time since which it ignored
-- cancellations, $3 product ids, $4 the quantities that those orders hold (same length).
--
-- Returns a row for each discrepancy, or one with nulls if there is none; each row has the number of
-- products.
WITH
added_up AS (
    SELECT a.product_id, a.quantity
    FROM unnest($3::uuid[], $4::bigint[]) AS a (product_id, quantity)
),
-- The changes since: newer orders, and older ones that were canceled since. The index on the status
-- serves the latter.
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
-- What can be sold of each product: its own stock and its buckets.
sellable AS (
    SELECT p.id, p.name, p.stocked, p.stock_buckets,
           p.stock + coalesce(b.stock, 0) AS stock, coalesce(b.buckets, '{}') AS buckets
    FROM products p
    LEFT JOIN (
        SELECT product_id, sum(stock) AS stock, array_agg(bucket ORDER BY bucket) AS buckets
        FROM stock_buckets
        GROUP BY product_id
    ) b ON b.product_id = p.id
),
discrepancies AS (
    SELECT 'stock' AS kind, p.id, p.name AS label,
           format('%s put on sale', p.stocked) AS expected,
           format('%s in stock and %s in orders', p.stock, coalesce(h.quantity, 0)) AS found
    FROM sellable p
    LEFT JOIN held h ON h.product_id = p.id
    WHERE p.stocked <> p.stock + coalesce(h.quantity, 0)
    UNION ALL
    -- A product with one bucket has none in the table, and one with more has each of them.
    SELECT 'buckets', p.id, p.name,
           format('%s buckets', p.stock_buckets),
           format('the buckets %s', p.buckets)
    FROM sellable p
    WHERE p.buckets <> CASE
        WHEN p.stock_buckets = 1 THEN '{}'::int[]
        ELSE ARRAY(SELECT generate_series(1, p.stock_buckets))
    END
)
SELECT (SELECT count(*) FROM products) AS products, d.kind, d.id, d.label, d.expected, d.found
FROM (VALUES (1)) AS always (row)
LEFT JOIN discrepancies d ON true
