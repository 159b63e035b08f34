DROP INDEX work_digest;
DELETE FROM work WHERE kind = 2;
ALTER TABLE ended DROP COLUMN merged_into;
ALTER TABLE waiting DROP COLUMN digest;
DROP TABLE digest;
