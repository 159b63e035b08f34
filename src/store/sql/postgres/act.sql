-- Where a delivery is: 1 ready, 2 waiting, 3 dead, 4 ended; of one that is
-- ready whether it is in flight, of one that waits whether $3 is why; the
-- window that holds it.
-- name: act_find (write)
SELECT 1, 0, abs(r.lane), r.priority, EXISTS (SELECT FROM intent i
WHERE i.lane = abs(r.lane)
AND i.attempts[array_position(i.ids, r.id)] = r.attempts), NULL::int8
FROM ready r WHERE r.tenant = $1::int8 AND r.id = $2::int8
UNION ALL SELECT 2, status, 0, priority, reason IS NOT DISTINCT FROM $3::text,
digest FROM waiting
WHERE tenant = $1::int8 AND id = $2::int8
UNION ALL SELECT 3, status, 0, priority, false, NULL FROM dead
WHERE tenant = $1::int8 AND id = $2::int8
UNION ALL SELECT 4, status, 0, priority, false, NULL FROM ended
WHERE tenant = $1::int8 AND id = $2::int8;

-- Keeps whoever claims from the lanes out until the commit. Both in order of
-- the lanes; what they guard is looked at in a later statement.
-- name: act_lane_add (write)
INSERT INTO lane (lane, tenant, owner, token, since)
SELECT l, $1::int8, 0, 0, now() FROM unnest($2::int8[]) AS l ORDER BY l
ON CONFLICT (lane) DO NOTHING;
-- name: act_lane_lock (write)
SELECT lane FROM lane WHERE lane = ANY ($1::int8[]) ORDER BY lane FOR UPDATE;

-- Cancelled is 10.
-- name: act_stop_ready (write)
WITH gone AS (DELETE FROM ready r WHERE r.tenant = $1::int8
AND r.id = $2::int8 AND abs(r.lane) = $5::int8
AND NOT EXISTS (SELECT FROM intent i WHERE i.lane = $5::int8
AND i.attempts[array_position(i.ids, r.id)] = r.attempts) RETURNING r.*)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $3::int8, recipient,
attempts, priority, 10, user_id, channel, provider, $4::text, error FROM gone;
-- name: act_stop_waiting (write)
WITH gone AS (DELETE FROM waiting w WHERE w.tenant = $1::int8
AND w.id = $2::int8 RETURNING w.*),
away AS (SELECT tenant, digest, count(*) AS n FROM gone
WHERE digest IS NOT NULL GROUP BY tenant, digest),
left_by AS (UPDATE digest d SET n_members = d.n_members - a.n FROM away a
WHERE d.tenant = ANY (ARRAY[a.tenant])
AND d.id BETWEEN a.digest AND a.digest)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $3::int8, recipient,
attempts, priority, 10, user_id, channel, provider, $4::text, error FROM gone;
-- name: act_stop_dead (write)
WITH gone AS (DELETE FROM dead d WHERE d.tenant = $1::int8
AND d.id = $2::int8 RETURNING d.*)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $3::int8, recipient,
attempts, priority, 10, user_id, channel, provider, $4::text, error FROM gone;
-- By a person: calls made so far no longer count.
-- name: act_retry (write)
WITH gone AS (DELETE FROM dead d WHERE d.tenant = $1::int8
AND d.id = $2::int8 RETURNING d.*)
INSERT INTO ready (tenant, id, notification, lane, rank, created_ms, updated_ms,
recipient, attempts, priority, user_id, channel, provider, reason, error, tally)
SELECT tenant, id, notification, $5::int8, $6::int8, created_ms, $3::int8,
recipient, attempts, priority, user_id, channel, provider, $4::text, error,
'0:' || attempts FROM gone;
-- The same of one that waits for a person to say so; $7: why it does.
-- name: act_retry_held (write)
WITH gone AS (DELETE FROM waiting w WHERE w.tenant = $1::int8
AND w.id = $2::int8 AND w.due_ms = 0 AND w.reason = $7::text RETURNING w.*)
INSERT INTO ready (tenant, id, notification, lane, rank, created_ms, updated_ms,
recipient, attempts, priority, user_id, channel, provider, reason, error, tally)
SELECT tenant, id, notification, $5::int8, $6::int8, created_ms, $3::int8,
recipient, attempts, priority, user_id, channel, provider, $4::text, error,
'0:' || attempts FROM gone;

-- name: cancel_mark (write)
UPDATE notification SET is_cancelled = true
WHERE tenant = $1::int8 AND id = $2::int8 AND NOT is_cancelled;
-- A part of its deliveries, behind $3: with $4 that are ready, or $4 that wait,
-- or all that are left; its first and its last, the lanes in it, and whether
-- that was all.
-- name: cancel_part (write)
WITH part AS MATERIALIZED (
SELECT greatest(n.first_delivery, $3::int8 + 1) AS first, n.last_delivery,
least(n.last_delivery, (SELECT y.id FROM ready y WHERE y.tenant = $1::int8
AND y.id BETWEEN greatest(n.first_delivery, $3 + 1) AND n.last_delivery
AND y.notification = $2::int8 ORDER BY y.id OFFSET $4::int8 - 1 LIMIT 1),
(SELECT y.id FROM waiting y WHERE y.tenant = $1
AND y.id BETWEEN greatest(n.first_delivery, $3 + 1) AND n.last_delivery
AND y.notification = $2 ORDER BY y.id OFFSET $4 - 1 LIMIT 1)) AS last
FROM notification n WHERE n.tenant = $1 AND n.id = $2)
SELECT p.first, p.last, p.last = p.last_delivery, ARRAY(SELECT DISTINCT
abs(r.lane) FROM (SELECT y.lane FROM ready y WHERE y.tenant = $1
AND y.id BETWEEN p.first AND p.last AND y.notification = $2 OFFSET 0) AS r)
FROM part p;
-- name: cancel_waiting (write)
WITH gone AS (DELETE FROM waiting w WHERE w.tenant = $1::int8
AND w.id BETWEEN $3::int8 AND $4::int8 AND w.notification = $2::int8
RETURNING w.*),
away AS (SELECT tenant, digest, count(*) AS n FROM gone
WHERE digest IS NOT NULL GROUP BY tenant, digest),
left_by AS (UPDATE digest d SET n_members = d.n_members - a.n FROM away a
WHERE d.tenant = ANY (ARRAY[a.tenant])
AND d.id BETWEEN a.digest AND a.digest)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $5::int8, recipient,
attempts, priority, 10, user_id, channel, provider, $6::text, error FROM gone;
-- $8: in flight though no intent says so. NOT IN is a hash of what is in flight,
-- whatever the planner guesses about how much there is of either.
-- name: cancel_ready (write)
WITH flying AS MATERIALIZED (SELECT f.id, f.attempts
FROM intent i, unnest(i.ids, i.attempts) AS f (id, attempts)
WHERE i.lane = ANY ($7::int8[])),
gone AS (DELETE FROM ready r WHERE r.tenant = $1::int8
AND r.id BETWEEN $3::int8 AND $4::int8 AND r.notification = $2::int8
AND abs(r.lane) = ANY ($7::int8[])
AND (r.id, r.attempts) NOT IN (SELECT id, attempts FROM flying)
AND r.id NOT IN (SELECT unnest($8::int8[])) RETURNING r.*)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $5::int8, recipient,
attempts, priority, 10, user_id, channel, provider, $6::text, error FROM gone;
-- How many there are, of any status; how many of them wait; the lanes that
-- hold one which is not in flight.
-- name: cancel_left (write)
WITH mine AS MATERIALIZED (SELECT id, attempts, abs(lane) AS lane FROM ready
WHERE tenant = $1::int8 AND id BETWEEN $3::int8 AND $4::int8
AND notification = $2::int8),
flying AS MATERIALIZED (SELECT f.id, f.attempts
FROM intent i, unnest(i.ids, i.attempts) AS f (id, attempts)
WHERE i.lane = ANY (ARRAY(SELECT DISTINCT lane FROM mine))),
held AS MATERIALIZED (SELECT count(*) AS n FROM waiting
WHERE tenant = $1::int8 AND id BETWEEN $3::int8 AND $4::int8
AND notification = $2::int8)
SELECT (SELECT count(*) FROM mine) + (SELECT n FROM held)
+ (SELECT count(*) FROM dead WHERE tenant = $1::int8
AND id BETWEEN $3::int8 AND $4::int8 AND notification = $2::int8)
+ (SELECT count(*) FROM ended WHERE tenant = $1::int8
AND id BETWEEN $3::int8 AND $4::int8 AND notification = $2::int8),
(SELECT n FROM held),
(SELECT array_agg(DISTINCT lane) FROM mine
WHERE (id, attempts) NOT IN (SELECT id, attempts FROM flying)
AND id NOT IN (SELECT unnest($5::int8[])));
