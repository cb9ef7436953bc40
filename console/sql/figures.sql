-- What the page Stack shows of Postgres. Returns one row.
SELECT
    count(*) FILTER (WHERE a.datname = current_database()) AS connections,
    count(*) FILTER (WHERE a.datname = current_database() AND a.state = 'active') AS active,
    current_setting('max_connections')::integer AS most,
    (SELECT count(*) FROM outbox x WHERE x.kind = 'fulfillment_job') AS jobs,
    (SELECT count(*) FROM outbox x WHERE x.kind <> 'fulfillment_job') AS events,
    -- How long the first row that is due has been so. Others are leased, or wait on purpose.
    (
        SELECT extract(epoch FROM now() - min(x.available_at))::float8
        FROM outbox x
        WHERE x.available_at <= now()
    ) AS oldest_s
FROM pg_stat_activity a
WHERE a.backend_type = 'client backend'
