-- works-with: 1
--
-- What each process says of itself, for those that listen to tell people.

-- process: drawn when it starts, and kept though its incarnation changes; 0:
-- what those counted that ended, added up. incarnation: who it was when it said
-- so; it ended unless that one lives.
CREATE TABLE node_report (
    process bigint PRIMARY KEY,
    incarnation bigint NOT NULL,
    slot smallint NOT NULL,
    at timestamptz NOT NULL,
    health text NOT NULL,
    metrics text NOT NULL
) WITH (fillfactor = 20);
-- The report of a node.
CREATE INDEX node_report_incarnation ON node_report (incarnation);
