-- What the page Stack shows of Postgres. Returns one row.
SELECT
    count(*) FILTER (WHERE a.datname = current_database()) AS connections,
    count(*) FILTER (WHERE a.datname = current_database() AND a.state = 'active') AS active,
    current_setting('max_connections')::integer AS most,
    (SELECT count(*) FROM outbox x WHERE x.kind = 'fulfillment_job') AS jobs,
    (SELECT count(*) FROM outbox x WHERE x.kind <> 'fulfillment_job') AS events,
    (SELECT extract(epoch FROM now() - min(x.created_at))::float8 FROM outbox x) AS oldest_s
FROM pg_stat_activity a
WHERE a.backend_type = 'client backend'
