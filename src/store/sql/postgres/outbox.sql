-- name: outbox_take (write)
WITH t AS (
SELECT id FROM outbox WHERE taken_until < clock_timestamp()
ORDER BY id LIMIT $1::int8 FOR UPDATE SKIP LOCKED
), u AS (
UPDATE outbox o SET taken_until = clock_timestamp()
+ $2::int8 * interval '1 ms' WHERE o.id = ANY (ARRAY(SELECT id FROM t))
RETURNING o.id, o.tenant, o.doc
)
SELECT id, tenant, doc FROM u ORDER BY id;
-- A later look at the configuration than that at the rows.
-- name: outbox_seq (write)
SELECT value FROM meta WHERE name = 'change_seq';
-- name: outbox_refuse (write)
WITH gone AS (
DELETE FROM outbox WHERE id = ANY ($1::int8[]) RETURNING id, tenant, at, doc,
($2::text[])[array_position($1, id)] AS problem
)
INSERT INTO outbox_refused (id, tenant, at, refused_at, problem, doc)
SELECT id, tenant, at, clock_timestamp(), problem, doc FROM gone;

-- Those that are still there, and so are ours to accept.
-- name: outbox_delete (accept)
DELETE FROM outbox WHERE id = ANY ($1::int8[]) RETURNING id;
