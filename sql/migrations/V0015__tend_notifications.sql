-- Vacuum by the number of rows, as for the orders that they are about. Analyze only a table that is
-- large: a plan that was made for a hundred rows reads all of them, and connections keep it until the
-- next analyze.
ALTER TABLE notifications SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000
);
