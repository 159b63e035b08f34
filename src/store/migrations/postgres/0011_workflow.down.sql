-- As in 0009.
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
        SELECT DISTINCT tenant, notification FROM belfry_kept;
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

DROP TABLE user_event;
DROP TABLE workflow_step;
DELETE FROM work WHERE kind = 3;
CREATE INDEX work_taken ON work (taken_until);
DROP INDEX work_unplanned;
DROP INDEX work_plan;
DROP INDEX work_event;
DROP INDEX work_notification;
DROP INDEX work_workflow;
ALTER TABLE work DROP COLUMN event;
ALTER TABLE work DROP COLUMN user_id;
ALTER TABLE work DROP COLUMN notification;
DROP INDEX notification_parent;
ALTER TABLE notification DROP COLUMN parent;
