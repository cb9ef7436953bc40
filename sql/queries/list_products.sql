-- Products that can be ordered, in id order. $1 how many at most.
SELECT id, name, currency, price_minor, stock, active, version, updated_at
FROM products
WHERE active
ORDER BY id
LIMIT $1
