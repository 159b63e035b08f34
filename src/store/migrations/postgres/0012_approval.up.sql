-- works-with: 12
--
-- An older program would send what nobody has approved.
--
-- A row of work of kind 1 whose cursor is '!held' waits until a person decides;
-- due: nobody may any more. What was decided is a step whose id is that of the
-- notification.
CREATE INDEX work_held ON work (tenant, id) WHERE cursor = '!held';
ALTER TABLE workflow_step ADD COLUMN note text NOT NULL DEFAULT '';
