-- Claims the notifications of a batch of events for a lease, and reads their orders.
--
-- $1 order ids, $2 names of events (same length), $3 id of the claim, $4 seconds of the lease.
--
-- Returns one row for each distinct pair whose order exists. A pair is claimed unless its outcome is
-- known or another claim's lease has not ended. Running the statement again with the same claim
-- returns the same.
WITH
wanted AS (
    SELECT DISTINCT w.order_id, w.event
    FROM unnest($1::uuid[], $2::text[]) AS w (order_id, event)
),
-- In the order of the key, so that concurrent batches can't deadlock. The statement may wait for
-- another that claims the same pair. The condition then sees what that one wrote.
claimed AS (
    INSERT INTO notifications AS n (order_id, event, claim, leased_until)
    SELECT o.id, w.event, $3, now() + make_interval(secs => $4)
    FROM wanted w
    JOIN orders o ON o.id = w.order_id
    ORDER BY w.order_id, w.event
    ON CONFLICT (order_id, event) DO UPDATE
    SET claim = excluded.claim, leased_until = excluded.leased_until
    WHERE n.outcome IS NULL AND (n.leased_until <= now() OR n.claim = excluded.claim)
    RETURNING order_id, event
)
SELECT
    w.order_id, w.event, c.order_id IS NOT NULL AS claimed, n.outcome IS NOT NULL AS settled,
    o.number, o.customer_name, o.customer_email, o.proven_email, o.currency, o.total_minor,
    (
        SELECT json_agg(
            item_json(i.product_id, i.name, i.unit_price_minor, i.quantity) ORDER BY i.line
        )
        FROM order_items i
        WHERE i.order_id = c.order_id
    ) AS items
FROM wanted w
JOIN orders o ON o.id = w.order_id
LEFT JOIN claimed c ON c.order_id = w.order_id AND c.event = w.event
LEFT JOIN notifications n ON n.order_id = w.order_id AND n.event = w.event
