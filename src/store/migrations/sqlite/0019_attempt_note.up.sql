-- works-with: 8
--
-- What else is known of a call, beside its attempt, where there is something to
-- tell: what it cost, if the provider took it and has a price; how it went out,
-- if it failed. A row of its own, so that of most deliveries there is none.
CREATE TABLE attempt_note (
    delivery INTEGER NOT NULL,
    n INTEGER NOT NULL,
    cost TEXT,
    request TEXT,
    PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;
