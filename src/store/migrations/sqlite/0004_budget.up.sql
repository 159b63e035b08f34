-- works-with: 1
--
-- How many of something went out: the times of the last ones, ms, 8 bytes
-- each, their least byte first. until_ms: nothing of it counts after.
CREATE TABLE budget (
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    times BLOB NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
