-- name: outbox_take (write)
WITH t AS (
SELECT id FROM outbox WHERE taken_until < clock_timestamp()
ORDER BY id LIMIT $1::int8 FOR UPDATE SKIP LOCKED
), u AS (
UPDATE outbox o SET taken_until = clock_timestamp()
+ $2::int8 * interval '1 ms' FROM t WHERE o.id = t.id
RETURNING o.id, o.tenant, o.doc
)
SELECT id, tenant, doc FROM u ORDER BY id;
-- A later look at the configuration than that at the rows.
-- name: outbox_seq (write)
SELECT value FROM meta WHERE name = 'change_seq';
-- name: outbox_refuse (write)
WITH gone AS (
DELETE FROM outbox o USING unnest($1::int8[], $2::text[]) AS x(id, problem)
WHERE o.id = x.id RETURNING o.id, o.tenant, o.at, o.doc, x.problem
)
INSERT INTO outbox_refused (id, tenant, at, refused_at, problem, doc)
SELECT id, tenant, at, clock_timestamp(), problem, doc FROM gone;

-- Those that are still there, and so are ours to accept.
-- name: outbox_delete (accept)
DELETE FROM outbox o USING unnest($1::int8[]) AS x(id) WHERE o.id = x.id
RETURNING o.id;
