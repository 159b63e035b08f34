-- What nobody has approved must not go out.
UPDATE notification SET is_cancelled = 1 WHERE id IN
(SELECT id FROM work WHERE cursor = '!held');
DELETE FROM work WHERE cursor = '!held';
DROP INDEX work_held;
DELETE FROM workflow_step WHERE id = notification;
ALTER TABLE workflow_step DROP COLUMN note;
