-- The first schema. A delivery is a row in exactly one of ready, waiting, dead
-- and ended, so what has ended costs the queue nothing. Each index is paid for
-- on every row: the comment says which question it answers.
--
-- Ids rise with time (src/base/id.h), so a range of ids is a range of time:
-- what grows without end is partitioned by it, a day each, and goes by DROP.

CREATE TABLE meta (
    name text PRIMARY KEY,
    value bigint NOT NULL
);

-- Immutable but for is_cancelled. Its deliveries have ids from first_delivery
-- to last_delivery (others' may lie between), which is how they are found.
CREATE TABLE notification (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    created_ms bigint NOT NULL,
    first_delivery bigint NOT NULL,
    last_delivery bigint NOT NULL,
    template_version bigint NOT NULL,
    n_recipients integer NOT NULL,
    priority smallint NOT NULL,
    is_cancelled boolean NOT NULL,
    template_key text,
    note text,
    request_id text,
    traceparent text,
    doc text NOT NULL,
    PRIMARY KEY (tenant, id)
) PARTITION BY RANGE (id);

-- The queue: thin, hot, and empty when there is nothing to do. lane: the
-- provider's number, negative for critical ones, which are claimed apart.
CREATE TABLE ready (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    notification bigint NOT NULL,
    lane bigint NOT NULL,
    rank bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    recipient integer NOT NULL,
    attempts integer NOT NULL,
    priority smallint NOT NULL,
    crashes smallint NOT NULL DEFAULT 0,
    user_id text,
    channel text NOT NULL,
    provider text,
    reason text,
    error text,
    tally text,
    PRIMARY KEY (tenant, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
-- The queue itself.
CREATE UNIQUE INDEX ready_lane ON ready (lane, rank, id);

-- What waits until due_ms and then goes to `lane`; due_ms 0: held.
CREATE TABLE waiting (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    notification bigint NOT NULL,
    due_ms bigint NOT NULL,
    lane bigint NOT NULL,
    rank bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    recipient integer NOT NULL,
    attempts integer NOT NULL,
    priority smallint NOT NULL,
    crashes smallint NOT NULL DEFAULT 0,
    status smallint NOT NULL,
    user_id text,
    channel text NOT NULL,
    provider text,
    reason text,
    error text,
    tally text,
    PRIMARY KEY (tenant, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
-- What is due next.
CREATE INDEX waiting_due ON waiting (due_ms, id) WHERE due_ms > 0;

-- Dead letters: failed and dead, until a person says what becomes of them.
CREATE TABLE dead (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    notification bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    recipient integer NOT NULL,
    attempts integer NOT NULL,
    priority smallint NOT NULL,
    status smallint NOT NULL,
    user_id text,
    channel text NOT NULL,
    provider text,
    reason text,
    error text,
    tally text,
    PRIMARY KEY (tenant, id)
);

-- What has ended, with its last attempt (verdict NULL: none was made then).
CREATE TABLE ended (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    notification bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    at_ms bigint,
    recipient integer NOT NULL,
    attempts integer NOT NULL,
    call_ms integer,
    call_status integer,
    priority smallint NOT NULL,
    status smallint NOT NULL,
    user_id text,
    channel text NOT NULL,
    provider text,
    reason text,
    error text,
    verdict text,
    detail text,
    PRIMARY KEY (tenant, id)
) PARTITION BY RANGE (id);

-- Attempts that did not end their delivery, or ended it dead.
CREATE TABLE attempt (
    delivery bigint NOT NULL,
    n integer NOT NULL,
    at_ms bigint NOT NULL,
    duration_ms bigint NOT NULL,
    retry_at_ms bigint NOT NULL,
    status integer NOT NULL,
    provider text,
    verdict text,
    detail text,
    PRIMARY KEY (delivery, n)
) PARTITION BY RANGE (delivery);

-- The first id of a day in UTC.
CREATE FUNCTION belfry_first_id(day date) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (extract(epoch FROM day)::bigint * 1000 - 1704067200000) << 22
$$;

-- Makes what is missing of the partitions of today and the days after. What is
-- made alone and then attached keeps nobody waiting.
CREATE FUNCTION belfry_make_days(ahead integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    below bigint;
    parent text;
    part text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7310858714312114035);
    SELECT value INTO below FROM meta WHERE name = 'old_below';
    FOR day IN 0 .. ahead LOOP
        CONTINUE WHEN belfry_first_id(today + day) < below;
        FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt'] LOOP
            part := parent || to_char(today + day, '_YYYYMMDD');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES)',
                part, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                parent, part, belfry_first_id(today + day),
                belfry_first_id(today + day + 1));
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- The oldest day goes if all of it was before that id: dropped whole, but for
-- what a delivery that has not ended, or is a dead letter, still needs; that is
-- kept with the rest of what is old. Returns about how many notifications went.
-- Nobody waits for it longer than a fifth of a second, or it gives up (-1).
CREATE FUNCTION belfry_drop_day(before bigint) RETURNS bigint
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

-- Work that one process does for all, while its turn lasts.
CREATE TABLE duty (
    name text PRIMARY KEY,
    holder bigint NOT NULL,
    until timestamptz NOT NULL
);

-- A process. incarnation is drawn at random and never used again.
CREATE TABLE node (
    slot smallint PRIMARY KEY,
    incarnation bigint NOT NULL UNIQUE,
    beat timestamptz NOT NULL,
    started timestamptz NOT NULL,
    is_live boolean NOT NULL,
    id_limit_ms bigint NOT NULL,
    pid integer NOT NULL,
    host text NOT NULL,
    roles text NOT NULL,
    version text NOT NULL
) WITH (fillfactor = 20);

-- Who claims from a lane. token rises whenever that is settled anew; owner 0:
-- nobody.
CREATE TABLE lane (
    lane bigint PRIMARY KEY,
    tenant bigint NOT NULL,
    owner bigint NOT NULL,
    token bigint NOT NULL,
    since timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What went into flight together and is not all back.
CREATE TABLE intent (
    lane bigint NOT NULL,
    batch bigint NOT NULL,
    tenant bigint NOT NULL,
    at_ms bigint NOT NULL,
    ids bigint[] NOT NULL,
    attempts integer[] NOT NULL,
    PRIMARY KEY (lane, batch)
) WITH (autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);

CREATE TABLE inbox_user (
    tenant bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    rev bigint NOT NULL,
    unseen bigint NOT NULL,
    unread bigint NOT NULL,
    PRIMARY KEY (tenant, user_id)
) WITH (fillfactor = 70);

CREATE TABLE inbox_item (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    rev bigint NOT NULL,
    notification bigint NOT NULL,
    delivery bigint NOT NULL,
    created_ms bigint NOT NULL,
    seen_ms bigint NOT NULL,
    read_ms bigint NOT NULL,
    archived_ms bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    category text,
    content text NOT NULL,
    PRIMARY KEY (tenant, user_id, id)
);

-- The last events of each user.
CREATE TABLE inbox_event (
    tenant bigint NOT NULL,
    rev bigint NOT NULL,
    before_rev bigint NOT NULL,
    at_ms bigint NOT NULL,
    kind smallint NOT NULL,
    change smallint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    ids bigint[] NOT NULL,
    PRIMARY KEY (tenant, user_id, rev)
);

-- body NULL: deleted; the row stays so that versions go on.
CREATE TABLE object (
    kind smallint NOT NULL,
    tenant bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    num bigint NOT NULL,
    version bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    body text,
    PRIMARY KEY (kind, tenant, key)
);

-- seq comes from meta, whose row stays locked until the commit: so they are
-- without gaps and become visible in order.
CREATE TABLE change (
    seq bigint PRIMARY KEY,
    tenant bigint NOT NULL,
    kind smallint NOT NULL,
    key text NOT NULL
);

CREATE TABLE idem (
    tenant bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    until_ms bigint NOT NULL,
    status integer NOT NULL,
    fingerprint bytea NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (tenant, key)
);
-- What can be forgotten.
CREATE INDEX idem_until ON idem (until_ms);

CREATE TABLE dedup (
    tenant bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    until_ms bigint NOT NULL,
    id bigint NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (tenant, key)
);
-- What can be forgotten.
CREATE INDEX dedup_until ON dedup (until_ms);

-- purge_*: the notification that was looked at last. old_below: the first id
-- that has a day of its own; what is older is kept together, and goes row by
-- row.
INSERT INTO meta (name, value) VALUES ('change_seq', 0), ('purge_tenant', 0),
    ('purge_after', 0), ('old_below', belfry_first_id(
        (clock_timestamp() AT TIME ZONE 'UTC')::date));
DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt'] LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (MINVALUE) TO (%s)',
            parent || '_old', parent,
            (SELECT value FROM meta WHERE name = 'old_below'));
    END LOOP;
END $$;
SELECT belfry_make_days(3);
