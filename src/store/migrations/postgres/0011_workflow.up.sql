-- works-with: 11
--
-- An older program would take windows and instances for what is to be planned.
--
-- What a step of a workflow sends is a notification below the one that began
-- it. The index is open to who says `parent > 0`.
ALTER TABLE notification ADD COLUMN parent bigint;
CREATE INDEX notification_parent ON notification (parent, id) WHERE parent > 0;

-- kind 3: an instance of a workflow, for one recipient. id is its own, cursor
-- says where it is, event what it waits for.
ALTER TABLE work ADD COLUMN notification bigint;
ALTER TABLE work ADD COLUMN user_id text COLLATE "C";
ALTER TABLE work ADD COLUMN event text COLLATE "C";
-- As for digests (0010); and so for what is to be planned.
CREATE INDEX work_workflow ON work (taken_until) WHERE kind + 0 = 3;
CREATE INDEX work_plan ON work (taken_until, id) WHERE kind + 0 = 1;
DROP INDEX work_taken;
-- What is to be planned by its age, for who says `kind + 1 = 2`.
CREATE INDEX work_unplanned ON work (id) WHERE kind + 1 = 2;
-- The instances of a notification, for who says `notification > 0`.
CREATE INDEX work_notification ON work (notification, id)
WHERE notification > 0;
-- Those that wait for what happens to a user.
CREATE INDEX work_event ON work (user_id, event, id) WHERE event IS NOT NULL;

-- What was decided on the way.
CREATE TABLE workflow_step (
    notification bigint NOT NULL,
    id bigint NOT NULL,
    tenant bigint NOT NULL,
    at_ms bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    step text NOT NULL,
    verdict text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (notification, id)
);
CREATE INDEX workflow_step_at ON workflow_step (at_ms);

-- What happened to users outside of Belfry.
CREATE TABLE user_event (
    tenant bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    at_ms bigint NOT NULL,
    id bigint NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (tenant, user_id, name, at_ms, id)
);
CREATE INDEX user_event_at ON user_event (at_ms);

-- As in 0009; what instances are left of is kept, too.
CREATE OR REPLACE FUNCTION belfry_drop_day(before bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    below bigint;
    upper bigint;
    day date;
    gone bigint;
    kept bigint;
    parent text;
    part text;
BEGIN
    SELECT value INTO below FROM meta WHERE name = 'old_below' FOR UPDATE;
    LOOP
        day := to_timestamp(((below >> 22) + 1704067200000) / 1000.0)
            AT TIME ZONE 'UTC';
        upper := belfry_first_id(day + 1);
        IF upper > before THEN
            RETURN 0;
        END IF;
        EXIT WHEN to_regclass('notification' || to_char(day, '_YYYYMMDD'))
            IS NOT NULL;
        below := upper; -- no process ran, so nobody made it
    END LOOP;
    CREATE TEMPORARY TABLE belfry_kept ON COMMIT DROP AS
        SELECT tenant, notification, id FROM ready WHERE notification < upper
        UNION ALL SELECT tenant, notification, id FROM waiting
        WHERE notification < upper
        UNION ALL SELECT tenant, notification, id FROM dead
        WHERE notification < upper;
    CREATE TEMPORARY TABLE belfry_kept_of ON COMMIT DROP AS
        SELECT tenant, notification FROM belfry_kept
        UNION SELECT tenant, notification FROM work
        WHERE notification > 0 AND notification < upper;
    PERFORM set_config('lock_timeout', '200ms', true);
    FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt',
        'cancel_key'] LOOP
        part := parent || to_char(day, '_YYYYMMDD');
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, part);
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent,
            parent || '_old');
    END LOOP;
    EXECUTE format('INSERT INTO notification_old SELECT n.* FROM belfry_kept_of k CROSS JOIN LATERAL (SELECT * FROM %I y WHERE y.tenant = k.tenant AND y.id = k.notification OFFSET 0) AS n',
        'notification' || to_char(day, '_YYYYMMDD'));
    GET DIAGNOSTICS kept = ROW_COUNT;
    EXECUTE format('INSERT INTO attempt_old SELECT a.* FROM belfry_kept k CROSS JOIN LATERAL (SELECT * FROM %I y WHERE y.delivery = k.id OFFSET 0) AS a',
        'attempt' || to_char(day, '_YYYYMMDD'));
    EXECUTE format('INSERT INTO ended_old SELECT e.* FROM belfry_kept_of k CROSS JOIN LATERAL (SELECT * FROM notification_old y WHERE y.tenant = k.tenant AND y.id = k.notification OFFSET 0) AS n CROSS JOIN LATERAL (SELECT * FROM %I y WHERE y.tenant = n.tenant AND y.id BETWEEN n.first_delivery AND n.last_delivery AND y.notification = n.id OFFSET 0) AS e',
        'ended' || to_char(day, '_YYYYMMDD'));
    EXECUTE format('INSERT INTO cancel_key_old SELECT c.* FROM belfry_kept_of k CROSS JOIN LATERAL (SELECT * FROM %I y WHERE y.notification = k.notification AND y.notification <> 0 AND y.tenant = k.tenant OFFSET 0) AS c',
        'cancel_key' || to_char(day, '_YYYYMMDD'));
    SELECT greatest(reltuples, kept)::bigint INTO gone FROM pg_class
        WHERE oid = to_regclass('notification' || to_char(day, '_YYYYMMDD'));
    FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt',
        'cancel_key'] LOOP
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)',
            parent, parent || '_old', upper);
        EXECUTE format('DROP TABLE %I', parent || to_char(day, '_YYYYMMDD'));
    END LOOP;
    UPDATE meta SET value = upper WHERE name = 'old_below';
    DROP TABLE belfry_kept, belfry_kept_of;
    RETURN gone - kept;
EXCEPTION WHEN lock_not_available THEN
    RETURN -1;
END $$;
