-- works-with: 1
--
-- What is accepted and not done in one commit. kind 1: deliveries that are
-- still to be planned; id is their notification, cursor how far it is.
-- due: nobody takes it before. taken_until: the same, of who has it.
CREATE TABLE work (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    kind smallint NOT NULL,
    due timestamptz NOT NULL,
    taken_until timestamptz NOT NULL,
    cursor text NOT NULL,
    PRIMARY KEY (tenant, id, kind)
) WITH (fillfactor = 50,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
-- There may be very many that are due later.
CREATE INDEX work_taken ON work (taken_until);
