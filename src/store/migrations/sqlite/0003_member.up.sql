-- works-with: 1
--
-- Sets of users. kind 1: those who have a role, as the user's document says;
-- 2: those who subscribe to a topic.
CREATE TABLE member (
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, key, user)
) STRICT, WITHOUT ROWID;
-- What a user is in.
CREATE INDEX member_user ON member (tenant, user, kind, key);

-- Users are objects of kind 6.
INSERT OR IGNORE INTO member (tenant, kind, key, user)
SELECT o.tenant, 1, r.value, o.key
FROM object o, json_each(CAST(o.body AS TEXT), '$.roles') r
WHERE o.kind = 6 AND o.body IS NOT NULL AND r.type = 'text';
