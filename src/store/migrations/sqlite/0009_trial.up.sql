-- works-with: 8
--
-- Who takes part in a round of an experiment, and what came of it: 0 is not
-- yet. variant '' is held out.
CREATE TABLE trial (
    tenant INTEGER NOT NULL,
    round INTEGER NOT NULL,
    user TEXT NOT NULL,
    variant TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    delivered_ms INTEGER NOT NULL,
    read_ms INTEGER NOT NULL DEFAULT 0,
    goal_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, round, user)
) STRICT, WITHOUT ROWID;
-- Those that are old.
CREATE INDEX trial_at ON trial (at_ms);

-- Whose delivery it is. Ids rise with time.
CREATE TABLE trial_delivery (
    delivery INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    round INTEGER NOT NULL,
    user TEXT NOT NULL,
    variant TEXT NOT NULL
) STRICT;
