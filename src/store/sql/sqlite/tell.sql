-- What endpoints are told: see store/tell.h.

-- name: told_add
INSERT INTO told (tenant, kind, at_ms, delivery, notification, item, attempts,
user, channel, provider, reason, about)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id;
-- name: telling_add
INSERT OR IGNORE INTO telling (told, lane, taken_until_ms) VALUES (?1, ?2, 0);
-- name: told_delivery
SELECT tenant, notification, attempts, user, channel, provider, reason
FROM delivery WHERE id = ?1;
-- name: told_members
SELECT id FROM delivery WHERE digest = ?2 AND tenant = ?1 ORDER BY id;
-- name: told_item
SELECT notification, delivery FROM inbox_item
WHERE tenant = ?1 AND user = ?2 AND id = ?3;

-- name: telling_take
SELECT t.id, t.lane, d.id, d.tenant, d.kind, d.at_ms, d.delivery,
coalesce(n.parent, d.notification), d.item, d.attempts, d.user, d.channel,
d.provider, d.reason, d.about, n.doc FROM telling t JOIN told d ON d.id = t.told
LEFT JOIN notification n ON n.id = d.notification
WHERE t.taken_until_ms <= ?1 ORDER BY t.taken_until_ms, t.id LIMIT ?2;
-- name: telling_mark
UPDATE telling SET taken_until_ms = ?2 WHERE id = ?1;
-- name: telling_remove
DELETE FROM telling WHERE id = ?1;
-- name: telling_next
SELECT min(taken_until_ms) FROM telling;
-- name: telling_release_all
UPDATE telling SET taken_until_ms = 0 WHERE taken_until_ms > 0;

-- name: told_scan
SELECT id, at_ms, kind FROM told WHERE tenant = ?1 AND at_ms < ?2
AND (at_ms, id) > (?3, ?4) ORDER BY at_ms, id LIMIT ?5;
-- name: told_sweep
DELETE FROM told WHERE id IN (SELECT id FROM (SELECT id, at_ms FROM told
ORDER BY id LIMIT ?2) WHERE at_ms < ?1)
AND NOT EXISTS (SELECT 1 FROM telling t WHERE t.told = told.id);
