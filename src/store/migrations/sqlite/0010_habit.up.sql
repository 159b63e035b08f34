-- works-with: 8
--
-- When users read: the last hour that was counted, and the weight of each hour
-- (domain/besttime.h).
CREATE TABLE habit (
    tenant INTEGER NOT NULL,
    user TEXT NOT NULL,
    hour INTEGER NOT NULL,
    weights BLOB NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
