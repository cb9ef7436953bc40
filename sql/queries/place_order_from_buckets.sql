-- Places an order that may have products whose stock is in buckets, or writes nothing.
--
-- This is place_order.sql, except for what it locks: of a product in buckets, the picked bucket, and
-- the ones after it as far as they are needed. The product's own row stays unlocked, so two orders wait
-- for each other only if they meet in a bucket.
--
-- $1 order id, $2 number, $3 owner, $4 customer name, $5 customer email, $6 correlation id,
-- $7 product ids, $8 quantities (same length, each product once, in the order of the lines),
-- $9 traceparent or null, $10 seconds until the relay may send the job,
-- $11 idempotency key or null, $12 route, $13 hash of the request, $14 seconds a key is kept,
-- $15 the most pending orders of an owner, $16 the most orders of an owner in a minute,
-- $17 the lowest id that an order of the last minute can have, $18 the email address that the token
-- proves, or null; $19 a number that picks the bucket of each product, $20 whether to lock all buckets.
--
-- Returns what place_order.sql does, and the number of buckets of each product, null if it does not
-- exist. The outcome `again` says that the buckets were changed while this statement waited: run it
-- again with $20. It then locks all buckets, and knows the exact stock.
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
-- The products as the snapshot shows them, unless the order has failed already.
offered AS MATERIALIZED (
    SELECT p.id, p.name, p.currency, p.price_minor, p.stock, p.active, p.stock_buckets, w.quantity
    FROM wanted w
    JOIN products p ON p.id = w.product_id
    WHERE NOT EXISTS (SELECT FROM earlier)
        AND NOT (SELECT pending_reached OR minute_reached FROM owner_limits)
),
-- Their buckets as the snapshot shows them, in turn: the picked one has turn 0.
buckets AS (
    SELECT b.product_id, b.bucket, b.stock, b.version, o.quantity,
           (b.bucket - 1 - $19::int % o.stock_buckets + o.stock_buckets) % o.stock_buckets AS turn
    FROM offered o
    JOIN stock_buckets b ON b.product_id = o.id
),
-- The same with what the ones before hold, and all of them.
seen AS MATERIALIZED (
    SELECT b.*,
           sum(b.stock) OVER (PARTITION BY b.product_id ORDER BY b.turn) - b.stock AS before,
           sum(b.stock) OVER (PARTITION BY b.product_id) AS whole
    FROM buckets b
),
-- Every statement locks buckets before products, and both in the order of their keys, so that none can
-- deadlock. After a wait, a bucket is as the other statement left it; one of a product that was put
-- again has another version, or is gone.
-- None is locked if all together are short: that is refused as of the snapshot.
locked_buckets AS MATERIALIZED (
    SELECT b.product_id, b.bucket, b.stock, s.turn
    FROM seen s
    JOIN stock_buckets b ON b.product_id = s.product_id AND b.bucket = s.bucket
    WHERE $20::boolean
        OR (s.stock > 0 AND s.before < s.quantity AND s.whole >= s.quantity
            AND b.version = s.version)
    ORDER BY b.product_id, b.bucket
    FOR UPDATE OF b
),
-- The products without buckets; or all of them, so that none is put again.
locked AS MATERIALIZED (
    SELECT p.id, p.name, p.currency, p.price_minor, p.stock, p.active, p.stock_buckets
    FROM offered o
    JOIN products p ON p.id = o.id
    CROSS JOIN (SELECT count(*) FROM locked_buckets) buckets_come_first
    WHERE p.stock_buckets = 1 OR $20::boolean
    ORDER BY p.id
    FOR UPDATE OF p
),
-- What can be taken from: the locked buckets in turn, and at last the product's own stock.
pots AS (
    SELECT b.product_id, b.bucket, b.stock, b.turn FROM locked_buckets b
    UNION ALL
    SELECT l.id, 0, l.stock, 64 FROM locked l
),
held AS (
    SELECT p.product_id, sum(p.stock) AS stock, count(*) FILTER (WHERE p.bucket > 0) AS buckets
    FROM pots p
    GROUP BY p.product_id
),
-- The lines with their products; one that is not for sale has null for its name and stock. One with
-- null for its stock only has to be looked at again.
lines AS (
    SELECT w.line, w.product_id, w.quantity, o.stock_buckets,
           coalesce(l.name, o.name) AS name,
           coalesce(l.currency, o.currency) AS currency,
           coalesce(l.price_minor, o.price_minor) AS price_minor,
           CASE
               WHEN h.stock >= w.quantity THEN h.stock
               -- All of it is locked.
               WHEN h.buckets = CASE WHEN l.stock_buckets > 1 THEN l.stock_buckets ELSE 0 END
               THEN h.stock
               -- So much could be sold when the statement began.
               WHEN s.stock < w.quantity THEN s.stock
           END AS stock
    FROM wanted w
    LEFT JOIN (offered o LEFT JOIN locked l ON l.id = o.id)
        ON o.id = w.product_id AND coalesce(l.active, o.active)
    LEFT JOIN held h ON h.product_id = o.id
    LEFT JOIN LATERAL (
        SELECT o.stock + coalesce(max(s.whole), 0) AS stock FROM seen s WHERE s.product_id = o.id
    ) s ON true
),
-- All lines or none. If the total overflows bigint, the statement fails (22003) and writes nothing.
verdict AS (
    SELECT
        bool_and(coalesce(stock >= quantity, false)) AND count(DISTINCT currency) = 1 AS available,
        bool_or(name IS NOT NULL AND stock IS NULL) AS again,
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
-- What is left in each pot: a line takes what it still needs after the pots before.
rest AS (
    SELECT p.product_id, p.bucket, (p.stock - least(p.stock, p.needed))::int AS stock
    FROM (
        SELECT p.product_id, p.bucket, p.stock,
               w.quantity + p.stock - sum(p.stock) OVER (PARTITION BY p.product_id ORDER BY p.turn)
                   AS needed
        FROM pots p
        JOIN wanted w ON w.product_id = p.product_id
        CROSS JOIN accepted
    ) p
    WHERE p.needed > 0 AND p.stock > 0
),
taken_from_buckets AS (
    UPDATE stock_buckets b
    SET stock = r.stock
    FROM rest r
    WHERE b.product_id = r.product_id AND b.bucket = r.bucket
),
taken_from_products AS (
    UPDATE products p
    SET stock = r.stock
    FROM rest r
    WHERE p.id = r.product_id AND r.bucket = 0
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
        WHEN v.again THEN 'again'
        ELSE 'refused'
    END AS outcome,
    (SELECT order_id FROM earlier) AS earlier_order_id,
    v.total_minor, now() AS placed_at,
    l.product_id, l.quantity, l.name, l.currency, l.price_minor,
    CASE WHEN l.stock IS NOT NULL THEN least(l.stock, 2147483647)::int END AS stock, l.stock_buckets
FROM lines l, verdict v
ORDER BY l.line
