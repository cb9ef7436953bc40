-- Places an order whole, or writes nothing.
--
-- $1 order id, $2 number, $3 owner, $4 customer name, $5 customer email, $6 correlation id,
-- $7 product ids, $8 quantities (same length, each product once, in the order of the lines).
--
-- Answers one row a line with the product as it was found, and on each whether the order was placed.
WITH
-- The request, line by line.
wanted AS (
    SELECT w.line, w.product_id, w.quantity
    FROM unnest($7::uuid[], $8::int[]) WITH ORDINALITY AS w (product_id, quantity, line)
),
-- The products, locked in id order: two orders that name the same ones can't wait for each other in
-- a circle. Whoever waits here goes on with the row as the other left it.
locked AS MATERIALIZED (
    SELECT p.id, p.name, p.currency, p.price_minor, p.stock
    FROM products p
    WHERE p.id = ANY ($7::uuid[]) AND p.active
    ORDER BY p.id
    FOR NO KEY UPDATE
),
-- Request and product side by side; a product that is not for sale has no stock.
lines AS (
    SELECT w.line, w.product_id, w.quantity, l.name, l.currency, l.price_minor, l.stock
    FROM wanted w
    LEFT JOIN locked l ON l.id = w.product_id
),
-- All lines or none. The product of price and quantity, or their sum, leaving bigint is an error
-- (22003) and so writes nothing.
verdict AS (
    SELECT
        bool_and(coalesce(stock >= quantity, false)) AND count(DISTINCT currency) = 1 AS accepted,
        min(currency) AS currency,
        sum(price_minor * quantity)::bigint AS total_minor,
        count(*)::int AS item_count
    FROM lines
),
reserved AS (
    UPDATE products p
    SET stock = p.stock - l.quantity
    FROM lines l, verdict v
    WHERE v.accepted AND p.id = l.product_id
),
placed AS (
    INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                        total_minor, item_count, created_at, updated_at)
    SELECT $1, $2, $3, 'pending', $4, $5, v.currency, v.total_minor, v.item_count, now(), now()
    FROM verdict v
    WHERE v.accepted
    RETURNING id, version, status, created_at
),
-- What hangs on the order is written from it, and so after it: an id that is there already is found
-- on the order itself.
items AS (
    INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
    SELECT p.id, l.line, l.product_id, l.name, l.price_minor, l.quantity
    FROM placed p, lines l
),
history AS (
    INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, correlation_id)
    SELECT p.id, p.version, NULL, p.status, p.created_at, $3, $6
    FROM placed p
)
SELECT v.accepted, v.total_minor, now() AS placed_at,
       l.product_id, l.quantity, l.name, l.currency, l.price_minor, l.stock
FROM lines l, verdict v
ORDER BY l.line
