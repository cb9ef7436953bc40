-- A product. $1 product id.
SELECT id, name, currency, price_minor, stock, active, version, updated_at
FROM products
WHERE id = $1
