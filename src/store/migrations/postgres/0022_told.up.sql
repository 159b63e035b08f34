-- works-with: 12
--
-- What endpoints are told: see store/tell.h. Numbers are never used again, as
-- receivers and dedup keys know them.
CREATE TABLE told (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant bigint NOT NULL,
    at_ms bigint NOT NULL,
    delivery bigint NOT NULL,
    notification bigint NOT NULL,
    item bigint NOT NULL,
    attempts integer NOT NULL,
    kind smallint NOT NULL,
    user_id text,
    channel text,
    provider text,
    reason text,
    about text
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
-- What happened to a tenant then. Partial, as below, so that nobody else's
-- plan is built on it: who asks for it says so.
CREATE INDEX told_at ON told (tenant, at_ms, id) WHERE at_ms > 0;

-- What is still to be handed to the queue. lane 0: to all who listen.
CREATE TABLE telling (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    told bigint NOT NULL,
    lane bigint NOT NULL,
    taken_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
-- What nobody has, oldest first; and when the next one is free.
CREATE INDEX telling_free ON telling (taken_until, id) WHERE lane + 0 >= 0;
-- Nothing is told the same one twice at a time.
CREATE UNIQUE INDEX telling_told ON telling (told, lane);
