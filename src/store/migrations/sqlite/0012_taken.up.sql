-- works-with: 8
--
-- What providers that send receipts took: which message of theirs a delivery
-- is, and where it went.
CREATE TABLE taken (
    delivery INTEGER NOT NULL,
    message TEXT NOT NULL,
    tenant INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (delivery, message)
) STRICT, WITHOUT ROWID;
-- Which delivery a receipt is about.
CREATE INDEX taken_message ON taken (tenant, lane, message);
