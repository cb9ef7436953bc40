-- Records the outcome of a notification, unless one is known.
--
-- $1 order id, $2 name of the event, $3 outcome, $4 SES's id of the mail or null, $5 the reason of a
-- refusal or null.
--
-- Does not ask who has the claim: a mail that was sent counts, even if the lease has ended.
UPDATE notifications
SET outcome = $3, settled_at = now(), message_id = $4, reason = $5
WHERE order_id = $1 AND event = $2 AND outcome IS NULL
