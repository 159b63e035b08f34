DROP INDEX work_taken;
CREATE INDEX work_taken ON work (taken_until);
DELETE FROM work WHERE kind = 2;
DROP INDEX delivery_digest;
ALTER TABLE delivery DROP COLUMN merged_into;
ALTER TABLE delivery DROP COLUMN digest;
DROP TABLE digest;
