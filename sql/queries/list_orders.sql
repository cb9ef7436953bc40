-- The start of each statement that lists a page of orders, newest first. postgres/statements.rs adds
-- a filter, the range of ids and the order.
--
-- $1 ids below this one, $2 ids from this one on. $3 placed at or after this time, $4 placed before
-- this time; null for no limit. $5 the size of the page.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
WHERE ($3::timestamptz IS NULL OR created_at >= $3)
    AND ($4::timestamptz IS NULL OR created_at < $4)
