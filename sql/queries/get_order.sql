-- An order with its items and history. $1 owner, or null for staff; $2 order id.
SELECT
    o.id, o.number, o.status, o.customer_name, o.customer_email, o.currency, o.total_minor,
    o.item_count, o.version, o.created_at, o.updated_at,
    (
        SELECT json_agg(json_build_object(
            'product_id', i.product_id,
            'name', i.name,
            'unit_price_minor', i.unit_price_minor,
            'quantity', i.quantity
        ) ORDER BY i.line)
        FROM order_items i
        WHERE i.order_id = o.id
    ) AS items,
    (
        SELECT json_agg(json_build_object(
            'from', h.from_status,
            'to', h.to_status,
            'at', h.at,
            'actor', h.actor,
            'correlation_id', h.correlation_id,
            'reason', h.reason
        ) ORDER BY h.version)
        FROM order_history h
        WHERE h.order_id = o.id
    ) AS history
FROM orders o
WHERE o.id = $2 AND ($1::text IS NULL OR o.owner = $1)
