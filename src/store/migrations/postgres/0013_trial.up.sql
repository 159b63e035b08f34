-- works-with: 12
--
-- Who takes part in a round of an experiment, and what came of it: 0 is not
-- yet. variant '' is held out.
CREATE TABLE trial (
    tenant bigint NOT NULL,
    round bigint NOT NULL,
    at_ms bigint NOT NULL,
    delivered_ms bigint NOT NULL,
    read_ms bigint NOT NULL DEFAULT 0,
    goal_ms bigint NOT NULL DEFAULT 0,
    user_id text COLLATE "C" NOT NULL,
    variant text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, round, user_id)
) WITH (fillfactor = 80);
-- Those that are old.
CREATE INDEX trial_at ON trial (at_ms);

-- Whose delivery it is. Ids rise with time.
CREATE TABLE trial_delivery (
    delivery bigint PRIMARY KEY,
    tenant bigint NOT NULL,
    round bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    variant text COLLATE "C" NOT NULL
);
