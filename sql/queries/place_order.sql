-- Places an order, or writes nothing.
--
-- $1 order id, $2 number, $3 owner, $4 customer name, $5 customer email, $6 correlation id,
-- $7 product ids, $8 quantities (same length, each product once, in the order of the lines),
-- $9 traceparent or null, $10 seconds until the relay may send the job,
-- $11 idempotency key or null, $12 route, $13 hash of the request, $14 seconds a key is kept,
-- $15 the most pending orders of an owner, $16 the most orders of an owner in a minute,
-- $17 the lowest id that an order of the last minute can have, $18 the email address that the token
-- proves, or null.
--
-- Returns a row for each line, with its product as found and the outcome of the order: placed;
-- refused because of its products; pending_limit or minute_limit; replay, reused or in_flight because
-- of its key. The statement may wait for another with the same key or products, but its snapshot does
-- not show what that one wrote. After in_flight, or refused with a key, run it again to see that.
--
-- A product whose stock is in buckets is missing here, as one that does not exist or is not for sale.
-- After refused with a missing product, place_order_from_buckets.sql knows which it is.
WITH
-- The lines of the request.
wanted AS (
    SELECT w.line, w.product_id, w.quantity
    FROM unnest($7::uuid[], $8::int[]) WITH ORDINALITY AS w (product_id, quantity, line)
),
-- The order that was placed with the key before.
earlier AS (
    SELECT k.order_id, k.request_hash = $13 AS same_request
    FROM idempotency_keys k
    WHERE k.owner = $3 AND k.route = $12 AND k.key = $11
        AND k.created_at > now() - make_interval(secs => $14)
),
-- Whether the owner is at a limit. Concurrent requests do not see each other, so a few more may get
-- through. Each count is a range scan of an index that stops at the limit.
owner_limits AS (
    SELECT
        (
            SELECT count(*) >= $15::int
            FROM (
                SELECT FROM orders o
                WHERE o.owner || '/' || o.status = $3 || '/pending'
                LIMIT $15::int
            ) pending
        ) AS pending_reached,
        (
            SELECT count(*) >= $16::int
            FROM (SELECT FROM orders o WHERE o.owner = $3 AND o.id >= $17::uuid LIMIT $16::int) recent
        ) AS minute_reached
),
-- The products, locked in id order so that concurrent orders can't deadlock. After a wait, the row is
-- as the other statement left it.
locked AS MATERIALIZED (
    SELECT p.id, p.name, p.currency, p.price_minor, p.stock, p.active
    FROM products p
    WHERE p.id = ANY ($7::uuid[])
        AND p.stock_buckets = 1
        AND NOT EXISTS (SELECT FROM earlier)
        AND NOT (SELECT pending_reached OR minute_reached FROM owner_limits)
    ORDER BY p.id
    FOR UPDATE
),
-- The lines with their products; one that is not for sale has null for its stock.
lines AS (
    SELECT w.line, w.product_id, w.quantity, l.name, l.currency, l.price_minor, l.stock
    FROM wanted w
    LEFT JOIN locked l ON l.id = w.product_id AND l.active
),
-- All lines or none. If the total overflows bigint, the statement fails (22003) and writes nothing.
verdict AS (
    SELECT
        bool_and(coalesce(stock >= quantity, false)) AND count(DISTINCT currency) = 1 AS available,
        min(currency) AS currency,
        sum(price_minor * quantity)::bigint AS total_minor,
        count(*)::int AS item_count
    FROM lines
),
-- Claims the key, unless the order is refused. An expired key is taken over. This waits for a
-- concurrent request with the same key; if that one commits, this one writes nothing.
claim AS (
    INSERT INTO idempotency_keys AS k (owner, route, key, request_hash, order_id)
    SELECT $3, $12, $11, $13, $1
    FROM verdict v
    WHERE v.available AND $11::text IS NOT NULL
    ON CONFLICT (owner, route, key) DO UPDATE
    SET request_hash = excluded.request_hash, order_id = excluded.order_id, created_at = now()
    WHERE k.created_at <= now() - make_interval(secs => $14)
    RETURNING 1
),
accepted AS (
    SELECT v.currency, v.total_minor, v.item_count
    FROM verdict v
    WHERE v.available AND ($11::text IS NULL OR EXISTS (SELECT FROM claim))
),
-- Uses the stock from the locked row. `p.stock` would first be that of the snapshot, which may be too
-- small, and the CHECK would fail before Postgres rereads the row.
reserved AS (
    UPDATE products p
    SET stock = l.stock - l.quantity
    FROM lines l, accepted
    WHERE p.id = l.product_id
),
placed AS (
    INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                        total_minor, item_count, created_at, updated_at, proven_email)
    SELECT $1, $2, $3, 'pending', $4, $5, a.currency, a.total_minor, a.item_count, now(), now(), $18
    FROM accepted a
    RETURNING id, number, version, status, customer_name, customer_email, currency, total_minor,
              created_at
),
-- Items, history and outbox select from the placed order, so a duplicate id fails on the order itself.
items AS (
    INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
    SELECT p.id, l.line, l.product_id, l.name, l.price_minor, l.quantity
    FROM placed p, lines l
),
history AS (
    INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, correlation_id)
    SELECT p.id, p.version, NULL, p.status, p.created_at, $3, $6
    FROM placed p
),
-- create-order sends the job itself. The row is for the relay if that fails, and stays while the order
-- is pending.
outbox AS (
    INSERT INTO outbox (id, order_id, kind, payload, correlation_id, traceparent, available_at)
    SELECT m.id, p.id, m.kind, m.payload, $6, $9, m.available_at
    FROM placed p
    CROSS JOIN LATERAL (
        VALUES
        (
            p.id,
            'fulfillment_job',
            jsonb_build_object(
                'v', 1,
                'order_id', p.id,
                'number', p.number,
                'items', (
                    SELECT jsonb_agg(jsonb_build_object(
                        'product_id', l.product_id,
                        'quantity', l.quantity
                    ) ORDER BY l.line)
                    FROM lines l
                ),
                'correlation_id', $6::text,
                'traceparent', $9::text,
                'placed_at', p.created_at
            ),
            now() + make_interval(secs => $10)
        ),
        (
            gen_random_uuid(),
            'OrderPlaced',
            event_json(p.id, p.number, p.created_at, $6, $9) || jsonb_build_object(
                'customer_name', p.customer_name,
                'customer_email', p.customer_email,
                'currency', p.currency,
                'total_minor', p.total_minor,
                'items', (
                    SELECT jsonb_agg(jsonb_build_object(
                        'product_id', l.product_id,
                        'name', l.name,
                        'quantity', l.quantity,
                        'unit_price_minor', l.price_minor
                    ) ORDER BY l.line)
                    FROM lines l
                )
            ),
            now()
        )
    ) AS m (id, kind, payload, available_at)
)
SELECT
    CASE
        WHEN EXISTS (SELECT FROM accepted) THEN 'placed'
        WHEN EXISTS (SELECT FROM earlier WHERE same_request) THEN 'replay'
        WHEN EXISTS (SELECT FROM earlier) THEN 'reused'
        WHEN (SELECT pending_reached FROM owner_limits) THEN 'pending_limit'
        WHEN (SELECT minute_reached FROM owner_limits) THEN 'minute_limit'
        WHEN v.available THEN 'in_flight'
        ELSE 'refused'
    END AS outcome,
    (SELECT order_id FROM earlier) AS earlier_order_id,
    v.total_minor, now() AS placed_at,
    l.product_id, l.quantity, l.name, l.currency, l.price_minor, l.stock
FROM lines l, verdict v
ORDER BY l.line
