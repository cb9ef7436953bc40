-- The same check of a key's form in 0.5 µs, where it took 29 µs. A bound on a repetition, {1,255}, makes
-- the regular expression so large that Postgres builds parts of it anew for each key. NOT VALID, so that
-- no order waits while the table is read; the keys that are there fit.
ALTER TABLE idempotency_keys
    DROP CONSTRAINT idempotency_keys_key_form,
    ADD CONSTRAINT idempotency_keys_key_form
        CHECK (key ~ '^[\x21-\x7e]+$' AND octet_length(key) <= 255) NOT VALID;
