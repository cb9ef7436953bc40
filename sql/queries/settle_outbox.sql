-- Says what became of claimed rows. $1 ids that are done with, $2 ids that are to be sent again,
-- $3 seconds until then (same length). An id is in one of the two. A job that was parked meanwhile,
-- because its order was refused, stays so.
WITH
-- In id order, as every statement locks rows of the outbox that may be others' as well.
locked AS MATERIALIZED (
    SELECT id
    FROM outbox
    WHERE id = ANY ($1::uuid[] || $2::uuid[])
    ORDER BY id
    FOR UPDATE
),
done AS (
    DELETE FROM outbox o
    USING locked l
    WHERE o.id = l.id AND o.id = ANY ($1::uuid[])
)
UPDATE outbox o
SET available_at = now() + make_interval(secs => a.seconds)
FROM locked l
JOIN unnest($2::uuid[], $3::double precision[]) AS a (id, seconds) ON a.id = l.id
WHERE o.id = l.id AND o.available_at < 'infinity'
