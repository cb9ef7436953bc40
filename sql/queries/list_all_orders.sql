-- A page of everyone's orders, newest first.
--
-- $1 ids below this one, $2 ids from this one on; $3 placed at or after this time, $4 placed before
-- this time, or null; $5 size of the page.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
WHERE id < $1 AND id >= $2
    AND ($3::timestamptz IS NULL OR created_at >= $3)
    AND ($4::timestamptz IS NULL OR created_at < $4)
ORDER BY id DESC
LIMIT $5
