-- What endpoints are told: see store/tell.h. Each of the first adds to both
-- tables; lane 0: to all who listen. Kinds are those of domain/events.def.

-- name: told_add (accept write)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason, about)
SELECT * FROM unnest($1::int8[], $2::int2[], $3::int8[], $4::int8[],
$5::int8[], $6::int8[], $7::int4[], $8::text[], $9::text[], $10::text[],
$11::text[], $12::text[]) RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- Finishes, before they are done, as the fence stands: what is ready now as
-- they were claimed, is theirs. As in cycle.sql.
-- name: told_finish (cycle)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason)
SELECT f.tenant, f.kind, $9::int8, f.id, w.notification, 0,
CASE WHEN f.n > 0 THEN f.n ELSE w.attempts END, w.user_id, w.channel,
coalesce(f.provider, w.provider), f.reason FROM
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id,
unnest($3::int4[]) AS had, unnest($4::int8[]) AS was_in,
unnest($5::int2[]) AS kind, unnest($6::int4[]) AS n,
unnest($7::text[]) AS reason, unnest($8::text[]) AS provider) AS f
CROSS JOIN LATERAL (SELECT y.tenant, y.id, y.attempts, y.lane, y.notification,
y.user_id, y.channel, y.provider FROM ready y
WHERE (y.tenant, y.id) >= (f.tenant, f.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE w.tenant = f.tenant AND w.id = f.id
AND w.attempts = f.had AND w.lane IS NOT DISTINCT FROM f.was_in
AND w.channel <> 'endpoint' RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- What this transaction has cancelled (10), of that notification ($2; 0: of
-- any). What was before, at the same time even, is another one's.
-- name: told_cancelled (write)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason)
SELECT tenant, $5::int2, updated_ms, id, notification, 0, attempts, user_id,
channel, provider, reason FROM ended
WHERE tenant = $1::int8 AND id BETWEEN $3::int8 AND $4::int8
AND ($2::int8 = 0 OR notification = $2) AND status = 10
AND xmin = pg_current_xact_id()::xid AND channel <> 'endpoint' ORDER BY id RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- What crashed its owner again and again, once it is dead.
-- name: told_quarantined (cycle)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason)
SELECT d.tenant, $3::int2, d.updated_ms, d.id, d.notification, 0, d.attempts,
d.user_id, d.channel, d.provider, d.reason
FROM unnest($1::int8[], $2::int8[]) AS x (tenant, id)
CROSS JOIN LATERAL (SELECT * FROM dead y WHERE y.tenant = x.tenant
AND y.id = x.id OFFSET 0) AS d WHERE d.channel <> 'endpoint' RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- Members of windows that end, before they are moved: those that come too late,
-- and then the others.
-- name: told_late (accept)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason)
SELECT x.tenant, $4::int2, $5::int8, x.id, w.notification, 0, w.attempts,
w.user_id, w.channel, w.provider, $6::text
FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS x (tenant, digest, id)
CROSS JOIN LATERAL (SELECT * FROM waiting y WHERE y.tenant = x.tenant
AND y.id = x.id OFFSET 0) AS w WHERE w.digest = x.digest RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- name: told_members (accept)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason)
SELECT x.tenant, x.kind, $5::int8, w.id, w.notification, 0, w.attempts,
w.user_id, w.channel, w.provider, x.reason
FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::text[])
AS x (tenant, digest, kind, reason)
CROSS JOIN LATERAL (SELECT * FROM waiting y WHERE y.digest > 0
AND y.digest = x.digest AND y.tenant = x.tenant OFFSET 0) AS w
ORDER BY w.id RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- Receipts, of deliveries that are known to be there.
-- name: told_receipt (write)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel, provider, reason, about)
SELECT $1::int8, x.kind, $2::int8, x.id, d.notification, 0, d.attempts,
x.user_id, x.channel, x.provider, x.reason, x.about
FROM unnest($3::int2[], $4::int8[], $5::text[], $6::text[], $7::text[],
$8::text[], $9::text[])
AS x (kind, id, user_id, channel, provider, reason, about)
CROSS JOIN LATERAL (
SELECT notification, attempts FROM ready y WHERE y.tenant = $1 AND y.id = x.id
UNION ALL SELECT notification, attempts FROM waiting y
WHERE y.tenant = $1 AND y.id = x.id
UNION ALL SELECT notification, attempts FROM dead y
WHERE y.tenant = $1 AND y.id = x.id
UNION ALL SELECT notification, attempts FROM ended y
WHERE y.tenant = $1 AND y.id = x.id LIMIT 1) AS d RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;
-- Items of an inbox that were marked.
-- name: told_mark (write)
WITH t AS (
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user_id, channel)
SELECT $1::int8, $3::int2, $4::int8, i.delivery, i.notification, x.id, 0,
$2::text, 'in_app' FROM unnest($5::int8[]) AS x (id)
CROSS JOIN LATERAL (SELECT delivery, notification FROM inbox_item y
WHERE y.tenant = $1 AND y.user_id = $2 AND y.id = x.id OFFSET 0) AS i
RETURNING id
)
INSERT INTO telling (told, lane) SELECT id, 0 FROM t;

-- name: telling_done (write)
DELETE FROM telling WHERE id = ANY ($1::int8[]);
-- name: telling_take (write)
WITH t AS (
SELECT id FROM telling WHERE lane + 0 >= 0
AND taken_until < statement_timestamp()
ORDER BY taken_until, id LIMIT $1::int8 FOR UPDATE SKIP LOCKED
), u AS (
UPDATE telling o SET taken_until = clock_timestamp()
+ $2::int8 * interval '1 ms' WHERE o.id = ANY (ARRAY(SELECT id FROM t))
RETURNING o.id, o.lane, o.told
)
SELECT u.id, u.lane, d.id, d.tenant, d.kind, d.at_ms, d.delivery,
coalesce(n.parent, d.notification), d.item, d.attempts, d.user_id, d.channel,
d.provider, d.reason, d.about, n.doc FROM u
CROSS JOIN LATERAL (SELECT * FROM told y WHERE y.id = u.told OFFSET 0) AS d
LEFT JOIN LATERAL (SELECT parent, doc FROM notification y
WHERE y.tenant = d.tenant AND y.id = d.notification OFFSET 0) AS n ON true
ORDER BY u.id;
-- name: telling_next (write)
SELECT ceil(extract(epoch FROM min(taken_until) - clock_timestamp()) * 1000)::int8
FROM telling WHERE lane + 0 >= 0 AND taken_until >= statement_timestamp();

-- Told once more to one of them: those after ($4, $5) and before $3; how many
-- that is, how many were looked at, and the last of these.
-- name: told_again (write)
WITH seen AS MATERIALIZED (
SELECT id, at_ms, kind FROM told WHERE at_ms > 0 AND tenant = $1::int8
AND at_ms < $3::int8 AND (at_ms, id) > ($4::int8, $5::int8)
ORDER BY at_ms, id LIMIT $6::int8
), again AS (
INSERT INTO telling (told, lane) SELECT id, $2::int8 FROM seen
WHERE ($7::int8 >> kind) & 1 = 1 ORDER BY at_ms, id
ON CONFLICT DO NOTHING RETURNING id
)
SELECT (SELECT count(*) FROM again), (SELECT count(*) FROM seen),
s.at_ms, s.id FROM (SELECT at_ms, id FROM seen ORDER BY at_ms DESC, id DESC
LIMIT 1) AS s;
-- name: told_sweep (write)
DELETE FROM told WHERE id = ANY (ARRAY(SELECT o.id FROM (SELECT id, at_ms
FROM told ORDER BY id LIMIT $2::int8) AS o WHERE o.at_ms < $1::int8
AND NOT EXISTS (SELECT FROM telling t WHERE t.told = o.id OFFSET 0)));
