-- works-with: 5
--
-- Sets of users. kind 1: those who have a role, as the user's document says;
-- 2: those who subscribe to a topic. Rows come and go and never change.
--
-- A program that does not know of it writes documents alone: roles that are
-- changed by one while both run count when the user is written again.
CREATE TABLE member (
    tenant bigint NOT NULL,
    kind smallint NOT NULL,
    key text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, kind, key, user_id)
);
-- What a user is in. Open only to who says `user_id <> ''`: sets are read from
-- the other one.
CREATE INDEX member_user ON member (tenant, user_id, kind, key)
    WHERE user_id <> '';

-- Users are objects of kind 6.
INSERT INTO member (tenant, kind, key, user_id)
SELECT o.tenant, 1, r.role, o.key
FROM object o
CROSS JOIN LATERAL json_array_elements_text(
    CASE json_typeof(o.body::json -> 'roles') WHEN 'array'
    THEN o.body::json -> 'roles' ELSE '[]'::json END) AS r (role)
WHERE o.kind = 6 AND o.body IS NOT NULL
ON CONFLICT DO NOTHING;
