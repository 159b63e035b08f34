-- works-with: 12
--
-- When users read: the last hour that was counted, and the weight of each hour
-- (domain/besttime.h). A row is written once in an hour of a user who reads,
-- and has room to stay where it is.
CREATE TABLE habit (
    tenant bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,
    weights bytea NOT NULL,
    PRIMARY KEY (tenant, user_id)
) WITH (fillfactor = 70);
