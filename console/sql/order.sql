-- An order with its items, its history, what waits for it, and its mails. $1 order id.
SELECT
    o.id, o.number, o.owner, o.status, o.customer_name, o.customer_email, o.currency, o.total_minor,
    o.version, o.created_at,
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
            'at_ms', floor(extract(epoch FROM h.at) * 1000)::bigint,
            'actor', h.actor,
            'correlation_id', h.correlation_id,
            'reason', h.reason
        ) ORDER BY h.version)
        FROM order_history h
        WHERE h.order_id = o.id
    ) AS history,
    (
        SELECT json_agg(json_build_object(
            'kind', x.kind,
            'attempts', x.attempts,
            'due_ms', CASE
                WHEN isfinite(x.available_at)
                THEN floor(extract(epoch FROM x.available_at) * 1000)::bigint
            END
        ) ORDER BY x.created_at)
        FROM outbox x
        WHERE x.order_id = o.id
    ) AS outbox,
    (
        SELECT json_agg(json_build_object(
            'event', m.event,
            'outcome', m.outcome,
            'settled_ms', floor(extract(epoch FROM m.settled_at) * 1000)::bigint,
            'reason', m.reason
        ) ORDER BY m.settled_at, m.event)
        FROM notifications m
        WHERE m.order_id = o.id
    ) AS mails
FROM orders o
WHERE o.id = $1
