-- What a person approves: rows of work of kind 1 whose cursor is '!held'.

-- name: approval_release
UPDATE work SET cursor = '', due = ?4, taken_until = ?4
WHERE tenant = ?1 AND id = ?2 AND kind = 1 AND cursor = '!held' AND due > ?3;
-- name: approval_remove
DELETE FROM work
WHERE tenant = ?1 AND id = ?2 AND kind = 1 AND cursor = '!held' AND due > ?3;
-- name: approval_find
SELECT n.id, s.id, s.at_ms, s.user, s.step, s.verdict, s.reason, s.note
FROM notification n LEFT JOIN workflow_step s ON s.notification = n.id
AND s.id = n.id AND s.tenant = n.tenant WHERE n.id = ?1 AND n.tenant = ?2;
-- name: approval_is_expired (reader)
SELECT 1 FROM workflow_step
WHERE notification = ?1 AND id = ?1 AND tenant = ?2 AND verdict = 'expired';
-- name: approval_list (reader)
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent FROM work w JOIN notification n ON n.id = w.id
WHERE w.tenant = ?1 AND w.id < ?2 AND w.cursor = '!held'
ORDER BY w.id DESC LIMIT ?3;
