-- A page of products that can be ordered, in id order.
--
-- $1 ids above this one, or null for the first page; $2 the size of the page; $3 text that the name
-- contains, or null. Case is ignored, and there are no wildcards.
SELECT id, name, currency, price_minor, stock, active, version, updated_at
FROM products
WHERE active
    AND id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    AND ($3::text IS NULL OR strpos(lower(name), lower($3)) > 0)
ORDER BY id
LIMIT $2
