-- Whether the orders of a range of ids add up, each by itself: every discrepancy.
--
-- $1 the id after which the range begins, $2 the last id in it. What belongs to an order changes in
-- one statement, so that a snapshot of its range is all that an order takes.
--
-- Answers one row a discrepancy, or a single one with nulls; each says how many orders there are, and
-- how many pieces of which products they hold is `held_by_orders.sql`.
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
    -- Whatever is pending will be fulfilled; whatever is not needs no job.
    SELECT 'job', o.id, o.number,
           CASE WHEN o.status = 'pending' THEN 'a job in the outbox' ELSE 'no job in the outbox' END,
           CASE WHEN o.status = 'pending' THEN 'none' ELSE 'one of an order that is ' || o.status END
    FROM orders_in_range o
    LEFT JOIN jobs x ON x.id = o.id
    WHERE (o.status = 'pending') <> (x.id IS NOT NULL)
)
SELECT (SELECT count(*) FROM orders_in_range) AS orders, d.kind, d.id, d.label, d.expected, d.found
FROM (VALUES (1)) AS always (row)
LEFT JOIN discrepancies d ON true
