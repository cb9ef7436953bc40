-- The discrepancies of the orders in a range of ids.
--
-- $1 the id before the range, $2 the last id in it. An order and its rows change in one statement, so
-- one snapshot of the range is enough.
--
-- Returns a row for each discrepancy, or one with nulls if there is none; each row has the number of
-- orders.
WITH
orders_in_range AS MATERIALIZED (
    SELECT id, number, status, version, item_count, total_minor
    FROM orders
    WHERE id > $1 AND id <= $2
),
lines AS (
    SELECT i.order_id, count(*) AS count, sum(i.unit_price_minor * i.quantity)::bigint AS total_minor
    FROM order_items i
    WHERE i.order_id > $1 AND i.order_id <= $2
    GROUP BY i.order_id
),
-- Each entry must start from the status of the one before.
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
        WHERE h.order_id > $1 AND h.order_id <= $2
        WINDOW steps AS (PARTITION BY h.order_id ORDER BY h.version)
    ) h
    GROUP BY h.order_id
),
jobs AS (
    SELECT x.id
    FROM outbox x
    WHERE x.id > $1 AND x.id <= $2
),
discrepancies AS (
    SELECT 'total' AS kind, o.id, o.number AS label,
           format('%s lines for %s', o.item_count, o.total_minor) AS expected,
           format('%s lines for %s', coalesce(l.count, 0), coalesce(l.total_minor, 0)) AS found
    FROM orders_in_range o
    LEFT JOIN lines l ON l.order_id = o.id
    WHERE (o.item_count, o.total_minor) IS DISTINCT FROM (l.count, l.total_minor)
    UNION ALL
    SELECT 'history', o.id, o.number,
           format('%s after %s steps', o.status, o.version),
           CASE
               WHEN h.whole THEN format('%s after %s steps', h.status, h.count)
               ELSE 'a history with gaps'
           END
    FROM orders_in_range o
    LEFT JOIN history h ON h.order_id = o.id
    WHERE (o.status, o.version, true) IS DISTINCT FROM (h.status, h.count, h.whole)
    UNION ALL
    -- Pending orders have a job, and no other order has one.
    SELECT 'job', o.id, o.number,
           CASE WHEN o.status = 'pending' THEN 'a job in the outbox' ELSE 'no job in the outbox' END,
           CASE WHEN o.status = 'pending' THEN 'none' ELSE 'a job of an order that is ' || o.status END
    FROM orders_in_range o
    LEFT JOIN jobs x ON x.id = o.id
    WHERE (o.status = 'pending') <> (x.id IS NOT NULL)
)
SELECT (SELECT count(*) FROM orders_in_range) AS orders, d.kind, d.id, d.label, d.expected, d.found
FROM (VALUES (1)) AS always (row)
LEFT JOIN discrepancies d ON true
