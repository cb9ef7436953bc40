-- Order numbers get 75 bits after the day, where they had 32: ORD-20260221-A9JW0-0Z5SN-T190N beside
-- ORD-20260221-6BA0A415. Both forms are taken, since old orders keep their numbers and old code goes on
-- making them until it is replaced. NOT VALID checks what is written from now on, so that no order
-- waits while the table is read; the numbers that are there fit the old form.
ALTER TABLE orders
    DROP CONSTRAINT orders_number_form,
    ADD CONSTRAINT orders_number_form CHECK (
        number ~ '^ORD-[0-9]{8}-([0-9A-F]{8}|[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){2})$'
    ) NOT VALID;
