-- works-with: 12
--
-- What providers that send receipts took: which message of theirs a delivery
-- is, and where it went. Ids rise with time.
CREATE TABLE taken (
    delivery bigint NOT NULL,
    tenant bigint NOT NULL,
    lane bigint NOT NULL,
    message text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    PRIMARY KEY (delivery, message)
);
-- Which delivery a receipt is about.
CREATE INDEX taken_message ON taken (tenant, lane, message);
