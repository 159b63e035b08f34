-- Those that may be new, as they will be if they are: so there is a row to
-- lock, and nothing more to write.
-- name: object_seed (write)
INSERT INTO object (kind, tenant, key, num, version, created_ms, updated_ms,
body) SELECT kind, $1::int8, key, num, 1, $2::int8, $2::int8, body
FROM unnest($3::int2[], $4::text[], $5::int8[], $6::text[])
AS w (kind, key, num, body)
ON CONFLICT (kind, tenant, key) DO NOTHING RETURNING kind, key;
-- name: object_lock (write)
SELECT w.n, o.num, o.version, o.created_ms, o.updated_ms, o.body IS NULL,
CASE WHEN w.wants_body THEN o.body END
FROM unnest($2::int2[], $3::text[], $4::bool[])
WITH ORDINALITY AS w (kind, key, wants_body, n)
CROSS JOIN LATERAL (SELECT * FROM object y WHERE y.kind = w.kind
AND y.tenant = $1::int8 AND y.key = w.key OFFSET 0 FOR UPDATE) AS o
ORDER BY w.n;
-- They are locked, so each is where it was found.
-- name: object_write (write)
UPDATE object o SET num = w.num, version = w.version,
created_ms = w.created_ms, updated_ms = $2::int8, body = w.body
FROM unnest($3::int2[], $4::text[], $5::int8[], $6::int8[], $7::int8[],
$8::text[]) AS w (kind, key, num, version, created_ms, body)
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM object y WHERE y.kind = w.kind
AND y.tenant = $1::int8 AND y.key = w.key OFFSET 0) AS f WHERE o.ctid = f.at;
-- name: object_bury (write)
UPDATE object SET body = NULL, version = version + 1, updated_ms = $4::int8
WHERE kind = $1::int4 AND tenant = $2::int8 AND key = $3::text;
-- The counter's row stays locked until the commit: this goes last.
-- name: change_add (write)
WITH counter AS (UPDATE meta SET value = value + cardinality($2::int2[])
WHERE name = 'change_seq' RETURNING value)
INSERT INTO change (seq, tenant, kind, key)
SELECT c.value - cardinality($2::int2[]) + w.n, $1::int8, w.kind, w.key
FROM counter c, unnest($2::int2[], $3::text[])
WITH ORDINALITY AS w (kind, key, n)
RETURNING seq;
