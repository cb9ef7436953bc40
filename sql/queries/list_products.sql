-- A page of products that can be ordered, in id order.
--
-- $1 above this id, or null from the start, $2 how many at most,
-- $3 what the name contains, in whatever case, or null. It is looked for as it stands: this is no
-- pattern, and nothing in it means anything else.
SELECT id, name, currency, price_minor, stock, active, version, updated_at
FROM products
WHERE active
    AND id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    AND ($3::text IS NULL OR strpos(lower(name), lower($3)) > 0)
ORDER BY id
LIMIT $2
