-- A slot that nobody lives in; first those never used, then the one left
-- longest. No row: another was quicker, try again.
-- name: node_register (control)
INSERT INTO node AS n (slot, incarnation, beat, started, is_live, id_limit_ms,
pid, host, roles, version)
SELECT g, $1::int8, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), true, 0, $2::int4,
$3::text, $4::text, $5::text FROM generate_series(0, 1023) AS g
LEFT JOIN node o ON o.slot = g WHERE o.slot IS NULL OR NOT o.is_live
ORDER BY o.beat NULLS FIRST, g LIMIT 1
ON CONFLICT (slot) DO UPDATE SET incarnation = excluded.incarnation,
beat = excluded.beat, started = excluded.started, is_live = true,
pid = excluded.pid, host = excluded.host, roles = excluded.roles,
version = excluded.version
WHERE NOT n.is_live
RETURNING slot, id_limit_ms;
-- Living ones that are for development where we are not, or the other way
-- round. Nobody may have been there to bury a dead one.
-- name: node_strangers (control)
SELECT count(*) FROM node WHERE is_live
AND beat > pg_catalog.clock_timestamp() - $2::int8 * interval '1 ms'
AND ('dev' = ANY (string_to_array(roles, ','))) <> $1::bool;
-- The same slot once more, as somebody new ($3), also when that was done and
-- the answer lost. No row: another process has it.
-- name: node_return (control)
UPDATE node SET incarnation = $3::int8, beat = pg_catalog.clock_timestamp(),
started = pg_catalog.clock_timestamp(), is_live = true
WHERE slot = $1::int2 AND incarnation IN ($2::int8, $3)
RETURNING incarnation;
-- How long ago the last one was. No row: we were thought dead.
-- name: node_beat (control)
WITH old AS (
SELECT slot, beat FROM node WHERE incarnation = $1::int8 AND is_live FOR UPDATE
)
UPDATE node n SET beat = pg_catalog.clock_timestamp(),
id_limit_ms = greatest(id_limit_ms, $2::int8) FROM old WHERE n.slot = old.slot
RETURNING (extract(epoch FROM pg_catalog.clock_timestamp() - old.beat) * 1000)::int8;
-- Those that have been silent for $1 ms. When most of them have been, it is
-- rather we who did not hear: then it takes twice as long.
-- name: node_bury (control)
WITH silent AS (
SELECT count(*) FILTER (WHERE beat < pg_catalog.clock_timestamp()
- $1::int8 * interval '1 ms') * 2 > count(*) AS most FROM node WHERE is_live
)
UPDATE node SET is_live = false FROM silent WHERE is_live
AND beat < pg_catalog.clock_timestamp() - $1 * interval '1 ms'
* CASE WHEN most THEN 2 ELSE 1 END
RETURNING slot, pid, host;
-- name: node_leave (control)
UPDATE node SET is_live = false WHERE incarnation = $1::int8;

-- What a node must know though no bell was heard.
-- name: look (control)
SELECT (SELECT count(*) FROM node WHERE is_live),
(SELECT value FROM meta WHERE name = 'change_seq'),
(SELECT due_ms FROM waiting WHERE due_ms > 0 ORDER BY due_ms, id LIMIT 1),
(SELECT count(*) FROM (SELECT FROM outbox WHERE taken_until < clock_timestamp()
ORDER BY id LIMIT 1) AS o),
(SELECT count(*) FROM node WHERE is_live AND roles LIKE '%worker%'),
(SELECT count(*) FROM lane l JOIN node n ON n.incarnation = l.owner
AND n.is_live),
EXISTS (SELECT FROM work WHERE kind + 0 = 1
AND taken_until < statement_timestamp())
OR EXISTS (SELECT FROM work WHERE kind + 0 = 2
AND taken_until < statement_timestamp())
OR EXISTS (SELECT FROM work WHERE kind + 0 = 3
AND taken_until < statement_timestamp()),
EXISTS (SELECT FROM telling WHERE lane + 0 >= 0
AND taken_until < statement_timestamp());
-- Lanes that hold something and are ours or nobody's, however much they hold.
-- name: lanes_due (control)
WITH RECURSIVE l AS (
(SELECT lane, tenant FROM ready WHERE lane <> 0 ORDER BY lane LIMIT 1)
UNION ALL
SELECT n.lane, n.tenant FROM l, LATERAL (SELECT lane, tenant FROM ready
WHERE lane <> 0 AND lane > l.lane ORDER BY lane LIMIT 1) AS n
)
SELECT l.tenant, l.lane FROM l LEFT JOIN lane o ON o.lane = abs(l.lane)
WHERE o.lane IS NULL OR o.owner = $1::int8 OR NOT EXISTS (SELECT FROM node
WHERE incarnation = o.owner AND is_live);

-- Given up, so that another worker has its share. Nothing of them is claimed.
-- name: lane_release (control)
UPDATE lane SET owner = 0, token = token + 1, since = pg_catalog.clock_timestamp()
WHERE lane = ANY ($1::int8[]) AND owner = $2::int8;

-- name: ring (control)
SELECT pg_notify('belfry', $1::text);

-- name: make_days (control)
SELECT belfry_make_days($1::int4);
