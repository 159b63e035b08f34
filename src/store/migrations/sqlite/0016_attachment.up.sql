-- works-with: 8
--
-- What notifications carry along, base64, once for all deliveries: apart from
-- their rows, which stay small.
CREATE TABLE attachment (
    notification INTEGER NOT NULL,
    n INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (notification, n)
) STRICT;
