-- name: work_add (accept)
INSERT INTO work (tenant, id, kind, due, taken_until, cursor)
SELECT n.tenant, n.id, 1, t.due, t.due, n.cursor
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[])
AS n (tenant, id, due_ms, cursor),
LATERAL (SELECT timestamptz 'epoch' + n.due_ms * interval '1 ms' AS due) AS t;
-- Only one is where the chunk begins; its row is then locked, as a cancellation
-- locks it, before that of the notification.
-- name: work_advance (accept)
UPDATE work SET cursor = $4::text,
taken_until = clock_timestamp() + $5::int8 * interval '1 ms'
WHERE tenant = $1::int8 AND id = $2::int8 AND kind = 1 AND cursor = $3::text
RETURNING (extract(epoch FROM taken_until) * 1000000)::int8;
-- name: work_end (accept)
DELETE FROM work WHERE tenant = $1::int8 AND id = $2::int8 AND kind = 1
AND cursor = $3::text;
-- name: notification_grow (accept)
UPDATE notification SET n_recipients = n_recipients + $3::int4,
first_delivery = CASE WHEN first_delivery = 0 OR first_delivery > $4::int8
THEN $4::int8 ELSE first_delivery END,
last_delivery = greatest(last_delivery, $5::int8)
WHERE tenant = $1::int8 AND id = $2::int8;
-- (kind + 0: so that no key is read for it; see the index work_plan, too.)
-- name: work_take (write)
WITH t AS (
SELECT tenant, id, kind FROM work
WHERE kind + 0 = 1 AND taken_until < statement_timestamp()
ORDER BY taken_until, id LIMIT $1::int8 FOR UPDATE SKIP LOCKED
), u AS (
UPDATE work w SET taken_until = clock_timestamp()
+ $2::int8 * interval '1 ms' FROM t
WHERE w.tenant = ANY (ARRAY[t.tenant])
AND w.id BETWEEN t.id AND t.id
AND w.kind BETWEEN t.kind AND t.kind
RETURNING w.tenant, w.id, w.cursor, w.taken_until
)
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent, u.cursor,
(extract(epoch FROM u.taken_until) * 1000000)::int8
FROM u CROSS JOIN LATERAL (SELECT * FROM notification y
WHERE y.tenant = u.tenant AND y.id = u.id OFFSET 0) AS n
ORDER BY n.id;
-- How long until another one may be taken.
-- name: work_next (write)
SELECT ceil(extract(epoch FROM min(taken_until) - clock_timestamp()) * 1000)::int8
FROM work WHERE kind + 0 = 1 AND taken_until >= statement_timestamp();
-- A lease ends at a microsecond that is after the end of each one before: it
-- is named by it.
-- name: work_release (write)
UPDATE work w SET taken_until = w.due
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int2[])
AS h (tenant, id, hold, kind)
WHERE w.tenant = ANY (ARRAY[h.tenant])
AND w.id BETWEEN h.id AND h.id
AND w.kind BETWEEN h.kind AND h.kind AND w.taken_until = timestamptz 'epoch' + h.hold * interval '1 microsecond';
-- name: work_cancel (write)
DELETE FROM work WHERE tenant = $1::int8 AND id = $2::int8 AND kind = 1;
