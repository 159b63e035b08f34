-- name: inbox_user_add
INSERT INTO inbox_user (tenant, user, rev, unseen, unread)
VALUES (?1, ?2, 1, ?3, ?4)
ON CONFLICT (tenant, user) DO UPDATE SET rev = rev + 1,
unseen = unseen + excluded.unseen, unread = unread + excluded.unread
RETURNING rev, unseen, unread;
-- name: inbox_user_get
SELECT rev, unseen, unread FROM inbox_user WHERE tenant = ?1 AND user = ?2;
-- name: inbox_user_set
UPDATE inbox_user SET rev = ?3, unseen = ?4, unread = ?5
WHERE tenant = ?1 AND user = ?2;
-- name: inbox_item_add
INSERT INTO inbox_item (tenant, user, id, rev, notification, delivery,
created_ms, seen_ms, read_ms, archived_ms, category, content)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- name: inbox_item_state
SELECT seen_ms, read_ms, archived_ms FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND id = ?3;
-- name: inbox_item_set
UPDATE inbox_item SET rev = ?4, seen_ms = ?5, read_ms = ?6, archived_ms = ?7
WHERE tenant = ?1 AND user = ?2 AND id = ?3;
-- name: inbox_item_scan
SELECT id, seen_ms, read_ms, archived_ms FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND rev <= ?3;
-- name: inbox_event_add
INSERT INTO inbox_event (tenant, user, rev, kind, change, before_rev, at_ms,
ids) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
-- name: inbox_event_trim
DELETE FROM inbox_event WHERE tenant = ?1 AND user = ?2 AND rev <= ?3;

-- name: inbox_user_read (reader)
SELECT rev, unseen, unread FROM inbox_user WHERE tenant = ?1 AND user = ?2;
-- name: inbox_list (reader)
SELECT id, tenant, notification, delivery, user, rev, created_ms, seen_ms,
read_ms, archived_ms, category, content FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND id < ?3 AND (archived_ms <> 0) = ?4
AND (?5 = 0 OR read_ms = 0) ORDER BY id DESC LIMIT ?6;
-- name: inbox_item_read (reader)
SELECT id, tenant, notification, delivery, user, rev, created_ms, seen_ms,
read_ms, archived_ms, category, content FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND id = ?3;
-- An item is younger than what it came with.
-- name: inbox_item_find (reader)
SELECT id, tenant, notification, delivery, user, rev, created_ms, seen_ms,
read_ms, archived_ms, category, content FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND id > ?3 AND notification = ?3
AND (?4 = 0 OR delivery = ?4) ORDER BY id LIMIT 1;
-- name: inbox_events (reader)
SELECT rev, kind, change, before_rev, at_ms, ids FROM inbox_event
WHERE tenant = ?1 AND user = ?2 AND rev > ?3 ORDER BY rev;
