-- What nobody has approved must not go out.
UPDATE notification n SET is_cancelled = true FROM work w
WHERE w.cursor = '!held' AND n.tenant = w.tenant AND n.id = w.id;
DELETE FROM work WHERE cursor = '!held';
DROP INDEX work_held;
DELETE FROM workflow_step WHERE id = notification;
ALTER TABLE workflow_step DROP COLUMN note;
