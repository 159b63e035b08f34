-- works-with: 12
--
-- What else is known of a call, beside its attempt, where there is something to
-- tell: what it cost, if the provider took it and has a price; how it went out,
-- if it failed. A row of its own, so that of most deliveries there is none.
CREATE TABLE attempt_note (
    delivery bigint NOT NULL,
    n integer NOT NULL,
    tenant bigint NOT NULL,
    node bigint NOT NULL,
    cost text COLLATE "C",
    request text COLLATE "C",
    PRIMARY KEY (delivery, n)
);
