-- The JSON that more than one statement builds. The planner puts the expression in place of the call, so
-- a call costs nothing when the statement runs; for that, a function must be STABLE and not STRICT.

-- An item of an order, as the service reads it.
CREATE FUNCTION item_json(product_id uuid, name text, unit_price_minor bigint, quantity integer)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN json_build_object(
    'product_id', product_id,
    'name', name,
    'unit_price_minor', unit_price_minor,
    'quantity', quantity
);

-- An entry of an order's history, as the service reads it.
CREATE FUNCTION history_json(
    from_status text, to_status text, at timestamptz, actor text, correlation_id text, reason text
)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN json_build_object(
    'from', from_status,
    'to', to_status,
    'at', at,
    'actor', actor,
    'correlation_id', correlation_id,
    'reason', reason
);

-- What every event of an order has: docs/events.
CREATE FUNCTION event_json(
    order_id uuid, number text, at timestamptz, correlation_id text, traceparent text
)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'v', 1,
    'order_id', order_id,
    'number', number,
    -- UTC in any session.
    'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'correlation_id', correlation_id,
    'traceparent', traceparent
));
