-- kind 1: roles; 2: topics. Whoever writes a user's roles has locked its
-- document, and whoever adds to a topic the topic's.
--
-- $3: each user's roles, with commas between.
-- name: member_roles_trim (write)
DELETE FROM member m
USING (
    SELECT y.ctid AS at
    FROM unnest($2::text[], $3::text[]) AS w (user_id, roles)
    CROSS JOIN LATERAL (
        SELECT z.ctid, z.key FROM member z
        WHERE z.tenant = $1::int8 AND z.user_id = w.user_id AND z.kind = 1
            AND z.user_id <> '' OFFSET 0) y
    WHERE y.key <> ALL (string_to_array(w.roles, ','))) f
WHERE m.ctid = f.at;
-- name: member_roles_add (write)
INSERT INTO member (tenant, kind, key, user_id)
SELECT $1::int8, 1, r.role, w.user_id
FROM unnest($2::text[], $3::text[]) AS w (user_id, roles)
CROSS JOIN LATERAL unnest(string_to_array(w.roles, ',')) AS r (role)
ON CONFLICT DO NOTHING;

-- A topic that is not there; one that is is locked. $5: its kind as an object.
-- name: topic_make (write)
INSERT INTO object AS o (kind, tenant, key, num, version, created_ms,
updated_ms, body)
VALUES ($5::int4, $1::int8, $2::text, $3::int8, 1, $4::int8, $4::int8, '{}')
ON CONFLICT (kind, tenant, key) DO UPDATE SET num = excluded.num,
version = o.version + 1, created_ms = excluded.created_ms,
updated_ms = excluded.updated_ms, body = excluded.body
WHERE o.body IS NULL RETURNING version;
-- name: member_add (write)
INSERT INTO member (tenant, kind, key, user_id)
SELECT $1::int8, 2, $2::text, w.user_id FROM unnest($3::text[]) AS w (user_id)
ON CONFLICT DO NOTHING;
-- name: member_remove (write)
DELETE FROM member WHERE tenant = $1::int8 AND kind = 2 AND key = $2::text
AND user_id = ANY ($3::text[]);
-- name: member_clear (write)
DELETE FROM member WHERE tenant = $1::int8 AND kind = 2 AND key = $2::text;
-- name: member_forget (write)
DELETE FROM member WHERE tenant = $1::int8 AND user_id = $2::text
AND user_id <> '';

-- name: members (read)
SELECT s.n, m.user_id
FROM unnest($2::int2[], $3::text[]) WITH ORDINALITY AS s (kind, key, n)
CROSS JOIN LATERAL (
    SELECT y.user_id FROM member y
    WHERE y.tenant = $1::int8 AND y.kind = s.kind AND y.key = s.key
        AND y.user_id > $4::text
    ORDER BY y.user_id LIMIT $5::int8) m
ORDER BY s.n, m.user_id;
-- name: memberships (read)
SELECT key FROM member
WHERE tenant = $1::int8 AND user_id = $2::text AND user_id <> ''
    AND kind = $3::int4 AND key > $4::text
ORDER BY key LIMIT $5::int8;
