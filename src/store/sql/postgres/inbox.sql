-- All that changes an inbox locks this row first, so the statements after it
-- see the inbox as it is.
-- name: inbox_user_lock (write)
SELECT rev, unseen, unread FROM inbox_user
WHERE tenant = $1::int8 AND user_id = $2::text FOR UPDATE;
-- name: inbox_items_named (write)
SELECT i.id, i.seen_ms, i.read_ms, i.archived_ms
FROM (SELECT DISTINCT unnest($3::int8[]) AS id) AS w
CROSS JOIN LATERAL (SELECT * FROM inbox_item y WHERE y.tenant = $1::int8
AND y.user_id = $2::text AND y.id = w.id OFFSET 0) AS i ORDER BY i.id;
-- name: inbox_items_all (write)
SELECT id, seen_ms, read_ms, archived_ms FROM inbox_item
WHERE tenant = $1::int8 AND user_id = $2::text AND rev <= $3::int8
AND (archived_ms <> 0) = $4::bool ORDER BY id;
-- name: inbox_items_set (write)
UPDATE inbox_item i SET rev = $3::int8, seen_ms = w.seen_ms,
read_ms = w.read_ms, archived_ms = w.archived_ms
FROM unnest($4::int8[], $5::int8[], $6::int8[], $7::int8[])
AS w (id, seen_ms, read_ms, archived_ms)
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM inbox_item y
WHERE y.tenant = $1::int8 AND y.user_id = $2::text AND y.id = w.id
OFFSET 0) AS f WHERE i.ctid = f.at;
-- name: inbox_user_set (write)
UPDATE inbox_user SET rev = $3::int8, unseen = $4::int8, unread = $5::int8
WHERE tenant = $1::int8 AND user_id = $2::text;
-- name: inbox_mark_event (write)
INSERT INTO inbox_event (tenant, user_id, rev, before_rev, at_ms, kind, change,
ids) VALUES ($1::int8, $2::text, $3::int8, $4::int8, $5::int8, $6::int4,
$7::int4, $8::int8[]);
-- name: inbox_mark_trim (write)
DELETE FROM inbox_event
WHERE tenant = $1::int8 AND user_id = $2::text AND rev <= $3::int8;
