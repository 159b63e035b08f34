-- works-with: 1
--
-- What is accepted and not done in one commit. kind 1: deliveries that are
-- still to be planned; id is their notification, cursor how far it is.
-- due: nobody takes it before. taken_until: the same, of who has it.
CREATE TABLE work (
    tenant INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    due INTEGER NOT NULL,
    taken_until INTEGER NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (tenant, id, kind)
) STRICT, WITHOUT ROWID;
-- There may be very many that are due later.
CREATE INDEX work_taken ON work (taken_until);
