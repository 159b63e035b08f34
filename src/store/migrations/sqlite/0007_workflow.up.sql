-- works-with: 7
--
-- What a step of a workflow sends is a notification below the one that began
-- it.
ALTER TABLE notification ADD COLUMN parent INTEGER;
CREATE INDEX notification_parent ON notification (parent, id)
WHERE parent IS NOT NULL;

-- kind 3: an instance of a workflow, for one recipient. id is its own, cursor
-- says where it is, event what it waits for.
ALTER TABLE work ADD COLUMN notification INTEGER;
ALTER TABLE work ADD COLUMN user TEXT;
ALTER TABLE work ADD COLUMN event TEXT;
-- There may be very many of one kind.
DROP INDEX work_taken;
CREATE INDEX work_taken ON work (kind, taken_until, id);
-- The instances of a notification.
CREATE INDEX work_notification ON work (notification)
WHERE notification IS NOT NULL;
-- Those that wait for what happens to a user.
CREATE INDEX work_event ON work (tenant, user, event) WHERE event IS NOT NULL;

-- What was decided on the way.
CREATE TABLE workflow_step (
    notification INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    user TEXT NOT NULL,
    step TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (notification, id)
) STRICT, WITHOUT ROWID;
-- Those that are old.
CREATE INDEX workflow_step_at ON workflow_step (at_ms);

-- What happened to users outside of Belfry.
CREATE TABLE user_event (
    tenant INTEGER NOT NULL,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    id INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (tenant, user, name, at_ms, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_event_at ON user_event (at_ms);
