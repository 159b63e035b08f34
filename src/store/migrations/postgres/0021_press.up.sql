-- works-with: 12
--
-- Actions that were pressed, and what came of each (store/press.h).
CREATE TABLE press (
    ref bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    at_ms bigint NOT NULL,
    until_ms bigint NOT NULL,
    key bigint NOT NULL,
    n integer NOT NULL,
    state integer NOT NULL,
    status integer NOT NULL,
    PRIMARY KEY (ref, user_id, action)
);
-- Which are old.
CREATE INDEX press_at ON press (at_ms);
