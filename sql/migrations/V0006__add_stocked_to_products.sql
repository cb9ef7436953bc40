-- How many pieces of each product were ever put on sale: the baseline against which the books are
-- checked. For every product, at the end of every statement,
--
--   stocked = stock + the quantities of its lines in orders that are not cancelled
--
-- Placing and cancelling an order move pieces between the two terms on the right and leave it alone;
-- staff who change `stock` change it by the difference.
-- There is no default: whoever inserts a product says what it starts with. No statement of an earlier
-- release inserts one, so old code runs on beside this.
-- The first line locks the table until the end, so that no order is placed while they are counted.
ALTER TABLE products ADD COLUMN stocked bigint;

UPDATE products p
SET stocked = p.stock + coalesce(held.quantity, 0)
FROM products q
LEFT JOIN (
    SELECT i.product_id, sum(i.quantity)::bigint AS quantity
    FROM order_items i
    JOIN orders o ON o.id = i.order_id
    WHERE o.status <> 'cancelled'
    GROUP BY i.product_id
) held ON held.product_id = q.id
WHERE q.id = p.id;

ALTER TABLE products
    ALTER COLUMN stocked SET NOT NULL,
    -- Staff may take away what is left, and not more.
    ADD CONSTRAINT products_stocked_not_negative CHECK (stocked >= 0);
