-- works-with: 5
--
-- How many of something went out: the times of the last ones, ms. most, per_ms
-- and granted are what was last asked for, and got: a statement that finds a
-- row in its way knows nothing but the row's own columns. until_ms: nothing of
-- it counts after; it changes as seldom as it can, so that a row is updated
-- where it lies.
CREATE TABLE budget (
    tenant bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    until_ms bigint NOT NULL,
    per_ms bigint NOT NULL,
    most integer NOT NULL,
    granted integer NOT NULL,
    times bigint[] NOT NULL,
    PRIMARY KEY (tenant, key)
) WITH (fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_threshold = 1000);
-- What can be forgotten.
CREATE INDEX budget_until ON budget (until_ms);
