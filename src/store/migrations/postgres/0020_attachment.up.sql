-- works-with: 12
--
-- What notifications carry along, base64, once for all deliveries: apart from
-- their rows, which stay small. It is nothing that could be compressed well, and
-- is always read whole.
CREATE TABLE attachment (
    notification bigint NOT NULL,
    n int NOT NULL,
    tenant bigint NOT NULL,
    content text COLLATE "C" NOT NULL,
    PRIMARY KEY (notification, n)
);
ALTER TABLE attachment ALTER COLUMN content SET STORAGE EXTERNAL;
