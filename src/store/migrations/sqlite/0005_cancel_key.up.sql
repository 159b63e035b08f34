-- works-with: 1
--
-- What can be cancelled together: only those that were sent with a key.
CREATE TABLE cancel_key (
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    notification INTEGER NOT NULL,
    PRIMARY KEY (tenant, key, notification)
) STRICT, WITHOUT ROWID;
-- It goes with its notification.
CREATE INDEX cancel_key_notification ON cancel_key (notification);
