-- The newest orders that a search finds, with how long each took to leave `pending`.
--
-- $1 id, $2 number, $3 email, $4 correlation id: null for no such condition. $5 the most rows.
--
-- The correlation id has no index: a scan of the history, which a local stack can afford.
WITH
found AS (
    SELECT o.id, o.number, o.status, o.customer_email, o.currency, o.total_minor, o.created_at
    FROM orders o
    WHERE ($1::uuid IS NULL OR o.id = $1)
        AND ($2::text IS NULL OR o.number = $2)
        AND ($3::text IS NULL OR lower(o.customer_email COLLATE "C") = lower($3))
        AND ($4::text IS NULL OR o.id IN (
            SELECT h.order_id FROM order_history h WHERE h.correlation_id = $4
        ))
    ORDER BY o.id DESC
    LIMIT $5
)
SELECT
    f.id, f.number, f.status, f.customer_email, f.currency, f.total_minor, f.created_at,
    extract(epoch FROM coalesce(h.left_pending_at, now()) - f.created_at)::float8 * 1000 AS pending_ms,
    h.reason
FROM found f
LEFT JOIN LATERAL (
    SELECT
        min(h.at) FILTER (WHERE h.version > 1 AND h.to_status <> h.from_status) AS left_pending_at,
        (array_agg(h.reason ORDER BY h.version DESC) FILTER (WHERE h.reason IS NOT NULL))[1] AS reason
    FROM order_history h
    WHERE h.order_id = f.id
) h ON true
ORDER BY f.id DESC
