-- Why something that was to happen to an order did not: an entry whose two statuses are the same one.
-- Every row that is there has none, so there is nothing to look through, and no order waits for it:
-- NOT VALID checks what is written from now on.
ALTER TABLE order_history
    ADD COLUMN reason text,
    ADD CONSTRAINT order_history_reason_length
        CHECK (char_length(reason) BETWEEN 1 AND 500) NOT VALID;
