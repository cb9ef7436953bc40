-- The order with a number, or none.
--
-- $1 number; $2 owner, or null for staff.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
WHERE number = $1 AND ($2::text IS NULL OR owner = $2)
