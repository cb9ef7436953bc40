-- Whether the books balance: every discrepancy, as one snapshot shows it, so that it can be asked at
-- any time. No arguments.
--
-- Answers one row a discrepancy, or a single one with nulls; each says how much was looked at.
WITH
-- What orders hold of each product: a cancelled one gave its pieces back.
held AS (
    SELECT i.product_id, sum(i.quantity)::bigint AS quantity
    FROM order_items i
    JOIN orders o ON o.id = i.order_id
    WHERE o.status <> 'cancelled'
    GROUP BY i.product_id
),
lines AS (
    SELECT i.order_id, count(*) AS count, sum(i.unit_price_minor * i.quantity)::bigint AS total_minor
    FROM order_items i
    GROUP BY i.order_id
),
-- Each step must go on from where the one before it ended.
history AS (
    SELECT
        h.order_id,
        count(*) AS count,
        (array_agg(h.to_status ORDER BY h.version DESC))[1] AS status,
        bool_and(h.goes_on) AS whole
    FROM (
        SELECT
            h.order_id, h.version, h.to_status,
            h.from_status IS NOT DISTINCT FROM lag(h.to_status) OVER steps
                AND h.version = row_number() OVER steps AS goes_on
        FROM order_history h
        WINDOW steps AS (PARTITION BY h.order_id ORDER BY h.version)
    ) h
    GROUP BY h.order_id
),
discrepancies AS (
    -- What was ever put on sale is there, or in an order.
    SELECT 'stock' AS kind, p.id, p.name AS label,
           format('%s were put on sale', p.stocked) AS expected,
           format('%s are left and orders hold %s', p.stock, coalesce(h.quantity, 0)) AS found
    FROM products p
    LEFT JOIN held h ON h.product_id = p.id
    WHERE p.stocked <> p.stock + coalesce(h.quantity, 0)
    UNION ALL
    SELECT 'total', o.id, o.number,
           format('%s lines for %s', o.item_count, o.total_minor),
           format('%s lines for %s', coalesce(l.count, 0), coalesce(l.total_minor, 0))
    FROM orders o
    LEFT JOIN lines l ON l.order_id = o.id
    WHERE (o.item_count, o.total_minor) IS DISTINCT FROM (l.count, l.total_minor)
    UNION ALL
    SELECT 'history', o.id, o.number,
           format('%s after %s steps', o.status, o.version),
           CASE
               WHEN h.whole THEN format('%s after %s steps', h.status, h.count)
               ELSE 'a history with gaps'
           END
    FROM orders o
    LEFT JOIN history h ON h.order_id = o.id
    WHERE (o.status, o.version, true) IS DISTINCT FROM (h.status, h.count, h.whole)
    UNION ALL
    -- Whatever is pending will be fulfilled; whatever is not needs no job.
    SELECT 'job', o.id, o.number,
           CASE WHEN o.status = 'pending' THEN 'a job in the outbox' ELSE 'no job in the outbox' END,
           CASE WHEN o.status = 'pending' THEN 'none' ELSE 'one of an order that is ' || o.status END
    FROM orders o
    LEFT JOIN outbox x ON x.id = o.id
    WHERE (o.status = 'pending') <> (x.id IS NOT NULL)
)
SELECT
    (SELECT count(*) FROM products) AS products,
    (SELECT count(*) FROM orders) AS orders,
    d.kind, d.id, d.label, d.expected, d.found
FROM (VALUES (1)) AS always (row)
LEFT JOIN discrepancies d ON true
ORDER BY d.kind, d.id
