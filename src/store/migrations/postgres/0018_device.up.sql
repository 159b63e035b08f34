-- works-with: 12
--
-- What a push goes to: its kind and its name. A row of its own, written once, so
-- that the tables through which a delivery goes stay as they are, and thin.
-- Deliveries of other channels have none.
CREATE TABLE delivery_device (
    delivery bigint PRIMARY KEY,
    tenant bigint NOT NULL,
    device text COLLATE "C" NOT NULL
);
