-- A page of the orders of one address, newest first.
--
-- $1 ids below this one, $2 ids from this one on; $3 placed at or after this time, $4 placed before
-- this time, or null; $5 size of the page; $6 address in lower case.
--
-- The key is compared and sorted together with the id, so that the planner uses the index of both:
-- decision 11.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
WHERE (lower(customer_email COLLATE "C"), id) < ($6, $1)
    AND (lower(customer_email COLLATE "C"), id) >= ($6, $2)
    AND ($3::timestamptz IS NULL OR created_at >= $3)
    AND ($4::timestamptz IS NULL OR created_at < $4)
ORDER BY lower(customer_email COLLATE "C") DESC, id DESC
LIMIT $5
