-- Nothing, unless it lives.
-- name: report_put (write)
INSERT INTO node_report (process, incarnation, slot, at, health, metrics)
SELECT $1::int8, n.incarnation, n.slot, pg_catalog.clock_timestamp(), $3::text, $4::text
FROM node n WHERE n.incarnation = $2::int8 AND n.is_live
ON CONFLICT (process) DO UPDATE SET incarnation = excluded.incarnation,
slot = excluded.slot, at = excluded.at, health = excluded.health,
metrics = excluded.metrics;

-- Those that live, and those that ended within $3 ms.
-- name: reports_nodes (read)
SELECT n.slot, n.pid, n.host, n.roles, n.version,
(extract(epoch FROM n.started) * 1000)::int8,
(extract(epoch FROM pg_catalog.clock_timestamp() - n.beat) * 1000)::int8,
n.is_live, n.incarnation = $1::int8,
coalesce((extract(epoch FROM pg_catalog.clock_timestamp() - r.at) * 1000)::int8, -1),
r.health, CASE WHEN $2::bool THEN r.metrics END
FROM node n LEFT JOIN node_report r ON r.incarnation = n.incarnation
AND n.is_live
WHERE n.is_live OR n.beat > pg_catalog.clock_timestamp() - $3::int8 * interval '1 ms'
ORDER BY n.is_live DESC, n.slot;
-- name: reports_past (read)
SELECT r.metrics FROM node_report r WHERE NOT EXISTS (SELECT FROM node n
WHERE n.incarnation = r.incarnation AND n.is_live);
-- name: reports_owners (read)
SELECT l.tenant, l.lane, n.slot FROM lane l JOIN node n
ON n.incarnation = l.owner AND n.is_live ORDER BY l.lane;

-- Those that ended $1 ms ago and longer; 0 is where they are added up.
-- name: reports_over (keeper)
SELECT r.process, r.metrics FROM node_report r
WHERE r.at < pg_catalog.clock_timestamp() - $1::int8 * interval '1 ms'
AND r.process <> 0 AND NOT EXISTS (SELECT FROM node n
WHERE n.incarnation = r.incarnation AND n.is_live)
ORDER BY r.at LIMIT $2::int8;
-- name: reports_sum (keeper)
SELECT metrics FROM node_report WHERE process = 0;
-- Fails (there is no x / 0) if one of them has come back meanwhile.
-- name: reports_fold (keeper)
WITH gone AS (
DELETE FROM node_report r WHERE r.process = ANY ($1::int8[])
AND r.at < pg_catalog.clock_timestamp() - $2::int8 * interval '1 ms' RETURNING 1
)
INSERT INTO node_report (process, incarnation, slot, at, health, metrics)
SELECT 0, 0, -1 / (count(*) = cardinality($1))::int4::int2, pg_catalog.clock_timestamp(),
'', $3::text FROM gone
ON CONFLICT (process) DO UPDATE SET at = excluded.at,
metrics = excluded.metrics;

-- A lane is one tenant's, which its first row tells. No more than $3 rows of
-- each are counted, in the order in which they are claimed.
-- `due_ms <> 0` is > 0, but not open to the index of what is due, which has the
-- others' rows as well.
-- name: lanes (read)
WITH asked AS (
SELECT x.lane, x.k FROM unnest($2::int8[]) WITH ORDINALITY AS x (lane, k)
WHERE NOT EXISTS (SELECT FROM (SELECT (SELECT r.tenant FROM ready r
WHERE r.lane <> 0 AND r.lane = s.lane ORDER BY r.lane, r.rank, r.id LIMIT 1) AS tenant
FROM (VALUES (x.lane), (-x.lane)) AS s (lane)) f WHERE f.tenant <> $1::int8)
), room AS (
SELECT w.lane, count(*) AS n FROM (SELECT lane FROM waiting
WHERE tenant = $1::int8 AND due_ms <> 0 LIMIT $3::int8) w GROUP BY w.lane
)
SELECT asked.k, a.n + b.n, coalesce(room.n, 0),
(SELECT min(r.created_ms) FROM (VALUES (a.oldest), (b.oldest)) AS f (id)
CROSS JOIN LATERAL (SELECT created_ms FROM ready
WHERE tenant = $1 AND id = f.id OFFSET 0) r),
o.slot IS NOT NULL, o.slot, o.host, o.since
FROM asked
CROSS JOIN LATERAL (SELECT count(*) AS n, min(r.id) AS oldest FROM
(SELECT id FROM ready WHERE lane <> 0 AND lane = asked.lane
ORDER BY lane, rank, id LIMIT $3) r) a
CROSS JOIN LATERAL (SELECT count(*) AS n, min(r.id) AS oldest FROM
(SELECT id FROM ready WHERE lane <> 0 AND lane = -asked.lane
ORDER BY lane, rank, id LIMIT $3) r) b
LEFT JOIN room ON room.lane = asked.lane
LEFT JOIN LATERAL (SELECT n.slot, n.host,
(extract(epoch FROM l.since) * 1000)::int8 AS since
FROM lane l JOIN node n ON n.incarnation = l.owner AND n.is_live
WHERE l.lane = asked.lane AND l.tenant = $1) o ON true
ORDER BY asked.k;
