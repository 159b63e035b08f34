-- works-with: 8
--
-- What endpoints are told: see store/tell.h. Numbers are never used again, as
-- receivers and dedup keys know them.
CREATE TABLE told (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    item INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    user TEXT NOT NULL,
    channel TEXT NOT NULL,
    provider TEXT NOT NULL,
    reason TEXT NOT NULL,
    about TEXT NOT NULL
) STRICT;
-- What happened to a tenant then.
CREATE INDEX told_at ON told (tenant, at_ms, id);

-- What is still to be handed to the queue. lane 0: to all who listen.
CREATE TABLE telling (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    told INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    taken_until_ms INTEGER NOT NULL
) STRICT;
-- What nobody has, oldest first; and when the next one is free.
CREATE INDEX telling_free ON telling (taken_until_ms, id);
-- Nothing is told the same one twice at a time.
CREATE UNIQUE INDEX telling_told ON telling (told, lane);
