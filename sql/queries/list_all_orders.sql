-- The newest orders of everybody, for staff. $1 how many at most.
-- Not the statement of one owner with a condition more: each has an index that is in its order.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
ORDER BY id DESC
LIMIT $1
