-- works-with: 5
--
-- Windows that collect deliveries; each is a row of work, too, of kind 2. One
-- that is not open any more is about to end.
CREATE TABLE digest (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    is_open boolean NOT NULL,
    mode smallint NOT NULL,
    is_leading boolean NOT NULL,
    max_items integer NOT NULL,
    window_ms bigint NOT NULL,
    max_window_ms bigint NOT NULL,
    opened_ms bigint NOT NULL,
    closes_ms bigint NOT NULL,
    n_members bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 50,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
-- The one that is joined.
CREATE UNIQUE INDEX digest_open ON digest (tenant, user_id, channel, key)
WHERE is_open;

-- The window that holds it, and the delivery that it went out with.
ALTER TABLE waiting ADD COLUMN digest bigint;
ALTER TABLE ended ADD COLUMN merged_into bigint;
-- The members of a window, for who says `digest > 0`.
CREATE INDEX waiting_digest ON waiting (digest, id) WHERE digest > 0;

-- What is due of them, for who says `kind + 0 = 2`, however much there is of
-- others: of `kind = 2` the primary key knows something, too.
CREATE INDEX work_digest ON work (taken_until) WHERE kind + 0 = 2;
