-- Who takes part in experiments, and what came of it. Rows of `trial` are the
-- last that a transaction locks, in the order of their key.

-- name: trial_add (accept)
INSERT INTO trial AS t (tenant, round, at_ms, delivered_ms, user_id, variant)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[],
$5::text[], $6::text[]) AS n (tenant, round, at_ms, delivered_ms, user_id,
variant) ORDER BY tenant, round, user_id COLLATE "C"
ON CONFLICT (tenant, round, user_id) DO UPDATE
SET delivered_ms = excluded.delivered_ms WHERE t.delivered_ms = 0
AND excluded.delivered_ms > 0 AND t.variant = excluded.variant;
-- name: trial_delivery_add (accept)
INSERT INTO trial_delivery (tenant, round, delivery, user_id, variant)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[],
$5::text[]);
-- name: trial_delivered (cycle)
UPDATE trial t SET delivered_ms = $2::int8 FROM (SELECT w.tenant, w.round,
w.user_id FROM (SELECT d.* FROM unnest($1::int8[]) AS f (id)
CROSS JOIN LATERAL (SELECT * FROM trial_delivery y WHERE y.delivery = f.id
OFFSET 0) AS d ORDER BY d.tenant, d.round, d.user_id OFFSET 0) AS x
CROSS JOIN LATERAL (SELECT y.tenant, y.round, y.user_id FROM trial y
WHERE y.tenant = x.tenant AND y.round = x.round AND y.user_id = x.user_id
AND y.variant = x.variant AND y.delivered_ms = 0 FOR UPDATE) AS w) AS k
WHERE t.tenant = ANY (ARRAY[k.tenant])
AND t.round BETWEEN k.round AND k.round
AND t.user_id BETWEEN k.user_id AND k.user_id AND t.delivered_ms = 0;
-- name: trial_read (write)
UPDATE trial t SET read_ms = $4::int8 FROM (SELECT w.tenant, w.round, w.user_id
FROM (SELECT d.* FROM unnest($3::int8[]) AS f (id)
CROSS JOIN LATERAL (SELECT y.delivery FROM inbox_item y
WHERE y.tenant = $1::int8 AND y.user_id = $2::text AND y.id = f.id OFFSET 0)
AS i CROSS JOIN LATERAL (SELECT * FROM trial_delivery y
WHERE y.delivery = i.delivery OFFSET 0) AS d
ORDER BY d.tenant, d.round, d.user_id OFFSET 0) AS x
CROSS JOIN LATERAL (SELECT y.tenant, y.round, y.user_id FROM trial y
WHERE y.tenant = x.tenant AND y.round = x.round AND y.user_id = x.user_id
AND y.variant = x.variant AND y.read_ms = 0 FOR UPDATE) AS w) AS k
WHERE t.tenant = ANY (ARRAY[k.tenant])
AND t.round BETWEEN k.round AND k.round
AND t.user_id BETWEEN k.user_id AND k.user_id AND t.read_ms = 0;
-- name: trial_goal (write)
UPDATE trial t SET goal_ms = $4::int8 FROM (SELECT w.* FROM (SELECT n.id
FROM unnest($2::int8[]) AS n (id) ORDER BY n.id OFFSET 0) AS x
CROSS JOIN LATERAL (SELECT y.tenant, y.round, y.user_id FROM trial y WHERE y.tenant = $1::int8
AND y.round = x.id AND y.user_id = $3::text AND y.goal_ms = 0 FOR UPDATE) AS w)
AS k WHERE t.tenant = ANY (ARRAY[k.tenant])
AND t.round BETWEEN k.round AND k.round
AND t.user_id BETWEEN k.user_id AND k.user_id AND t.goal_ms = 0;
-- name: trial_count (read)
SELECT variant, count(*), count(*) FILTER (WHERE delivered_ms > 0),
count(*) FILTER (WHERE at_ms <= $4::int8),
count(*) FILTER (WHERE at_ms <= $4::int8 AND done_ms > 0
AND ($5::int8 = 0 OR done_ms <= at_ms + $5::int8))
FROM (SELECT variant, at_ms, delivered_ms, CASE $3::int4 WHEN 0
THEN delivered_ms WHEN 1 THEN read_ms ELSE goal_ms END AS done_ms FROM trial
WHERE tenant = $1::int8 AND round = $2::int8) AS x
GROUP BY variant ORDER BY variant;
-- name: trial_sweep (write)
DELETE FROM trial WHERE ctid = ANY (ARRAY(SELECT ctid FROM trial
WHERE at_ms < $1::int8 ORDER BY at_ms LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
-- name: trial_delivery_sweep (write)
DELETE FROM trial_delivery WHERE ctid = ANY (ARRAY(SELECT ctid
FROM trial_delivery WHERE delivery < $1::int8 ORDER BY delivery
LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
