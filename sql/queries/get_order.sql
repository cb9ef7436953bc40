-- An order with its items and history. $1 owner, or null for staff; $2 order id.
SELECT
    o.id, o.number, o.status, o.customer_name, o.customer_email, o.currency, o.total_minor,
    o.item_count, o.version, o.created_at, o.updated_at,
    (
        SELECT json_agg(
            item_json(i.product_id, i.name, i.unit_price_minor, i.quantity) ORDER BY i.line
        )
        FROM order_items i
        WHERE i.order_id = o.id
    ) AS items,
    (
        SELECT json_agg(
            history_json(h.from_status, h.to_status, h.at, h.actor, h.correlation_id, h.reason)
            ORDER BY h.version
        )
        FROM order_history h
        WHERE h.order_id = o.id
    ) AS history
FROM orders o
WHERE o.id = $2 AND ($1::text IS NULL OR o.owner = $1)
