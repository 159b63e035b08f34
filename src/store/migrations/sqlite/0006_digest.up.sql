-- works-with: 2
--
-- Windows that collect deliveries; each is a row of work, too, of kind 2. One
-- that is not open any more is about to end.
CREATE TABLE digest (
    tenant INTEGER NOT NULL,
    id INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    is_leading INTEGER NOT NULL,
    max_items INTEGER NOT NULL,
    window_ms INTEGER NOT NULL,
    max_window_ms INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    closes_ms INTEGER NOT NULL,
    n_members INTEGER NOT NULL,
    user TEXT NOT NULL,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
-- The one that is joined.
CREATE UNIQUE INDEX digest_open ON digest (tenant, user, channel, key)
WHERE is_open = 1;

-- digest: the window that holds it. merged_into: the delivery it went out with.
ALTER TABLE delivery ADD COLUMN digest INTEGER;
ALTER TABLE delivery ADD COLUMN merged_into INTEGER;
-- The members of a window.
CREATE INDEX delivery_digest ON delivery (digest, id) WHERE digest IS NOT NULL;

-- What is due of a kind, however much there is of another.
DROP INDEX work_taken;
CREATE INDEX work_taken ON work (kind, taken_until);
