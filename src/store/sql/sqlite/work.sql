-- name: work_add
INSERT INTO work (tenant, id, kind, due, taken_until, cursor)
VALUES (?1, ?2, 1, ?3, ?3, ?4);
-- name: work_advance
UPDATE work SET cursor = ?4, taken_until = ?5
WHERE tenant = ?1 AND id = ?2 AND kind = 1 AND cursor = ?3;
-- name: work_end
DELETE FROM work WHERE tenant = ?1 AND id = ?2 AND kind = 1 AND cursor = ?3;
-- name: work_remove
DELETE FROM work WHERE tenant = ?1 AND id = ?2 AND kind = 1;
-- name: notification_grow
UPDATE notification SET n_recipients = n_recipients + ?2 WHERE id = ?1;
-- name: work_due
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent, w.cursor FROM work w JOIN notification n ON n.id = w.id
WHERE w.kind = 1 AND w.taken_until <= ?1 ORDER BY w.taken_until, w.id LIMIT ?2;
-- name: work_next
SELECT min(taken_until) FROM work WHERE kind = ?2 AND taken_until > ?1;
-- name: work_mark
UPDATE work SET taken_until = ?3 WHERE tenant = ?1 AND id = ?2 AND kind = ?4;
-- name: work_release
UPDATE work SET taken_until = due
WHERE tenant = ?1 AND id = ?2 AND kind = ?4 AND taken_until = ?3;
-- Nobody has any of it when the process begins.
-- name: work_release_all
UPDATE work SET taken_until = due WHERE taken_until <> due;
-- name: work_is_left (reader)
SELECT due, cursor = '!held' FROM work WHERE tenant = ?1 AND id = ?2;
