-- The newest orders of one owner. $1 owner, $2 how many at most.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
WHERE owner = $1
ORDER BY id DESC
LIMIT $2
