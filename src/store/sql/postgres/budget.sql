-- One row for each key, in their order, so that two transactions lock them in
-- one order. The clock is read when the row is ours: who waited for it comes
-- after whom it waited for. A row that is full stays as it is, and is not told.
-- name: budget_take (write)
INSERT INTO budget AS b (tenant, key, until_ms, per_ms, most, granted, times)
SELECT x.tenant, x.key, (c.ms / x.per_ms + 2) * x.per_ms, x.per_ms, x.most,
least(x.want, x.most), array_fill(c.ms, ARRAY[least(x.want, x.most)])
FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int4[], $5::int4[])
WITH ORDINALITY AS x (tenant, key, per_ms, most, want, k)
CROSS JOIN LATERAL (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8
AS ms OFFSET 0) AS c ORDER BY x.k
ON CONFLICT (tenant, key) DO UPDATE
SET (until_ms, per_ms, most, granted, times) = (
SELECT (c.ms / excluded.per_ms + 2) * excluded.per_ms, excluded.per_ms,
excluded.most, g.granted, kept.times || array_fill(c.ms, ARRAY[g.granted])
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS ms
OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT count(*)::int4 AS n,
coalesce(array_agg(t.ms), '{}') AS times
FROM unnest(b.times) AS t (ms) WHERE t.ms > c.ms - excluded.per_ms) AS kept
CROSS JOIN LATERAL (SELECT least(excluded.granted, excluded.most - kept.n)
AS granted) AS g)
WHERE (SELECT count(*) FROM (SELECT (extract(epoch FROM clock_timestamp())
* 1000)::int8 AS ms OFFSET 0) AS c, unnest(b.times) AS t (ms)
WHERE t.ms > c.ms - excluded.per_ms) < excluded.most
RETURNING b.tenant, b.key, b.granted, b.times[cardinality(b.times)];
-- name: budget_give_back (write)
UPDATE budget b SET times = ARRAY(SELECT t.ms FROM (SELECT u.ms, u.k,
row_number() OVER (PARTITION BY u.ms ORDER BY u.k) AS nth
FROM unnest(b.times) WITH ORDINALITY AS u (ms, k)) AS t
WHERE t.ms <> x.at_ms OR t.nth > x.give ORDER BY t.k)
FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int4[])
AS x (tenant, key, at_ms, give)
WHERE (b.tenant, b.key) BETWEEN (x.tenant, x.key) AND (x.tenant, x.key);
-- name: budget_look (read)
SELECT x.k, (SELECT count(*) FROM unnest(b.times) AS t (ms) WHERE t.ms
> (extract(epoch FROM statement_timestamp()) * 1000)::int8 - x.per_ms)
FROM unnest($2::text[], $3::int8[]) WITH ORDINALITY AS x (key, per_ms, k)
CROSS JOIN LATERAL (SELECT * FROM budget y WHERE y.tenant = $1::int8
AND y.key = x.key OFFSET 0) AS b;
-- name: budget_sweep (write)
DELETE FROM budget WHERE ctid = ANY (ARRAY(SELECT ctid FROM budget
WHERE until_ms <= (extract(epoch FROM statement_timestamp()) * 1000)::int8
ORDER BY until_ms LIMIT $1::int8 FOR UPDATE SKIP LOCKED));
