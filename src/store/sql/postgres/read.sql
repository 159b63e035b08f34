-- What people ask. A delivery moves from table to table, so what is to be seen
-- of it is seen by one statement: between two of them it could be missed, or
-- be met twice. `sending` is nowhere stored: it is a ready one that an intent
-- names with the attempts that it still has.
-- 0 is queued, 2 is sending.
--
-- Each list is read from an index, backwards, and ends early. By its figures
-- the planner would rather sort all that a tenant has (it knows the average
-- tenant, and no limit), so the sessions leave it no other scans: open.c.

-- ---- objects ----

-- name: object_get (read)
SELECT w.ord, o.num, o.version, o.created_ms, o.updated_ms, o.body
FROM unnest($1::int4[], $2::int2[], $3::int8[], $4::text[])
    AS w (ord, kind, tenant, key)
CROSS JOIN LATERAL (SELECT * FROM object y WHERE y.kind = w.kind
AND y.tenant = w.tenant AND y.key = w.key OFFSET 0) AS o
WHERE o.body IS NOT NULL;

-- name: object_list (read)
SELECT tenant, key, num, version, created_ms, updated_ms, body
FROM object
WHERE kind = $1::int4 AND tenant = $2::int8 AND key > $3::text
    AND body IS NOT NULL
ORDER BY key LIMIT $4::int8;

-- name: object_list_all (read)
SELECT tenant, key, num, version, created_ms, updated_ms, body
FROM object
WHERE kind = $1::int4 AND (tenant, key) > ($2::int8, $3::text)
    AND body IS NOT NULL
ORDER BY tenant, key LIMIT $4::int8;

-- name: changes (read)
SELECT b.first_seq, b.last_seq, c.seq, c.tenant, c.kind, c.key
FROM (SELECT min(seq) AS first_seq, max(seq) AS last_seq FROM change) b
LEFT JOIN LATERAL (SELECT seq, tenant, kind, key FROM change
    WHERE seq > $1::int8 ORDER BY seq LIMIT $2::int8) c ON true
ORDER BY c.seq;

-- name: dedup_get (read)
SELECT w.ord, d.id
FROM unnest($1::int4[], $2::int8[], $3::text[]) AS w (ord, tenant, key)
CROSS JOIN LATERAL (SELECT * FROM dedup y WHERE y.tenant = w.tenant
AND y.key = w.key OFFSET 0) AS d
WHERE d.until_ms > $4::int8;

-- ---- single deliveries and notifications ----

-- A row for each of its attempts, or one.
-- name: delivery_get (read)
SELECT d.id, d.tenant, coalesce((SELECT y.parent FROM notification y
        WHERE y.tenant = d.tenant AND y.id = d.notification),
        d.notification),
    CASE WHEN d.lane <> 0 AND EXISTS (
        SELECT FROM intent i CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
        WHERE i.lane = abs(d.lane) AND f.id = d.id AND f.n = d.attempts)
    THEN 2::int2 ELSE d.status END,
    d.lane, d.rank, d.attempts, d.priority, d.recipient, d.created_ms,
    d.updated_ms, d.due_ms, d.user_id, d.channel, d.provider, d.reason,
    d.error, d.tally, d.digest, d.merged_into,
    (SELECT y.device FROM delivery_device y WHERE y.delivery = d.id),
    t.n, t.at_ms, t.provider, t.verdict, t.status, t.detail, t.duration_ms,
    t.retry_at_ms, x.node, x.cost, x.request, d.notification
FROM (
    SELECT id, tenant, notification, 0::int2 AS status, lane, rank, attempts,
        priority, recipient, created_ms, updated_ms, 0::int8 AS due_ms,
        user_id, channel, provider, reason, error, tally,
        NULL::int8 AS digest, NULL::int8 AS merged_into,
        NULL::int8 AS at_ms, NULL::int4 AS call_ms, NULL::int4 AS call_status,
        NULL::text AS verdict, NULL::text AS detail
    FROM ready
    UNION ALL
    SELECT id, tenant, notification, status, 0::int8, rank, attempts,
        priority, recipient, created_ms, updated_ms, due_ms,
        user_id, channel, provider, reason, error, tally,
        digest, NULL::int8,
        NULL::int8, NULL::int4, NULL::int4, NULL::text, NULL::text
    FROM waiting
    UNION ALL
    SELECT id, tenant, notification, status, 0::int8, 0::int8, attempts,
        priority, recipient, created_ms, updated_ms, 0::int8,
        user_id, channel, provider, reason, error, tally,
        NULL::int8, NULL::int8,
        NULL::int8, NULL::int4, NULL::int4, NULL::text, NULL::text
    FROM dead
    UNION ALL
    SELECT id, tenant, notification, status, 0::int8, 0::int8, attempts,
        priority, recipient, created_ms, updated_ms, 0::int8,
        user_id, channel, provider, reason, error, NULL::text,
        NULL::int8, merged_into, at_ms, call_ms, call_status, verdict, detail
    FROM ended) d
LEFT JOIN LATERAL (
    SELECT a.n, a.at_ms, a.provider, a.verdict, a.status, a.detail,
        a.duration_ms, a.retry_at_ms
    FROM attempt a WHERE a.delivery = d.id
    UNION ALL
    SELECT d.attempts, d.at_ms, d.provider, d.verdict, d.call_status,
        d.detail, d.call_ms::int8, 0::int8
    WHERE d.verdict IS NOT NULL) t ON true
LEFT JOIN LATERAL (SELECT y.node, y.cost, y.request FROM attempt_note y
    WHERE y.delivery = d.id AND y.n = t.n OFFSET 0) x ON true
WHERE d.tenant = $1::int8 AND d.id = $2::int8
ORDER BY t.n;

-- name: notification_get (read)
SELECT id, tenant, created_ms, priority, is_cancelled, template_version,
    n_recipients, template_key, note, request_id, traceparent, doc, parent,
    (SELECT (extract(epoch FROM w.due) * 1000)::int8 FROM work w
    WHERE w.tenant = $1::int8 AND w.id = $2::int8),
    EXISTS (SELECT FROM work w
        WHERE w.notification > 0 AND w.notification = $2::int8),
    EXISTS (SELECT FROM work w WHERE w.tenant = $1::int8
        AND w.id = $2::int8 AND w.cursor = '!held'),
    EXISTS (SELECT FROM workflow_step s WHERE s.notification = $2::int8
        AND s.id = $2::int8 AND s.verdict = 'expired')
FROM notification WHERE tenant = $1::int8 AND id = $2::int8;

-- name: cancel_find (read)
SELECT k.notification,
    EXISTS (SELECT FROM work w
        WHERE w.tenant = k.tenant AND w.id = k.notification)
    OR coalesce((SELECT EXISTS (SELECT FROM ready r WHERE r.tenant = n.tenant
            AND r.id BETWEEN n.first_delivery AND n.last_delivery
            AND r.notification = n.id)
        OR EXISTS (SELECT FROM waiting r WHERE r.tenant = n.tenant
            AND r.id BETWEEN n.first_delivery AND n.last_delivery
            AND r.notification = n.id)
        FROM notification n
        WHERE n.tenant = k.tenant AND n.id = k.notification), false)
    OR EXISTS (SELECT FROM work w
        WHERE w.notification > 0 AND w.notification
            BETWEEN k.notification AND k.notification)
    OR EXISTS (SELECT FROM notification c
        WHERE c.parent > 0 AND c.parent = k.notification
            AND c.id > k.notification
            AND (EXISTS (SELECT FROM ready r WHERE r.tenant = c.tenant
                    AND r.id BETWEEN c.first_delivery AND c.last_delivery
                    AND r.notification = c.id)
                OR EXISTS (SELECT FROM waiting r WHERE r.tenant = c.tenant
                    AND r.id BETWEEN c.first_delivery AND c.last_delivery
                    AND r.notification = c.id)))
FROM (SELECT tenant, notification FROM cancel_key
    WHERE tenant = $1::int8 AND key = $2::text AND notification < $3::int8
    ORDER BY notification DESC LIMIT $4::int8) k
ORDER BY k.notification DESC;

-- How many of a notification have each status, and in the same rows the first
-- of them with their attempts.
-- name: delivery_of (read)
WITH n AS MATERIALIZED (
    SELECT first_delivery, last_delivery FROM notification
    WHERE tenant = $1::int8 AND id = $2::int8)
SELECT c.statuses, c.counts,
    d.id, d.tenant, d.notification,
    CASE WHEN d.lane <> 0 AND (abs(d.lane), d.id, d.attempts) IN (
        SELECT i.lane, f.id, f.n
        FROM intent i CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
        WHERE i.tenant = $1::int8)
    THEN 2::int2 ELSE d.status END,
    d.lane, d.rank, d.attempts, d.priority, d.recipient, d.created_ms,
    d.updated_ms, d.due_ms, d.user_id, d.channel, d.provider, d.reason,
    d.error, d.tally, d.digest, d.merged_into,
    (SELECT y.device FROM delivery_device y WHERE y.delivery = d.id),
    t.n, t.at_ms, t.provider, t.verdict, t.status, t.detail, t.duration_ms,
    t.retry_at_ms, x.node, x.cost, x.request
FROM (
    SELECT array_agg(g.status::int8) AS statuses, array_agg(g.n) AS counts
    FROM (
        SELECT CASE WHEN s.lane <> 0 AND (abs(s.lane), s.id, s.attempts) IN (
                SELECT i.lane, f.id, f.n
                FROM intent i
                CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
                WHERE i.tenant = $1::int8)
            THEN 2::int2 ELSE s.status END AS status, count(*) AS n
        FROM (
            SELECT tenant, id, notification, user_id, 0::int2 AS status, lane,
                attempts FROM ready
            UNION ALL
            SELECT tenant, id, notification, user_id, status, 0::int8,
                attempts FROM waiting
            UNION ALL
            SELECT tenant, id, notification, user_id, status, 0::int8,
                attempts FROM dead
            UNION ALL
            SELECT tenant, id, notification, user_id, status, 0::int8,
                attempts FROM ended) s
        WHERE s.tenant = $1::int8
            AND s.id >= (SELECT first_delivery FROM n)
            AND s.id <= (SELECT last_delivery FROM n)
            AND s.notification = $2::int8
            AND ($3::text = '' OR s.user_id = $3::text)
        GROUP BY 1) g) c
LEFT JOIN (
    SELECT * FROM (
        SELECT id, tenant, notification, 0::int2 AS status, lane, rank,
            attempts, priority, recipient, created_ms, updated_ms,
            0::int8 AS due_ms, user_id, channel, provider, reason, error,
            tally, NULL::int8 AS digest, NULL::int8 AS merged_into,
            NULL::int8 AS at_ms, NULL::int4 AS call_ms,
            NULL::int4 AS call_status, NULL::text AS verdict,
            NULL::text AS detail
        FROM ready
        UNION ALL
        SELECT id, tenant, notification, status, 0::int8, rank, attempts,
            priority, recipient, created_ms, updated_ms, due_ms, user_id,
            channel, provider, reason, error, tally,
            digest, NULL::int8,
            NULL::int8, NULL::int4, NULL::int4, NULL::text, NULL::text
        FROM waiting
        UNION ALL
        SELECT id, tenant, notification, status, 0::int8, 0::int8, attempts,
            priority, recipient, created_ms, updated_ms, 0::int8, user_id,
            channel, provider, reason, error, tally,
            NULL::int8, NULL::int8,
            NULL::int8, NULL::int4, NULL::int4, NULL::text, NULL::text
        FROM dead
        UNION ALL
        SELECT id, tenant, notification, status, 0::int8, 0::int8, attempts,
            priority, recipient, created_ms, updated_ms, 0::int8, user_id,
            channel, provider, reason, error, NULL::text,
            NULL::int8, merged_into, at_ms, call_ms, call_status, verdict, detail
        FROM ended) u
    WHERE u.tenant = $1::int8
        AND u.id >= (SELECT first_delivery FROM n)
        AND u.id <= (SELECT last_delivery FROM n)
        AND u.notification = $2::int8
        AND ($3::text = '' OR u.user_id = $3::text)
    ORDER BY u.id LIMIT $4::int8) d ON true
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

-- name: notification_list (read)
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
    n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
    n.traceparent, n.doc, n.parent,
    (SELECT (extract(epoch FROM w.due) * 1000)::int8 FROM work w
    WHERE w.tenant = n.tenant AND w.id = n.id),
    EXISTS (SELECT FROM work w
        WHERE w.notification > 0
            AND w.notification BETWEEN n.id AND n.id),
    EXISTS (SELECT FROM work w WHERE w.tenant = n.tenant
        AND w.id BETWEEN n.id AND n.id AND w.cursor = '!held'),
    EXISTS (SELECT FROM workflow_step s
        WHERE s.notification BETWEEN n.id AND n.id
            AND s.id BETWEEN n.id AND n.id AND s.verdict = 'expired'),
    c.statuses, c.counts
FROM (
    SELECT * FROM notification WHERE tenant = $1::int8 AND id < $2::int8
        AND parent IS NULL AND template_version >= 0
    ORDER BY id DESC LIMIT $3::int8) n
CROSS JOIN LATERAL (
    SELECT array_agg(g.status::int8) AS statuses, array_agg(g.n) AS counts
    FROM (
        SELECT CASE WHEN s.lane <> 0 AND (abs(s.lane), s.id, s.attempts) IN (
                SELECT i.lane, f.id, f.n
                FROM intent i
                CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
                WHERE i.tenant = $1::int8)
            THEN 2::int2 ELSE s.status END AS status, count(*) AS n
        FROM (
            SELECT n.id, n.first_delivery, n.last_delivery
            UNION ALL
            SELECT y.id, y.first_delivery, y.last_delivery
            FROM notification y
            WHERE y.parent > 0 AND y.parent = n.id AND y.id > n.id) p
        CROSS JOIN LATERAL (SELECT * FROM (
            SELECT tenant, id, notification, 0::int2 AS status, lane, attempts
            FROM ready
            UNION ALL
            SELECT tenant, id, notification, status, 0::int8, attempts
            FROM waiting
            UNION ALL
            SELECT tenant, id, notification, status, 0::int8, attempts
            FROM dead
            UNION ALL
            SELECT tenant, id, notification, status, 0::int8, attempts
            FROM ended) x
            WHERE x.tenant = $1::int8 AND x.id >= p.first_delivery
                AND x.id <= p.last_delivery AND x.notification = p.id
            OFFSET 0) s
        GROUP BY 1) g) c
ORDER BY n.id DESC;

-- ---- lists of deliveries ----

-- Newest first, those that match. The 50000th that was looked at comes too,
-- whether it does or not: a list goes on from there. $10: where to look, 1
-- ready, 2 waiting, 4 dead, 8 ended.
-- name: delivery_list (read)
WITH n AS MATERIALIZED (
    SELECT first_delivery, last_delivery FROM notification
    WHERE tenant = $1::int8 AND id = $3::int8)
SELECT m.id, m.tenant, coalesce((SELECT y.parent FROM notification y
        WHERE y.tenant = m.tenant AND y.id = m.notification),
        m.notification),
    m.state, m.lane, m.rank, m.attempts,
    m.priority, m.recipient, m.created_ms, m.updated_ms, m.due_ms, m.user_id,
    m.channel, m.provider, m.reason, m.error, m.tally, m.digest,
    m.merged_into,
    (SELECT y.device FROM delivery_device y WHERE y.delivery = m.id),
    m.is_match, m.is_last
FROM (
    SELECT l.*, l.nth = 50000 AS is_last,
        (($3::int8 = 0 OR l.notification = $3::int8)
        AND ($4::text = '' OR l.channel = $4::text)
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
        FROM (
            SELECT * FROM (
                SELECT 1 AS source, id, tenant, notification,
                    0::int2 AS status, lane, rank, attempts, priority,
                    recipient, created_ms, updated_ms, 0::int8 AS due_ms,
                    user_id, channel, provider, reason, error, tally,
                    NULL::int8 AS digest, NULL::int8 AS merged_into
                FROM ready
                UNION ALL
                SELECT 2, id, tenant, notification, status, 0::int8, rank,
                    attempts, priority, recipient, created_ms, updated_ms,
                    due_ms, user_id, channel, provider, reason, error, tally,
                    digest, NULL::int8
                FROM waiting
                UNION ALL
                SELECT 4, id, tenant, notification, status, 0::int8, 0::int8,
                    attempts, priority, recipient, created_ms, updated_ms,
                    0::int8, user_id, channel, provider, reason, error, tally,
                    NULL::int8, NULL::int8
                FROM dead
                UNION ALL
                SELECT 8, id, tenant, notification, status, 0::int8, 0::int8,
                    attempts, priority, recipient, created_ms, updated_ms,
                    0::int8, user_id, channel, provider, reason, error,
                    NULL::text, NULL::int8, merged_into
                FROM ended) u
            WHERE u.tenant = $1::int8 AND u.id < $2::int8
                AND u.id >= CASE WHEN $3::int8 = 0 THEN 0
                    ELSE (SELECT first_delivery FROM n) END
                AND u.id <= CASE WHEN $3::int8 = 0 THEN 9223372036854775807
                    ELSE (SELECT last_delivery FROM n) END
                AND u.source & $10::int4 <> 0
            ORDER BY u.id DESC LIMIT 50000) d) l) m
WHERE m.is_match OR m.is_last
ORDER BY m.id DESC LIMIT $9::int8;

-- Those in flight are few and known, so they are not looked for.
-- name: delivery_list_flying (read)
WITH flying AS MATERIALIZED (
    SELECT r.*
    FROM intent i
    CROSS JOIN unnest(i.ids, i.attempts) AS f (id, n)
    CROSS JOIN LATERAL (
        SELECT * FROM ready WHERE tenant = $1::int8 AND id = f.id
        OFFSET 0) r
    WHERE i.tenant = $1::int8 AND f.id < $2::int8 AND r.attempts = f.n
        AND abs(r.lane) = i.lane)
SELECT id, tenant, coalesce((SELECT y.parent FROM notification y
        WHERE y.tenant = flying.tenant AND y.id = flying.notification),
        flying.notification), 2::int2, lane, rank, attempts,
    priority,
    recipient, created_ms, updated_ms, 0::int8, user_id, channel, provider,
    reason, error, tally, NULL::int8, NULL::int8,
    (SELECT y.device FROM delivery_device y WHERE y.delivery = flying.id),
    true, false
FROM flying
WHERE ($3::int8 = 0 OR notification = $3::int8 OR $3::int8 =
        (SELECT y.parent FROM notification y
        WHERE y.tenant = flying.tenant AND y.id = flying.notification))
    AND ($4::text = '' OR channel = $4::text)
    AND ($5::text = '' OR provider = $5::text)
    AND ($6::text = '' OR user_id = $6::text)
    AND ($7::text = '' OR error = $7::text)
    AND created_ms >= $8::int8
ORDER BY id DESC LIMIT $9::int8;

-- The newest dead letters, at most $2 of them, by what killed them.
-- name: delivery_groups (read)
SELECT channel, provider, error, status, count(*), max(id), min(updated_ms),
    max(updated_ms)
FROM (
    SELECT channel, provider, error, status, id, updated_ms FROM dead
    WHERE tenant = $1::int8 ORDER BY id DESC LIMIT $2::int8) d
GROUP BY channel, provider, error, status
ORDER BY 5 DESC, 6 DESC LIMIT $3::int8;

-- ---- inboxes ----

-- name: inbox_list (read)
SELECT u.rev, u.unseen, u.unread, i.id, i.tenant, i.notification, i.delivery,
    i.user_id, i.rev, i.created_ms, i.seen_ms, i.read_ms, i.archived_ms,
    i.category, i.content
FROM inbox_user u
LEFT JOIN LATERAL (
    SELECT * FROM inbox_item
    WHERE tenant = $1::int8 AND user_id = $2::text AND id < $3::int8
        AND (archived_ms <> 0) = $4::bool AND (NOT $5::bool OR read_ms = 0)
    ORDER BY id DESC LIMIT $6::int8) i ON true
WHERE u.tenant = $1::int8 AND u.user_id = $2::text
ORDER BY i.id DESC;

-- name: inbox_item_read (read)
SELECT id, tenant, notification, delivery, user_id, rev, created_ms, seen_ms,
    read_ms, archived_ms, category, content
FROM inbox_item
WHERE tenant = $1::int8 AND user_id = $2::text AND id = $3::int8;

-- An item is younger than what it came with.
-- name: inbox_item_find (read)
SELECT id, tenant, notification, delivery, user_id, rev, created_ms, seen_ms,
    read_ms, archived_ms, category, content
FROM inbox_item
WHERE tenant = $1::int8 AND user_id = $2::text AND id > $3::int8
    AND notification = $3::int8 AND ($4::int8 = 0 OR delivery = $4)
ORDER BY id LIMIT 1;

-- What happened after $3, unless that is more than $4 events.
-- name: inbox_revs (read)
SELECT x.k, u.rev FROM (SELECT unnest($1::int4[]) AS k, unnest($2::int8[]) AS
tenant, unnest($3::text[]) AS user_id) AS x
CROSS JOIN LATERAL (SELECT * FROM inbox_user y WHERE y.tenant = x.tenant
AND y.user_id = x.user_id OFFSET 0) AS u;
-- name: inbox_replay (read)
SELECT u.rev, u.unseen, u.unread, e.rev, e.kind, e.change, e.before_rev,
    e.at_ms, e.ids, i.id, i.tenant, i.notification, i.delivery, i.user_id,
    i.rev, i.created_ms, i.seen_ms, i.read_ms, i.archived_ms, i.category,
    i.content
FROM inbox_user u
LEFT JOIN LATERAL (
    SELECT * FROM inbox_event
    WHERE tenant = $1::int8 AND user_id = $2::text AND rev > $3::int8
        AND u.rev - $3::int8 <= $4::int8
    ORDER BY rev LIMIT $4::int8) e ON true
LEFT JOIN LATERAL (SELECT * FROM inbox_item
    WHERE tenant = $1::int8 AND user_id = $2::text AND id = e.ids[1]
    OFFSET 0) i ON e.kind = 0
WHERE u.tenant = $1::int8 AND u.user_id = $2::text
ORDER BY e.rev;

-- ---- sums ----

-- From lane to lane, however many rows each has.
-- name: stats_lanes (read)
WITH RECURSIVE found (lane, tenant) AS (
    (SELECT lane, tenant FROM ready WHERE lane <> 0
    ORDER BY lane, rank, id LIMIT 1)
    UNION ALL
    SELECT next.lane, next.tenant
    FROM found
    CROSS JOIN LATERAL (SELECT r.lane, r.tenant FROM ready r
        WHERE r.lane <> 0 AND r.lane > found.lane
        ORDER BY r.lane, r.rank, r.id LIMIT 1) next)
SELECT min(tenant), abs(lane), count(*), 0::int8, 0::int8
FROM found GROUP BY 2;

-- Lane by lane, so that the index is enough where what is ready has been so
-- for a while.
-- name: stats_counts (read)
WITH RECURSIVE found (lane, tenant) AS (
    (SELECT lane, tenant FROM ready WHERE lane <> 0
    ORDER BY lane, rank, id LIMIT 1)
    UNION ALL
    SELECT next.lane, next.tenant
    FROM found
    CROSS JOIN LATERAL (SELECT r.lane, r.tenant FROM ready r
        WHERE r.lane <> 0 AND r.lane > found.lane
        ORDER BY r.lane, r.rank, r.id LIMIT 1) next)
SELECT min(tenant), abs(lane), sum(n_ready)::int8, sum(n_waiting)::int8,
    min(oldest_ms)
FROM (
    SELECT f.tenant, f.lane, c.n AS n_ready, 0::int8 AS n_waiting,
        (SELECT r.created_ms FROM ready r
        WHERE r.tenant = f.tenant AND r.id = c.oldest) AS oldest_ms
    FROM found f
    CROSS JOIN LATERAL (SELECT count(*) AS n, min(r.id) AS oldest
        FROM ready r WHERE r.lane <> 0 AND r.lane = f.lane) c
    UNION ALL
    SELECT min(tenant), lane, 0::int8, count(*), NULL::int8
    FROM waiting WHERE due_ms > 0 GROUP BY lane) both_rooms
GROUP BY 2;

-- name: stats_sizes (read)
SELECT (SELECT count(*) FROM dead), pg_database_size(current_database());
