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
    day := to_timestamp(((below >> 22) + 1704067200000) / 1000.0)
        AT TIME ZONE 'UTC';
    upper := belfry_first_id(day + 1);
    IF upper > before OR
        to_regclass('notification' || to_char(day, '_YYYYMMDD')) IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM set_config('lock_timeout', '200ms', true);
    FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt'] LOOP
        part := parent || to_char(day, '_YYYYMMDD');
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, part);
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent,
            parent || '_old');
    END LOOP;
    CREATE TEMPORARY TABLE belfry_kept ON COMMIT DROP AS
        SELECT tenant, notification, id FROM ready
        WHERE notification >= below AND notification < upper
        UNION ALL SELECT tenant, notification, id FROM waiting
        WHERE notification >= below AND notification < upper
        UNION ALL SELECT tenant, notification, id FROM dead
        WHERE notification >= below AND notification < upper;
    EXECUTE format('INSERT INTO notification_old SELECT * FROM %I n WHERE (tenant, id) IN (SELECT tenant, notification FROM belfry_kept)',
        'notification' || to_char(day, '_YYYYMMDD'));
    GET DIAGNOSTICS kept = ROW_COUNT;
    EXECUTE format('INSERT INTO attempt_old SELECT * FROM %I a WHERE delivery IN (SELECT id FROM belfry_kept)',
        'attempt' || to_char(day, '_YYYYMMDD'));
    EXECUTE format('INSERT INTO ended_old SELECT * FROM %I e WHERE (tenant, notification) IN (SELECT tenant, notification FROM belfry_kept)',
        'ended' || to_char(day, '_YYYYMMDD'));
    SELECT greatest(reltuples, kept)::bigint INTO gone FROM pg_class
        WHERE oid = to_regclass('notification' || to_char(day, '_YYYYMMDD'));
    FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt'] LOOP
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)',
            parent, parent || '_old', upper);
        EXECUTE format('DROP TABLE %I', parent || to_char(day, '_YYYYMMDD'));
    END LOOP;
    UPDATE meta SET value = upper WHERE name = 'old_below';
    DROP TABLE belfry_kept;
    RETURN gone - kept;
EXCEPTION WHEN lock_not_available THEN
    RETURN -1;
END $$;
