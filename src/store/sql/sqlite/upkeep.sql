-- name: purge_scan
SELECT id, created_ms, tenant FROM notification WHERE id > ?1 ORDER BY id LIMIT ?2;
-- name: purge_state
SELECT coalesce(max(status < 4), 0)
OR EXISTS (SELECT 1 FROM work WHERE tenant = ?2 AND id = ?1)
OR EXISTS (SELECT 1 FROM work WHERE notification = ?1), coalesce(max(status IN (6, 7)), 0),
count(*) FROM delivery WHERE notification = ?1;
-- name: purge_pick
SELECT id FROM delivery WHERE notification = ?1 LIMIT ?2;
-- name: purge_attempts
DELETE FROM attempt WHERE delivery = ?1;
-- name: purge_attempt_notes
DELETE FROM attempt_note WHERE delivery = ?1;
-- name: purge_taken
DELETE FROM taken WHERE delivery = ?1;
-- name: purge_delivery
DELETE FROM delivery WHERE id = ?1;
-- name: purge_cancel_key
DELETE FROM cancel_key WHERE notification = ?1;
-- name: purge_notification
DELETE FROM notification WHERE id = ?1;
-- name: idem_scan
SELECT tenant, key, until_ms FROM idem WHERE (tenant, key) > (?1, ?2)
ORDER BY tenant, key LIMIT ?3;
-- name: idem_remove
DELETE FROM idem WHERE tenant = ?1 AND key = ?2;
-- name: dedup_scan
SELECT tenant, key, until_ms FROM dedup WHERE (tenant, key) > (?1, ?2)
ORDER BY tenant, key LIMIT ?3;
-- name: dedup_remove
DELETE FROM dedup WHERE tenant = ?1 AND key = ?2;
-- name: change_trim
DELETE FROM change WHERE seq IN (SELECT seq FROM change
WHERE seq <= (SELECT max(seq) FROM change) - ?1 ORDER BY seq LIMIT ?2);
