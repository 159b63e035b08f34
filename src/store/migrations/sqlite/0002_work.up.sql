-- works-with: 1
--
-- What is accepted and not done in one commit. kind 1: deliveries that are
-- still to be planned; id is their notification, cursor how far it is.
CREATE TABLE work (
    tenant INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    taken_until INTEGER NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (tenant, id, kind)
) STRICT, WITHOUT ROWID;
