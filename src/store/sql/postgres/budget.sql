-- One row for each key, in their order, so that two transactions lock them in
-- one order. The clock is read when the row is ours: who waited for it comes
-- after whom it waited for. A row that is full stays as it is, and is not told.
-- $6: what the places are for, an array for each row, as text. What has several
-- counts once (0: nobody knows what it is), and gets another if it is alone.
-- name: budget_take (write)
INSERT INTO budget AS b (tenant, key, until_ms, per_ms, most, granted, times,
ids)
SELECT x.tenant, x.key, (c.ms / x.per_ms + 2) * x.per_ms, x.per_ms, x.most,
least(x.want, x.most), array_fill(c.ms, ARRAY[least(x.want, x.most)]),
(x.ids::int8[])[1:least(x.want, x.most)]
FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int4[], $5::int4[],
$6::text[]) WITH ORDINALITY AS x (tenant, key, per_ms, most, want, ids, k)
CROSS JOIN LATERAL (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8
AS ms OFFSET 0) AS c ORDER BY x.k
ON CONFLICT (tenant, key) DO UPDATE
SET (until_ms, per_ms, most, granted, times, ids) = (
SELECT (c.ms / excluded.per_ms + 2) * excluded.per_ms, excluded.per_ms,
excluded.most, g.granted, kept.times || array_fill(c.ms, ARRAY[g.granted]),
kept.ids || excluded.ids[1:g.granted]
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS ms
OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT (count(DISTINCT nullif(t.id, 0))
+ count(*) FILTER (WHERE coalesce(t.id, 0) = 0))::int4 AS n,
coalesce(array_agg(t.ms), '{}') AS times,
coalesce(array_agg(coalesce(t.id, 0)), '{}') AS ids,
coalesce(bool_or(t.id = ANY (excluded.ids)), false) AS has
FROM unnest(b.times, b.ids) AS t (ms, id)
WHERE t.ms > c.ms - excluded.per_ms) AS kept
CROSS JOIN LATERAL (SELECT CASE WHEN kept.has AND cardinality(excluded.ids) = 1
THEN 1 ELSE least(excluded.granted, excluded.most - kept.n) END AS granted)
AS g)
WHERE (SELECT count(DISTINCT nullif(t.id, 0))
+ count(*) FILTER (WHERE coalesce(t.id, 0) = 0) < excluded.most OR (cardinality(excluded.ids) = 1
AND coalesce(bool_or(t.id = ANY (excluded.ids)), false))
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS ms
OFFSET 0) AS c, unnest(b.times, b.ids) AS t (ms, id)
WHERE t.ms > c.ms - excluded.per_ms)
RETURNING b.tenant, b.key, b.granted, b.times[cardinality(b.times)];
-- name: budget_give_back (write)
UPDATE budget b SET (times, ids) = (SELECT coalesce(array_agg(t.ms), '{}'),
coalesce(array_agg(t.id), '{}') FROM (SELECT u.ms, coalesce(u.id, 0) AS id,
row_number() OVER (PARTITION BY u.ms, u.id) AS nth
FROM unnest(b.times, b.ids) AS u (ms, id) WHERE u.ms IS NOT NULL) AS t
WHERE t.ms <> x.at_ms OR t.id <> ALL (x.ids::int8[]) OR t.nth > 1)
FROM unnest($1::int8[], $2::text[], $3::int8[], $4::text[])
AS x (tenant, key, at_ms, ids)
WHERE b.tenant = ANY (ARRAY[x.tenant])
AND b.key BETWEEN x.key AND x.key;
-- name: budget_look (read)
SELECT x.k, (SELECT count(DISTINCT nullif(t.id, 0))
+ count(*) FILTER (WHERE coalesce(t.id, 0) = 0)
FROM unnest(b.times, b.ids) AS t (ms, id) WHERE t.ms
> (extract(epoch FROM statement_timestamp()) * 1000)::int8 - x.per_ms)
FROM unnest($2::text[], $3::int8[]) WITH ORDINALITY AS x (key, per_ms, k)
CROSS JOIN LATERAL (SELECT * FROM budget y WHERE y.tenant = $1::int8
AND y.key = x.key OFFSET 0) AS b;
-- name: budget_sweep (write)
DELETE FROM budget WHERE ctid = ANY (ARRAY(SELECT ctid FROM budget
WHERE until_ms <= (extract(epoch FROM statement_timestamp()) * 1000)::int8
ORDER BY until_ms LIMIT $1::int8 FOR UPDATE SKIP LOCKED));
