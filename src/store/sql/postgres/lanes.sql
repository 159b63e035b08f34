-- To have a lane: its row is there, it is locked and read, and only then, in a
-- later statement and knowing what was read, taken. A lost connection can leave
-- the first step behind, but not one that takes what somebody has taken since.
-- name: lane_add (cycle)
INSERT INTO lane (lane, tenant, owner, token, since)
SELECT x.lane, x.tenant, 0, 0, pg_catalog.clock_timestamp() FROM (SELECT
unnest($1::int8[]) AS lane, unnest($2::int8[]) AS tenant) AS x ORDER BY x.lane
ON CONFLICT (lane) DO NOTHING;
-- name: lane_look (cycle)
SELECT l.lane, l.owner, EXISTS (SELECT FROM node n
WHERE n.incarnation = l.owner AND n.is_live)
FROM lane l WHERE l.lane = ANY ($1::int8[]) ORDER BY l.lane FOR UPDATE OF l;
-- Whether the owner lives is asked again: who waits for a lock looks at the
-- nodes as they were before, and takes one that has come since for dead.
-- name: lane_take (cycle)
UPDATE lane SET owner = $2::int8, token = token + 1, since = pg_catalog.clock_timestamp()
WHERE lane = ANY ($1::int8[])
AND (owner IN (0, $2) OR NOT EXISTS (SELECT FROM node n
WHERE n.incarnation = lane.owner AND n.is_live))
AND EXISTS (SELECT FROM node WHERE incarnation = $2 AND is_live)
RETURNING lane, token;
-- What an owner before us had in flight got an attempt that nobody saw the end
-- of. $3: what we hold ourselves.
-- name: lane_rescue (cycle)
WITH gone AS (
DELETE FROM intent i USING lane l WHERE i.lane = ANY ($1::int8[])
AND l.lane = i.lane AND l.owner = $2::int8 AND i.batch <> ALL ($3::int8[])
RETURNING i.tenant, i.at_ms, i.ids, i.attempts
), flight AS (
SELECT tenant, at_ms, unnest(ids) AS id, unnest(attempts) AS attempts FROM gone
), row AS (
UPDATE ready r SET attempts = r.attempts + 1, crashes = r.crashes + 1,
updated_ms = $4::int8, reason = $5::text FROM flight f
CROSS JOIN LATERAL (SELECT y.ctid AS at, y.tenant, y.id FROM ready y
WHERE (y.tenant, y.id) >= (f.tenant, f.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE r.ctid = w.at AND w.tenant = f.tenant AND w.id = f.id
AND r.attempts = f.attempts
RETURNING r.tenant, r.id, r.attempts, r.crashes, r.provider, f.at_ms
), noted AS (
INSERT INTO attempt (delivery, n, at_ms, duration_ms, retry_at_ms, status,
provider, verdict, detail)
SELECT id, attempts, at_ms, 0, 0, 0, provider, $6::text, $7::text FROM row
)
SELECT tenant, id, (crashes >= $8::int2)::int4 FROM row;
-- Those that no batch of ours stands for never began.
-- name: intent_forget (cycle)
DELETE FROM intent i USING lane l WHERE i.lane = ANY ($1::int8[])
AND l.lane = i.lane AND l.owner = $2::int8 AND i.batch <> ALL ($3::int8[]);

-- What crashed its owner again and again is not tried any more.
-- name: quarantine (cycle)
WITH gone AS (
DELETE FROM ready r USING unnest($1::int8[], $2::int8[]) AS x(tenant, id)
CROSS JOIN LATERAL (SELECT y.ctid AS at, y.tenant, y.id FROM ready y
WHERE (y.tenant, y.id) >= (x.tenant, x.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE r.ctid = w.at AND w.tenant = x.tenant AND w.id = x.id
RETURNING r.tenant, r.id, r.notification, r.created_ms, r.recipient,
r.attempts, r.priority, r.user_id, r.channel, r.provider, r.tally
)
INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error, tally)
SELECT tenant, id, notification, created_ms, $3::int8, recipient, attempts,
priority, $4::int2, user_id, channel, provider, $5::text, $5::text, tally
FROM gone;

-- Fails (there is no x / 0) unless all of them are still ours; then nothing
-- else of the transaction is done. Who takes one over waits for our commit.
-- name: fence (cycle)
SELECT 1 / (count(*) = cardinality($1::int8[]))::int4 FROM (SELECT l.lane
FROM unnest($1::int8[], $2::int8[]) AS x(lane, token)
JOIN lane l ON l.lane = x.lane AND l.token = x.token AND l.owner = $3::int8
ORDER BY l.lane FOR SHARE OF l) AS held;
