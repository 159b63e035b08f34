-- One process keeps house; the others look in now and then. A row: it is us.
-- name: duty_take (keeper)
INSERT INTO duty AS d (name, holder, until)
VALUES ('keeper', $1::int8, pg_catalog.clock_timestamp() + $2::int8 * interval '1 ms')
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,
until = excluded.until
WHERE d.holder = excluded.holder OR d.until < pg_catalog.clock_timestamp()
RETURNING 1::int4;
-- Tables that are used up fast, and how much of each is dead.
-- name: dead_rows (keeper)
SELECT s.relname::text, s.n_dead_tup FROM pg_stat_user_tables s
WHERE s.relid IN (to_regclass('ready'), to_regclass('waiting'),
to_regclass('intent'), to_regclass('node'), to_regclass('lane'),
to_regclass('inbox_user'), to_regclass('inbox_event'))
AND s.n_dead_tup > $1::int8 ORDER BY s.n_dead_tup DESC;
-- Who keeps the oldest row from being cleared away.
-- name: oldest_transaction (keeper)
SELECT pid, (extract(epoch FROM pg_catalog.clock_timestamp() - xact_start) * 1000)::int8,
coalesce(state, ''), coalesce(application_name, '')
FROM pg_stat_activity WHERE datname = current_database()
AND xact_start IS NOT NULL AND backend_type = 'client backend'
AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1;
-- name: vacuum_ready (keeper)
VACUUM (TRUNCATE off) ready;
-- name: vacuum_waiting (keeper)
VACUUM (TRUNCATE off) waiting;
-- name: vacuum_intent (keeper)
VACUUM (TRUNCATE off) intent;
-- name: vacuum_node (keeper)
VACUUM (TRUNCATE off) node;
-- name: vacuum_lane (keeper)
VACUUM (TRUNCATE off) lane;
-- name: vacuum_inbox_user (keeper)
VACUUM (TRUNCATE off) inbox_user;
-- name: vacuum_inbox_event (keeper)
VACUUM (TRUNCATE off) inbox_event;
