-- Instances of workflows: rows of work of kind 3.

-- due_ms 0: now. Who waits for what happens to a user says so while nothing
-- happens, and what happens to a user happens while nobody says so: each has
-- the lock of that user first, until its commit. Users are locked in the order
-- of their numbers, before anything else.
-- name: turn_lock_users (accept)
SELECT pg_advisory_xact_lock(x.k) FROM (SELECT DISTINCT
hashtextextended(n.user_id, n.tenant) AS k
FROM unnest($1::int8[], $2::text[]) AS n (tenant, user_id) ORDER BY 1) AS x;
-- Those of them that are still held by these leases; of what is cancelled only
-- who ends without anything sent.
-- name: turn_lock (accept)
SELECT w.id FROM (SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[],
$4::int8[]) AS y (tenant, id, hold, is_end) ORDER BY tenant, id) AS x
CROSS JOIN LATERAL (SELECT y.id FROM work y WHERE y.tenant = x.tenant
AND y.id = x.id AND y.kind = 3
AND (extract(epoch FROM y.taken_until) * 1000000)::int8 = x.hold
AND (x.is_end = 1 OR (SELECT n.is_cancelled FROM notification n
WHERE n.tenant = y.tenant AND n.id = y.notification) IS NOT TRUE)
FOR UPDATE) AS w;
-- name: turn_move (accept)
UPDATE work w SET cursor = n.cursor, due = t.due, taken_until = t.due,
event = n.event, user_id = n.user_id FROM unnest($1::int8[], $2::int8[],
$3::int8[], $4::text[], $5::text[], $6::text[])
AS n (tenant, id, due_ms, cursor, event, user_id),
LATERAL (SELECT CASE WHEN n.due_ms = 0 THEN clock_timestamp()
ELSE timestamptz 'epoch' + n.due_ms * interval '1 ms' END AS due) AS t
WHERE w.tenant = ANY (ARRAY[n.tenant])
AND w.id BETWEEN n.id AND n.id
AND w.kind - 3 = 0;
-- name: turn_end (accept)
DELETE FROM work w USING unnest($1::int8[], $2::int8[]) AS n (tenant, id)
WHERE w.tenant = ANY (ARRAY[n.tenant])
AND w.id BETWEEN n.id AND n.id
AND w.kind - 3 = 0;
-- What a window has collected, when it ends; who goes on waits no more.
-- name: instance_merge (accept)
DELETE FROM work w USING unnest($1::int8[], $2::text[], $3::text[])
AS x (tenant, user_id, event)
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM work y
WHERE y.user_id = x.user_id AND y.event = x.event AND y.tenant + 0 = x.tenant
OFFSET 0) AS v WHERE w.ctid = v.at;
-- name: instance_add (accept)
INSERT INTO work (tenant, id, kind, due, taken_until, cursor, notification,
user_id, event)
SELECT n.tenant, n.id, 3, t.due, t.due, n.cursor, n.notification, n.user_id,
n.event FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[],
$5::text[], $6::text[], $7::text[])
AS n (tenant, id, notification, due_ms, cursor, user_id, event),
LATERAL (SELECT CASE WHEN n.due_ms = 0 THEN clock_timestamp()
ELSE timestamptz 'epoch' + n.due_ms * interval '1 ms' END AS due) AS t;
-- name: step_add (accept)
INSERT INTO workflow_step (tenant, notification, id, at_ms, user_id, step,
verdict, reason, note)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::text[]), unnest($6::text[]),
unnest($7::text[]), unnest($8::text[]), unnest($9::text[]);

-- name: instance_take (write)
WITH t AS MATERIALIZED (
SELECT tenant, id, notification, taken_until FROM work
WHERE kind + 0 = 3 AND taken_until < statement_timestamp()
ORDER BY taken_until LIMIT $1::int8 FOR UPDATE SKIP LOCKED
), s AS MATERIALIZED (
SELECT t.tenant, t.id, sum(n.size) OVER (ORDER BY t.taken_until, t.id) - n.size
AS before FROM t CROSS JOIN LATERAL (SELECT octet_length(y.doc)
+ coalesce(octet_length(y.note), 0) AS size FROM notification y WHERE y.tenant = t.tenant
AND y.id = t.notification OFFSET 0) AS n
), u AS (
UPDATE work w SET taken_until = clock_timestamp()
+ $2::int8 * interval '1 ms' FROM s
WHERE w.tenant = ANY (ARRAY[s.tenant])
AND w.id BETWEEN s.id AND s.id
AND w.kind - 3 = 0 AND ($3::int8 = 0 OR s.before < $3::int8)
RETURNING w.tenant, w.id, w.notification, w.user_id, w.cursor, w.event, w.due,
w.taken_until
)
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent, u.id, u.user_id, u.cursor, u.event,
floor(extract(epoch FROM u.due) * 1000)::int8,
(extract(epoch FROM u.taken_until) * 1000000)::int8,
(SELECT count(*) FROM s)
FROM u CROSS JOIN LATERAL (SELECT * FROM notification y
WHERE y.tenant = u.tenant AND y.id = u.notification OFFSET 0) AS n;
-- What time it is, and how long until another one may be taken.
-- name: instance_next (write)
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8,
ceil(extract(epoch FROM min(taken_until) - clock_timestamp()) * 1000)::int8
FROM work WHERE kind + 0 = 3 AND taken_until >= statement_timestamp();
-- Of the user whose lock is held.
-- name: instance_lock_user (write)
SELECT pg_advisory_xact_lock(hashtextextended($2::text, $1::int8));
-- (tenant + 0: so that no key is read for it.)
-- name: instance_wake (write)
UPDATE work w SET due = clock_timestamp(), taken_until = clock_timestamp()
FROM (SELECT y.tenant, y.id FROM work y WHERE y.user_id = $2::text
AND y.event = $3::text AND y.tenant + 0 = $1::int8 ORDER BY y.id
FOR UPDATE) AS x
WHERE w.tenant = ANY (ARRAY[x.tenant])
AND w.id BETWEEN x.id AND x.id
AND w.kind - 3 = 0;
-- name: instance_cancel (write)
DELETE FROM work w USING (SELECT y.tenant, y.id FROM work y
WHERE y.notification > 0 AND y.notification = $2::int8
AND y.tenant + 0 = $1::int8 AND y.event IS DISTINCT FROM $4::text
ORDER BY y.id LIMIT $3::int8 FOR UPDATE) AS x
WHERE w.tenant = ANY (ARRAY[x.tenant])
AND w.id BETWEEN x.id AND x.id
AND w.kind - 3 = 0;
-- name: cancel_leave (write)
INSERT INTO work (tenant, id, kind, due, taken_until, cursor, notification,
user_id, event) SELECT $1::int8, $2::int8, 3, t.due, t.due, '', $2::int8, '',
$3::text FROM (SELECT clock_timestamp() AS due) AS t ON CONFLICT DO NOTHING;

-- By the clock that those who wait go by, once nobody else begins to wait.
-- name: event_add (write)
INSERT INTO user_event (tenant, user_id, name, at_ms, id, data)
VALUES ($1::int8, $2::text, $3::text,
floor(extract(epoch FROM clock_timestamp()) * 1000)::int8, $4::int8, $5::text);
-- name: event_sweep (write)
DELETE FROM user_event WHERE ctid = ANY (ARRAY(SELECT ctid FROM user_event
WHERE at_ms < $1::int8 ORDER BY at_ms LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
-- name: step_sweep (write)
DELETE FROM workflow_step WHERE ctid = ANY (ARRAY(SELECT ctid
FROM workflow_step WHERE at_ms < $1::int8 ORDER BY at_ms LIMIT $2::int8
FOR UPDATE SKIP LOCKED));
-- name: event_find (read)
SELECT at_ms, id FROM user_event WHERE tenant = $1::int8 AND user_id = $2::text
AND name = $3::text AND (at_ms, id) > ($4::int8, $5::int8)
ORDER BY at_ms, id LIMIT 1;
-- The item of a delivery may be younger than it, up to $4 as ids count, and is
-- not older; there is one.
-- name: event_items (read)
SELECT i.seen_ms, i.read_ms, i.archived_ms FROM unnest($3::int8[]) AS d (id)
CROSS JOIN LATERAL (SELECT * FROM inbox_item y WHERE y.tenant = $1::int8
AND y.user_id = $2::text AND y.id >= d.id AND y.id <= d.id + $4::int8
AND y.delivery = d.id ORDER BY y.id LIMIT 1) AS i;
-- name: instance_list (read)
SELECT w.id, w.notification, (extract(epoch FROM w.taken_until) * 1000000)::int8,
n.is_cancelled, w.cursor FROM (SELECT * FROM work y WHERE y.user_id = $2::text
AND y.event = $3::text AND y.tenant + 0 = $1::int8 ORDER BY y.id
LIMIT $4::int8) AS w
CROSS JOIN LATERAL (SELECT * FROM notification y WHERE y.tenant = w.tenant
AND y.id = w.notification OFFSET 0) AS n ORDER BY w.id;
-- Of the oldest $4, until the texts before have $5 bytes.
-- name: instance_docs (read)
SELECT m.id, m.doc FROM (SELECT w.id, n.doc,
sum(octet_length(n.doc)) OVER (ORDER BY w.id) - octet_length(n.doc) AS before
FROM (SELECT * FROM work y WHERE y.user_id = $2::text
AND y.event = $3::text AND y.tenant + 0 = $1::int8 ORDER BY y.id
LIMIT $4::int8) AS w
CROSS JOIN LATERAL (SELECT * FROM notification y WHERE y.tenant = w.tenant
AND y.id = w.notification OFFSET 0) AS n) AS m
WHERE m.before < $5::int8 ORDER BY m.id;
-- name: step_list (read)
SELECT id, at_ms, user_id, step, verdict, reason, note FROM workflow_step
WHERE notification = $2::int8 AND tenant + 0 = $1::int8
AND ($3::text = '' OR user_id = $3::text OR id = $2::int8)
ORDER BY id LIMIT $4::int8;

-- ---- what is below a notification ----

-- name: children_are (read)
SELECT 1 FROM notification c WHERE c.parent > 0 AND c.parent = $1::int8
AND c.id > $1::int8 LIMIT 1;
-- name: children_find (read)
SELECT c.id, EXISTS (SELECT FROM ready r WHERE r.tenant = c.tenant
AND r.id BETWEEN c.first_delivery AND c.last_delivery AND r.notification = c.id)
OR EXISTS (SELECT FROM waiting r WHERE r.tenant = c.tenant
AND r.id BETWEEN c.first_delivery AND c.last_delivery AND r.notification = c.id)
FROM (SELECT * FROM notification y WHERE y.parent > 0 AND y.parent = $2::int8
AND y.id > $2::int8 AND y.id < $3::int8 AND y.tenant + 0 = $1::int8
ORDER BY y.id DESC LIMIT $4::int8) AS c ORDER BY c.id DESC;
-- As delivery_of.
-- name: children_of (read)
WITH mine AS MATERIALIZED (
    SELECT d.id, d.tenant, $2::int8 AS notification,
        CASE WHEN d.lane <> 0 AND (abs(d.lane), d.id, d.attempts) IN (
                SELECT i.lane, f.id, f.n
                FROM intent i
                CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
                WHERE i.tenant = $1::int8)
            THEN 2::int2 ELSE d.status END AS status,
        d.lane, d.rank, d.attempts, d.priority, d.recipient, d.created_ms,
        d.updated_ms, d.due_ms, d.user_id, d.channel, d.provider, d.reason,
        d.error, d.tally, d.digest, d.merged_into, d.at_ms, d.call_ms,
        d.call_status, d.verdict, d.detail
    FROM notification c
    CROSS JOIN LATERAL (SELECT * FROM (
                SELECT id, tenant, notification, 0::int2 AS status,
                    lane, rank, attempts, priority, recipient, created_ms,
                    updated_ms, 0::int8 AS due_ms, user_id, channel, provider,
                    reason, error, tally, NULL::int8 AS digest,
                    NULL::int8 AS merged_into, NULL::int8 AS at_ms,
                    NULL::int4 AS call_ms, NULL::int4 AS call_status,
                    NULL::text AS verdict, NULL::text AS detail
                FROM ready
                UNION ALL
                SELECT id, tenant, notification, status, 0::int8, rank,
                    attempts, priority, recipient, created_ms, updated_ms,
                    due_ms, user_id, channel, provider, reason, error, tally,
                    digest, NULL::int8, NULL::int8, NULL::int4, NULL::int4,
                    NULL::text, NULL::text
                FROM waiting
                UNION ALL
                SELECT id, tenant, notification, status, 0::int8,
                    0::int8, attempts, priority, recipient, created_ms,
                    updated_ms, 0::int8, user_id, channel, provider, reason,
                    error, tally, NULL::int8, NULL::int8, NULL::int8,
                    NULL::int4, NULL::int4, NULL::text, NULL::text
                FROM dead
                UNION ALL
                SELECT id, tenant, notification, status, 0::int8,
                    0::int8, attempts, priority, recipient, created_ms,
                    updated_ms, 0::int8, user_id, channel, provider, reason,
                    error, NULL::text, NULL::int8, merged_into, at_ms, call_ms,
                    call_status, verdict, detail
                FROM ended) u
        WHERE u.tenant = $1::int8 AND u.id >= c.first_delivery
            AND u.id <= c.last_delivery AND u.notification = c.id
        OFFSET 0) d
    WHERE c.parent > 0 AND c.parent = $2::int8 AND c.id > $2::int8
        AND c.tenant + 0 = $1::int8
        AND ($3::text = '' OR d.user_id = $3::text))
SELECT c.statuses, c.counts, d.id, d.tenant, d.notification, d.status, d.lane,
    d.rank, d.attempts, d.priority, d.recipient, d.created_ms, d.updated_ms,
    d.due_ms, d.user_id, d.channel, d.provider, d.reason, d.error, d.tally,
    d.digest, d.merged_into,
    (SELECT y.device FROM delivery_device y WHERE y.delivery = d.id), t.n, t.at_ms, t.provider, t.verdict, t.status,
    t.detail, t.duration_ms, t.retry_at_ms, x.node, x.cost, x.request
FROM (SELECT array_agg(g.status::int8) AS statuses, array_agg(g.n) AS counts
    FROM (SELECT status, count(*) AS n FROM mine GROUP BY 1) g) c
LEFT JOIN (SELECT * FROM mine ORDER BY id LIMIT $4::int8) d ON true
LEFT JOIN LATERAL (
    SELECT a.n, a.at_ms, a.provider, a.verdict, a.status, a.detail,
        a.duration_ms, a.retry_at_ms
    FROM attempt a WHERE a.delivery = d.id AND $5::bool
    UNION ALL
    SELECT d.attempts, d.at_ms, d.provider, d.verdict, d.call_status,
        d.detail, d.call_ms::int8, 0::int8
    WHERE d.verdict IS NOT NULL AND $5::bool) t ON true
LEFT JOIN LATERAL (SELECT y.node, y.cost, y.request FROM attempt_note y
    WHERE y.delivery = d.id AND y.n = t.n OFFSET 0) x ON true
ORDER BY d.id, t.n;
-- As delivery_list.
-- name: children_list (read)
SELECT m.id, m.tenant, $3::int8, m.state, m.lane, m.rank, m.attempts,
    m.priority, m.recipient, m.created_ms, m.updated_ms, m.due_ms, m.user_id,
    m.channel, m.provider, m.reason, m.error, m.tally, m.digest,
    m.merged_into,
    (SELECT y.device FROM delivery_device y WHERE y.delivery = m.id),
    m.is_match, m.nth = 50000
FROM (
    SELECT l.*, (($4::text = '' OR l.channel = $4::text)
        AND ($5::text = '' OR l.provider = $5::text)
        AND ($6::text = '' OR l.user_id = $6::text)
        AND ($7::text = '' OR l.error = $7::text)
        AND l.created_ms >= $8::int8
        AND ($11::int4 < 0 OR l.state = $11::int4)) AS is_match
    FROM (
        SELECT d.*, row_number() OVER (ORDER BY d.id DESC) AS nth,
            CASE WHEN d.lane <> 0 AND (abs(d.lane), d.id, d.attempts) IN (
                SELECT i.lane, f.id, f.n
                FROM intent i
                CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
                WHERE i.tenant = $1::int8)
            THEN 2::int2 ELSE d.status END AS state
        FROM notification c
        CROSS JOIN LATERAL (SELECT * FROM (
                SELECT 1 AS source, id, tenant, notification, 0::int2 AS status,
                    lane, rank, attempts, priority, recipient, created_ms,
                    updated_ms, 0::int8 AS due_ms, user_id, channel, provider,
                    reason, error, tally, NULL::int8 AS digest,
                    NULL::int8 AS merged_into, NULL::int8 AS at_ms,
                    NULL::int4 AS call_ms, NULL::int4 AS call_status,
                    NULL::text AS verdict, NULL::text AS detail
                FROM ready
                UNION ALL
                SELECT 2, id, tenant, notification, status, 0::int8, rank,
                    attempts, priority, recipient, created_ms, updated_ms,
                    due_ms, user_id, channel, provider, reason, error, tally,
                    digest, NULL::int8, NULL::int8, NULL::int4, NULL::int4,
                    NULL::text, NULL::text
                FROM waiting
                UNION ALL
                SELECT 4, id, tenant, notification, status, 0::int8,
                    0::int8, attempts, priority, recipient, created_ms,
                    updated_ms, 0::int8, user_id, channel, provider, reason,
                    error, tally, NULL::int8, NULL::int8, NULL::int8,
                    NULL::int4, NULL::int4, NULL::text, NULL::text
                FROM dead
                UNION ALL
                SELECT 8, id, tenant, notification, status, 0::int8,
                    0::int8, attempts, priority, recipient, created_ms,
                    updated_ms, 0::int8, user_id, channel, provider, reason,
                    error, NULL::text, NULL::int8, merged_into, at_ms, call_ms,
                    call_status, verdict, detail
                FROM ended) u
            WHERE u.tenant = $1::int8 AND u.id >= c.first_delivery
                AND u.id <= c.last_delivery AND u.notification = c.id
                AND u.id < $2::int8 AND u.source & $10::int4 <> 0
            OFFSET 0) d
        WHERE c.parent > 0 AND c.parent = $3::int8 AND c.id > $3::int8
            AND c.tenant + 0 = $1::int8
        ORDER BY d.id DESC LIMIT 50000) l) m
WHERE m.is_match OR m.nth = 50000
ORDER BY m.id DESC LIMIT $9::int8;
