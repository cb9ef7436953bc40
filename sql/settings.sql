-- What holds in the sessions of the role that runs this, in this database: the role of the service.
-- Set here and not by the sessions themselves, so that no session sends a SET: a proxy would pin it to
-- one connection. RDS Proxy takes no options at connect either. Applied after each migration; it holds
-- for connections that are opened after that.
DO $$
DECLARE
    setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY[
        -- A request has 5 s in all. The server gives up before the client does, so that nothing is
        -- written behind its back.
        'lock_timeout = ''3s''',
        'statement_timeout = ''4s''',
        -- A statement is planned once for a connection, whatever its arguments. Left to itself the
        -- server would plan anew for the arguments of each call, which takes several times as long as
        -- the statement itself; see decision 3.
        'plan_cache_mode = force_generic_plan'
    ] LOOP
        EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET %s', current_database(), setting);
    END LOOP;
END
$$;
