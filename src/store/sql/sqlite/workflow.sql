-- Instances of workflows: rows of work of kind 3.

-- name: instance_add
INSERT INTO work (tenant, id, kind, due, taken_until, cursor, notification,
user, event) VALUES (?1, ?2, 3, ?3, ?3, ?4, ?5, ?6, nullif(?7, ''));
-- name: instance_due
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent, w.id, w.user, w.cursor, w.event, w.due
FROM work w JOIN notification n ON n.id = w.notification
WHERE w.kind = 3 AND w.taken_until <= ?1 ORDER BY w.taken_until, w.id LIMIT ?2;
-- By who has it; of what is cancelled only who ends without anything sent.
-- name: turn_move
UPDATE work SET cursor = ?4, due = ?5, taken_until = ?5, event = nullif(?6, ''),
user = ?7
WHERE tenant = ?1 AND id = ?2 AND kind = 3 AND taken_until = ?3
AND (?8 OR NOT EXISTS (SELECT 1 FROM notification n
WHERE n.id = work.notification AND n.is_cancelled));
-- name: turn_end
DELETE FROM work
WHERE tenant = ?1 AND id = ?2 AND kind = 3 AND taken_until = ?3
AND (NOT ?4 OR NOT EXISTS (SELECT 1 FROM notification n
WHERE n.id = work.notification AND n.is_cancelled));
-- name: turn_held
SELECT 1 FROM work WHERE tenant = ?1 AND id = ?2 AND kind = 3
AND taken_until = ?3 AND (NOT ?4 OR NOT EXISTS (SELECT 1 FROM notification n
WHERE n.id = work.notification AND n.is_cancelled));
-- What a window collects, and its end.
-- name: instance_join
UPDATE work SET due = ?3, taken_until = ?3, event = ?4
WHERE tenant = ?1 AND id = ?2 AND kind = 3;
-- name: instance_merge
DELETE FROM work WHERE tenant = ?1 AND user = ?2 AND event = ?3;
-- name: instance_list (reader)
SELECT w.id, w.notification, w.taken_until, n.is_cancelled, w.cursor
FROM work w JOIN notification n ON n.id = w.notification
WHERE w.tenant = ?1 AND w.user = ?2 AND w.event = ?3 ORDER BY w.id LIMIT ?4;
-- name: instance_doc (reader)
SELECT doc FROM notification WHERE id = ?1;
-- name: instance_wake
UPDATE work SET due = ?4, taken_until = ?4
WHERE tenant = ?1 AND user = ?2 AND event = ?3;
-- name: instance_cancel
DELETE FROM work WHERE (tenant, id, kind) IN (SELECT tenant, id, kind FROM work
WHERE notification = ?2 AND tenant = ?1 AND event IS NOT ?4 LIMIT ?3);
-- name: cancel_leave
INSERT INTO work (tenant, id, kind, due, taken_until, cursor, notification,
user, event) VALUES (?1, ?2, 3, ?3, ?3, '', ?2, '', ?4)
ON CONFLICT DO NOTHING;
-- name: instance_is_left (reader)
SELECT 1 FROM work WHERE notification = ?1 LIMIT 1;

-- name: step_add
INSERT INTO workflow_step (tenant, notification, id, at_ms, user, step, verdict,
reason, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);
-- name: step_list (reader)
SELECT id, at_ms, user, step, verdict, reason, note FROM workflow_step
WHERE notification = ?1 AND (?2 = '' OR user = ?2 OR id = ?1) ORDER BY id LIMIT ?3;
-- name: step_sweep
DELETE FROM workflow_step WHERE (notification, id) IN (SELECT notification, id
FROM workflow_step WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2);

-- name: event_add
INSERT INTO user_event (tenant, user, name, at_ms, id, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);
-- name: event_find (reader)
SELECT at_ms, id FROM user_event WHERE tenant = ?1 AND user = ?2 AND name = ?3
AND (at_ms, id) > (?4, ?5) ORDER BY at_ms, id LIMIT 1;
-- The item of a delivery may be younger than it, up to ?4 as ids count, and is
-- not older; there is one.
-- name: event_item (reader)
SELECT seen_ms, read_ms, archived_ms FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND id >= ?3 AND id <= ?3 + ?4 AND delivery = ?3
ORDER BY id LIMIT 1;
-- name: event_sweep
DELETE FROM user_event WHERE (tenant, user, name, at_ms, id) IN
(SELECT tenant, user, name, at_ms, id FROM user_event WHERE at_ms < ?1
ORDER BY at_ms LIMIT ?2);

-- What is below a notification.
-- name: children_are (reader)
SELECT 1 FROM notification WHERE parent = ?1 LIMIT 1;
-- name: parent_of (reader)
SELECT parent FROM notification WHERE id = ?1;
-- name: children_find (reader)
SELECT n.id, EXISTS (SELECT 1 FROM delivery d WHERE d.notification = n.id
AND d.status < 4) FROM notification n
WHERE n.parent = ?2 AND n.tenant = ?1 AND n.id < ?3 ORDER BY n.id DESC LIMIT ?4;
-- name: children_statuses (reader)
SELECT d.status FROM notification n JOIN delivery d ON d.notification = n.id
WHERE n.parent = ?1 AND (?2 = '' OR d.user = ?2);
-- name: children_deliveries (reader)
SELECT d.id, d.tenant, n.parent, d.status, d.lane, d.rank, d.attempts,
d.priority, d.recipient, d.created_ms, d.updated_ms, d.due_ms, d.user,
d.channel, d.provider, d.reason, d.error, d.tally, d.digest, d.merged_into,
d.device
FROM notification n JOIN delivery d ON d.notification = n.id
WHERE n.parent = ?1 AND (?2 = '' OR d.user = ?2) ORDER BY d.id LIMIT ?3;
-- name: children_list (reader)
SELECT d.id, d.tenant, n.parent, d.status, d.lane, d.rank, d.attempts,
d.priority, d.recipient, d.created_ms, d.updated_ms, d.due_ms, d.user,
d.channel, d.provider, d.reason, d.error, d.tally, d.digest, d.merged_into,
d.device
FROM notification n JOIN delivery d ON d.notification = n.id
WHERE n.tenant = ?1 AND d.id < ?2 AND n.parent = ?3 ORDER BY d.id DESC;
