-- The document of a user, and what is known, where an hour began that is not
-- counted yet. kind 6 is that of users.
-- name: habit_lookup (write)
SELECT o.body, h.hour, h.weights FROM object o
LEFT JOIN LATERAL (SELECT * FROM habit y WHERE y.tenant = $1::int8
AND y.user_id = $2::text OFFSET 0) AS h ON true
WHERE o.kind = 6 AND o.tenant = $1::int8 AND o.key = $2::text
AND o.body IS NOT NULL AND (h.hour IS NULL OR h.hour < $3::int8);
-- Who deletes the user has locked the document, and what is written here goes
-- before or not at all. Of two at once the later hour stays.
-- name: habit_put (write)
INSERT INTO habit AS h (tenant, user_id, hour, weights)
SELECT $1::int8, $2::text, $3::int8, $4::bytea FROM object o
WHERE o.kind = 6 AND o.tenant = $1::int8 AND o.key = $2::text
AND o.body IS NOT NULL FOR KEY SHARE
ON CONFLICT (tenant, user_id) DO UPDATE
SET hour = excluded.hour, weights = excluded.weights
WHERE h.hour < excluded.hour;
-- name: habit_forget (write)
DELETE FROM habit WHERE tenant = $1::int8 AND user_id = $2::text;
-- name: habits (read)
SELECT w.n, h.hour, h.weights
FROM unnest($2::text[]) WITH ORDINALITY AS w (user_id, n)
CROSS JOIN LATERAL (SELECT * FROM habit y WHERE y.tenant = $1::int8
AND y.user_id = w.user_id OFFSET 0) AS h;
-- name: habit_sweep (write)
DELETE FROM habit WHERE ctid = ANY (ARRAY(SELECT h.ctid
FROM unnest($1::int8[]) AS x (tenant) CROSS JOIN LATERAL (SELECT y.ctid
FROM habit y WHERE y.tenant = x.tenant LIMIT $2::int8 FOR UPDATE SKIP LOCKED)
AS h));
