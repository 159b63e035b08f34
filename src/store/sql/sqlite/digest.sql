-- One that is over (?13: with how many members) is shut, and not joined.
-- name: digest_join
INSERT INTO digest (tenant, id, is_open, mode, is_leading, max_items, window_ms,
max_window_ms, opened_ms, closes_ms, n_members, user, channel, key)
VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1 - ?4, ?10, ?11, ?12)
ON CONFLICT (tenant, user, channel, key) WHERE is_open = 1 DO UPDATE
SET is_open = closes_ms > excluded.opened_ms AND n_members < ?13,
n_members = n_members + (closes_ms > excluded.opened_ms AND n_members < ?13),
closes_ms = CASE WHEN closes_ms <= excluded.opened_ms THEN closes_ms
WHEN n_members >= ?13 THEN excluded.opened_ms
WHEN mode = 1 THEN max(closes_ms,
min(excluded.opened_ms + window_ms, opened_ms + max_window_ms))
ELSE closes_ms END
RETURNING id, closes_ms, n_members, is_open;
-- name: digest_work_add
INSERT INTO work (tenant, id, kind, due, taken_until, cursor)
VALUES (?1, ?2, 2, ?3, ?3, '');
-- name: digest_work_move
UPDATE work SET due = ?3, taken_until = ?3
WHERE tenant = ?1 AND id = ?2 AND kind = 2 AND due <> ?3;
-- name: digest_due
SELECT d.tenant, d.id, d.mode, d.is_leading, d.max_items, d.window_ms,
d.max_window_ms, d.opened_ms, d.closes_ms, d.n_members, d.user, d.channel, d.key
FROM work w JOIN digest d ON d.tenant = w.tenant AND d.id = w.id
WHERE w.kind = 2 AND w.taken_until <= ?1 ORDER BY w.taken_until, w.id LIMIT ?2;
-- name: digest_shut
UPDATE digest SET is_open = 0 WHERE tenant = ?1 AND id = ?2;
-- name: digest_flush
UPDATE digest SET closes_ms = min(closes_ms, ?3)
WHERE tenant = ?1 AND id = ?2 AND is_open = 1
RETURNING tenant, id, mode, is_leading, max_items, window_ms, max_window_ms,
opened_ms, closes_ms, n_members, user, channel, key;

-- The end, by who has it.
-- name: digest_end
DELETE FROM digest WHERE tenant = ?1 AND id = ?2 AND n_members = ?3
AND EXISTS (SELECT 1 FROM work w WHERE w.tenant = ?1 AND w.id = ?2
AND w.kind = 2 AND w.taken_until = ?4);
-- name: digest_work_remove
DELETE FROM work WHERE tenant = ?1 AND id = ?2 AND kind = 2;
-- name: digest_expire
UPDATE delivery SET status = ?4, reason = ?5, updated_ms = ?6, digest = NULL
WHERE id = ?3 AND tenant = ?1 AND digest = ?2;
-- name: digest_settle
UPDATE delivery SET status = ?3, reason = ?4, merged_into = ?5, updated_ms = ?6,
digest = NULL WHERE digest = ?2 AND tenant = ?1;
-- name: digest_release
DELETE FROM delivery WHERE digest = ?2 AND tenant = ?1;

-- One that is cancelled leaves its window; one without members ends, unless
-- its first has gone out before them.
-- name: digest_leave
UPDATE digest SET n_members = n_members - 1 WHERE tenant = ?1 AND id = ?2;
-- name: digest_drop
DELETE FROM digest WHERE tenant = ?1 AND id = ?2 AND n_members = 0
AND is_leading = 0;

-- name: digest_count (reader)
SELECT n_members FROM digest WHERE tenant = ?1 AND id = ?2;
-- name: digest_oldest (reader)
SELECT id FROM delivery WHERE digest = ?2 AND tenant = ?1 AND id > ?4
ORDER BY id LIMIT ?3;
-- name: digest_newest (reader)
SELECT id FROM delivery WHERE digest = ?2 AND tenant = ?1 ORDER BY id DESC LIMIT 1;
-- name: digest_list (reader)
SELECT tenant, id, mode, is_leading, max_items, window_ms, max_window_ms,
opened_ms, closes_ms, n_members, user, channel, key FROM digest
WHERE tenant = ?1 AND id < ?2 AND is_open = 1 ORDER BY id DESC LIMIT ?3;
-- Those of one user, by the key of what is open.
-- name: digest_list_of (reader)
SELECT tenant, id, mode, is_leading, max_items, window_ms, max_window_ms,
opened_ms, closes_ms, n_members, user, channel, key FROM digest
WHERE tenant = ?1 AND +id < ?2 AND is_open = 1 AND user = ?4
ORDER BY +id DESC LIMIT ?3;
