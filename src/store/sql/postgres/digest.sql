-- Windows. Who changes the members of one has its row locked first; whoever
-- needs several locks those that are shut, by their ids, then those that are
-- open, by their scopes.

-- $10 is how many join, $9 the latest of their times. Returned in the order of
-- the scopes, which come sorted. One that is over ($14: with how many members)
-- is shut, and not joined: as it stays locked, nobody else opens another.
-- name: digest_join (accept)
INSERT INTO digest AS d (tenant, id, is_open, mode, is_leading, max_items,
window_ms, max_window_ms, closes_ms, opened_ms, n_members, user_id, channel,
key)
SELECT tenant, id, true, mode, is_leading, max_items, window_ms, max_window_ms,
closes_ms, at_ms, n - is_leading::int, user_id, channel, key
FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::bool[], $5::int4[],
$6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::text[],
$12::text[], $13::text[]) WITH ORDINALITY AS x(tenant, id, mode, is_leading,
max_items, window_ms, max_window_ms, closes_ms, at_ms, n, user_id, channel, key,
k) ORDER BY k
ON CONFLICT (tenant, user_id, channel, key) WHERE is_open DO UPDATE
SET is_open = d.closes_ms > excluded.opened_ms AND d.n_members < $14::int8,
n_members = CASE WHEN d.closes_ms > excluded.opened_ms
AND d.n_members < $14::int8
THEN d.n_members + excluded.n_members + excluded.is_leading::int
ELSE d.n_members END,
closes_ms = CASE WHEN d.closes_ms <= excluded.opened_ms THEN d.closes_ms
WHEN d.n_members >= $14::int8 THEN excluded.opened_ms
WHEN d.mode = 1 THEN greatest(d.closes_ms,
least(excluded.opened_ms + d.window_ms, d.opened_ms + d.max_window_ms))
ELSE d.closes_ms END
RETURNING d.id, d.mode, d.is_leading, d.closes_ms, d.is_open;
-- name: digest_work_add (accept)
INSERT INTO work (tenant, id, kind, due, taken_until, cursor)
SELECT n.tenant, n.id, 2, t.due, t.due, ''
FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS n (tenant, id, due_ms),
LATERAL (SELECT timestamptz 'epoch' + n.due_ms * interval '1 ms' AS due) AS t;
-- Of one that slides.
-- name: digest_work_move (accept)
UPDATE work w SET due = t.due, taken_until = t.due
FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS n (tenant, id, due_ms),
LATERAL (SELECT timestamptz 'epoch' + n.due_ms * interval '1 ms' AS due) AS t
WHERE w.tenant = ANY (ARRAY[n.tenant])
AND w.id BETWEEN n.id AND n.id
AND w.kind - 2 = 0 AND w.due <> t.due;

-- The end, by who has it ($4), of those whose members are as many as they were
-- ($3). A lease ends at a microsecond of its own, and is named by it.
-- name: digest_end (accept)
WITH mine AS MATERIALIZED (
SELECT d.tenant, d.id, x.hold FROM (SELECT * FROM unnest($1::int8[],
$2::int8[], $3::int8[], $4::int8[]) AS y (tenant, id, n, hold)
ORDER BY tenant, id) AS x
CROSS JOIN LATERAL (SELECT tenant, id FROM digest y WHERE y.tenant = x.tenant
AND y.id = x.id AND y.n_members = x.n FOR UPDATE) AS d
), held AS (
DELETE FROM work w USING mine m
WHERE w.tenant = ANY (ARRAY[m.tenant])
AND w.id BETWEEN m.id AND m.id
AND w.kind - 2 = 0
AND (extract(epoch FROM w.taken_until) * 1000000)::int8 = m.hold
RETURNING w.tenant, w.id
)
DELETE FROM digest d USING held h
WHERE d.tenant = ANY (ARRAY[h.tenant])
AND d.id BETWEEN h.id AND h.id
RETURNING d.id;
-- Expired is 11.
-- name: digest_expire (accept)
WITH gone AS (DELETE FROM waiting w
USING unnest($1::int8[], $2::int8[], $3::int8[]) AS x (tenant, digest, id)
WHERE w.tenant = ANY (ARRAY[x.tenant])
AND w.id BETWEEN x.id AND x.id
AND w.digest = x.digest RETURNING w.*)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $4::int8, recipient,
attempts, priority, 11, user_id, channel, provider, $5::text, error FROM gone;
-- name: digest_settle (accept)
WITH gone AS (DELETE FROM waiting r
USING unnest($1::int8[], $2::int8[], $3::int2[], $4::text[], $5::int8[])
AS x (tenant, digest, new_status, new_reason, new_into)
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM waiting y
WHERE y.digest > 0 AND y.digest = x.digest AND y.tenant = x.tenant
OFFSET 0) AS w WHERE r.ctid = w.at
RETURNING r.*, x.new_status, x.new_reason, x.new_into)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error,
merged_into)
SELECT tenant, id, notification, created_ms, $6::int8, recipient, attempts,
priority, new_status, user_id, channel, provider, new_reason, error,
nullif(new_into, 0) FROM gone;
-- name: digest_release (accept)
DELETE FROM waiting r
USING unnest($1::int8[], $2::int8[]) AS x (tenant, digest)
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM waiting y
WHERE y.digest > 0 AND y.digest = x.digest AND y.tenant = x.tenant
OFFSET 0) AS w WHERE r.ctid = w.at;

-- Shut for who joins. Nobody is waited for: one that is just being joined is
-- taken at the next look.
-- name: digest_take (write)
WITH t AS (
SELECT w.tenant, w.id FROM work w, digest d
WHERE w.kind + 0 = 2 AND w.taken_until < statement_timestamp()
AND d.tenant = ANY (ARRAY[w.tenant])
AND d.id BETWEEN w.id AND w.id
ORDER BY w.taken_until LIMIT $1::int8 FOR UPDATE OF w, d SKIP LOCKED
), u AS (
UPDATE work w SET taken_until = clock_timestamp()
+ $2::int8 * interval '1 ms' FROM t
WHERE w.tenant = ANY (ARRAY[t.tenant])
AND w.id BETWEEN t.id AND t.id
AND w.kind - 2 = 0
RETURNING w.tenant, w.id, w.taken_until
)
UPDATE digest d SET is_open = false FROM u
WHERE d.tenant = ANY (ARRAY[u.tenant])
AND d.id BETWEEN u.id AND u.id
RETURNING d.tenant, d.id, d.mode, d.is_leading, d.max_items, d.window_ms,
d.max_window_ms, d.opened_ms, d.closes_ms, d.n_members, d.user_id, d.channel,
d.key, (extract(epoch FROM u.taken_until) * 1000000)::int8;
-- How long until another one may be taken. One that is due, and was not, is
-- locked just now: it is looked for again soon.
-- name: digest_next (write)
SELECT CASE WHEN t.at < statement_timestamp() THEN 100 ELSE greatest(0,
ceil(extract(epoch FROM t.at - clock_timestamp()) * 1000))::int8 END
FROM (SELECT min(taken_until) AS at FROM work WHERE kind + 0 = 2) AS t
WHERE t.at IS NOT NULL;
-- By a person.
-- name: digest_flush (write)
WITH f AS (
UPDATE digest d SET closes_ms = least(d.closes_ms, $3::int8)
WHERE d.tenant = $1::int8 AND d.id = $2::int8 AND d.is_open IS NOT FALSE
RETURNING d.tenant, d.id, d.mode, d.is_leading, d.max_items, d.window_ms,
d.max_window_ms, d.opened_ms, d.closes_ms, d.n_members, d.user_id, d.channel,
d.key
), w AS (
UPDATE work w SET due = least(w.due, clock_timestamp()),
taken_until = least(w.taken_until, clock_timestamp()) FROM f
WHERE w.tenant = ANY (ARRAY[f.tenant])
AND w.id BETWEEN f.id AND f.id
AND w.kind - 2 = 0
)
SELECT * FROM f;

-- A cancellation locks the windows first, and then looks for what they hold.
-- name: digest_lock (write)
SELECT d.id FROM unnest($2::int8[]) AS x (id)
CROSS JOIN LATERAL (SELECT id FROM digest y WHERE y.tenant = $1::int8
AND y.id = x.id FOR UPDATE) AS d;
-- In the order of accepts: those that end by their ids, then those that are
-- joined by their scopes.
-- name: digest_lock_of (write)
WITH mine AS MATERIALIZED (
SELECT DISTINCT w.digest FROM (SELECT * FROM waiting y
WHERE y.tenant = $1::int8 AND y.id BETWEEN $3::int8 AND $4::int8
AND y.notification = $2::int8 OFFSET 0) AS w
WHERE w.digest IS NOT NULL), sorted AS MATERIALIZED (
SELECT s.id FROM mine m
CROSS JOIN LATERAL (SELECT * FROM digest y WHERE y.tenant = $1
AND y.id = m.digest OFFSET 0) AS s
ORDER BY s.is_open, CASE WHEN NOT s.is_open THEN s.id END, s.user_id,
s.channel, s.key)
SELECT d.id FROM sorted m
CROSS JOIN LATERAL (SELECT id FROM digest y WHERE y.tenant = $1
AND y.id = m.id FOR UPDATE) AS d;
-- One without members ends, unless its first has gone out before them.
-- name: digest_drop (write)
WITH gone AS (DELETE FROM digest d USING (SELECT $1::int8 AS tenant, i AS id
FROM unnest($2::int8[]) AS i OFFSET 0) AS x
WHERE d.tenant = ANY (ARRAY[x.tenant])
AND d.id BETWEEN x.id AND x.id
AND d.n_members <= 0 AND NOT d.is_leading RETURNING d.tenant, d.id)
DELETE FROM work w USING gone g
WHERE w.tenant = ANY (ARRAY[g.tenant])
AND w.id BETWEEN g.id AND g.id
AND w.kind - 2 = 0;

-- name: digest_count (read)
SELECT n_members FROM digest WHERE tenant = $1::int8 AND id = $2::int8;
-- Oldest first after $5, until there are $3 or the texts before have $4 bytes.
-- name: digest_oldest (read)
SELECT m.id, m.tenant, m.notification, m.status, 0::int8, m.rank, m.attempts,
m.priority, m.recipient, m.created_ms, m.updated_ms, m.due_ms, m.user_id,
m.channel, m.provider, m.reason, m.error, m.tally, m.digest, NULL::int8,
NULL::text, m.n_id, m.n_tenant, m.n_created_ms, m.n_priority, m.is_cancelled,
m.template_version, m.n_recipients, m.template_key, m.note, m.request_id,
m.traceparent, m.doc, m.parent FROM (
SELECT w.*, n.id AS n_id, n.tenant AS n_tenant, n.created_ms AS n_created_ms,
n.priority AS n_priority, n.is_cancelled, n.template_version, n.n_recipients,
n.template_key, n.note, n.request_id, n.traceparent, n.doc, n.parent,
sum(octet_length(n.doc)) OVER (ORDER BY w.id) - octet_length(n.doc) AS before
FROM (SELECT * FROM waiting WHERE digest > 0 AND digest = $2::int8
AND tenant = $1::int8 AND id > $5::int8 ORDER BY id LIMIT $3::int8) AS w
CROSS JOIN LATERAL (SELECT * FROM notification y WHERE y.tenant = w.tenant
AND y.id = w.notification OFFSET 0) AS n) AS m
WHERE m.before < $4::int8 ORDER BY m.id;
-- name: digest_newest (read)
SELECT w.id, w.tenant, w.notification, w.status, 0::int8, w.rank, w.attempts,
w.priority, w.recipient, w.created_ms, w.updated_ms, w.due_ms, w.user_id,
w.channel, w.provider, w.reason, w.error, w.tally, w.digest, NULL::int8,
NULL::text, n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled, n.template_version,
n.n_recipients, n.template_key, n.note, n.request_id, n.traceparent, n.doc,
n.parent FROM (SELECT * FROM waiting WHERE digest > 0 AND digest = $2::int8
AND tenant = $1::int8 ORDER BY id DESC LIMIT 1) AS w
CROSS JOIN LATERAL (SELECT * FROM notification y WHERE y.tenant = w.tenant
AND y.id = w.notification OFFSET 0) AS n;
-- name: digest_list (read)
SELECT tenant, id, mode, is_leading, max_items, window_ms, max_window_ms,
opened_ms, closes_ms, n_members, user_id, channel, key FROM digest
WHERE tenant = $1::int8 AND id < $2::int8 AND is_open
ORDER BY id DESC LIMIT $3::int8;
-- Those of one user, by the key of what is open.
-- name: digest_list_of (read)
SELECT tenant, id, mode, is_leading, max_items, window_ms, max_window_ms,
opened_ms, closes_ms, n_members, user_id, channel, key FROM digest
WHERE tenant = $1::int8 AND id + 0 < $2::int8 AND is_open
AND user_id = $4::text AND channel >= ''
ORDER BY id + 0 DESC LIMIT $3::int8;
