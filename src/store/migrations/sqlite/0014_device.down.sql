ALTER TABLE delivery DROP COLUMN device;
