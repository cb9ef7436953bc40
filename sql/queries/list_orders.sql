-- A page of orders, newest first. Every way to narrow the list is a statement of its own that begins
-- like this: postgres/statements.rs adds the ids from which to which the page goes, and the order.
--
-- $1 below this id, $2 from this id on: the place in the list, and what is known of ids by their time.
-- $3 placed at this time or later, $4 placed before this time; null for no such limit.
-- $5 how many at most.
SELECT
    id, number, status, customer_name, customer_email, currency, total_minor, item_count, version,
    created_at, updated_at
FROM orders
WHERE ($3::timestamptz IS NULL OR created_at >= $3)
    AND ($4::timestamptz IS NULL OR created_at < $4)
