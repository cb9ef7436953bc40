-- Session settings of the service's role in this database. Set on the role, because a proxy pins a
-- session that sends SET to one connection, and RDS Proxy accepts no options at connect. Applied
-- after each migration, for connections opened after that.
DO $$
DECLARE
    setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY[
        -- A request has 5 s in all. The server gives up before the client does, so that nothing
        -- commits after the client has given up.
        'lock_timeout = ''3s''',
        'statement_timeout = ''4s''',
        -- Plan each statement once per connection. By default the server plans anew for each call,
        -- which takes several times as long as running the statement; see decision 3.
        'plan_cache_mode = force_generic_plan'
    ] LOOP
        EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET %s', current_database(), setting);
    END LOOP;
END
$$;
