-- What a person approves: rows of work of kind 1 whose cursor is '!held'. Two
-- who decide meet at the row of work; as everywhere, it is locked before that
-- of the notification.

-- name: approval_approve (write)
WITH held AS (UPDATE work SET cursor = '',
due = timestamptz 'epoch' + $9::int8 * interval '1 ms',
taken_until = timestamptz 'epoch' + $9::int8 * interval '1 ms'
WHERE tenant = $1::int8 AND id = $2::int8 AND cursor = '!held'
AND due > clock_timestamp() RETURNING tenant, id)
INSERT INTO workflow_step (tenant, notification, id, at_ms, user_id, step,
verdict, reason, note)
SELECT tenant, id, id, $3::int8, $4::text, $5::text, $6::text, $7::text,
$8::text FROM held;
-- name: approval_reject (write)
WITH held AS (DELETE FROM work WHERE tenant = $1::int8 AND id = $2::int8
AND cursor = '!held' AND due > clock_timestamp() RETURNING tenant, id),
stopped AS (UPDATE notification SET is_cancelled = true
WHERE tenant = $1::int8 AND id = $2::int8 AND EXISTS (SELECT FROM held))
INSERT INTO workflow_step (tenant, notification, id, at_ms, user_id, step,
verdict, reason, note)
SELECT tenant, id, id, $3::int8, $4::text, $5::text, $6::text, $7::text,
$8::text FROM held;
-- What stands now, ours or an earlier one.
-- name: approval_find (write)
SELECT s.id, s.at_ms, s.user_id, s.step, s.verdict, s.reason, s.note
FROM notification n LEFT JOIN LATERAL (SELECT * FROM workflow_step y
WHERE y.notification = n.id AND y.id = n.id AND y.tenant = n.tenant
OFFSET 0) AS s ON true
WHERE n.tenant = $1::int8 AND n.id = $2::int8;
-- Those that are held have no deliveries to count.
-- name: approval_list (read)
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent, (extract(epoch FROM w.due) * 1000)::int8, false,
true, false, NULL::int8[], NULL::int8[]
FROM (SELECT tenant, id, due FROM work WHERE cursor = '!held'
AND tenant = $1::int8 AND id < $2::int8 ORDER BY id DESC LIMIT $3::int8) AS w
CROSS JOIN LATERAL (SELECT * FROM notification y WHERE y.tenant = w.tenant
AND y.id = w.id OFFSET 0) AS n ORDER BY w.id DESC;
