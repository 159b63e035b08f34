-- works-with: 8
--
-- Actions that were pressed, and what came of each (store/press.h).
CREATE TABLE press (
    ref INTEGER NOT NULL,
    user TEXT NOT NULL,
    action TEXT NOT NULL,
    tenant INTEGER NOT NULL,
    id INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    key INTEGER NOT NULL,
    n INTEGER NOT NULL,
    state INTEGER NOT NULL,
    status INTEGER NOT NULL,
    PRIMARY KEY (ref, user, action)
) STRICT, WITHOUT ROWID;
-- Which are old.
CREATE INDEX press_at ON press (at_ms);
