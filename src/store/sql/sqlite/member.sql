-- kind 1: roles; 2: topics.
-- name: member_add
INSERT OR IGNORE INTO member (tenant, kind, key, user) VALUES (?1, ?2, ?3, ?4);
-- name: member_remove
DELETE FROM member WHERE tenant = ?1 AND kind = ?2 AND key = ?3 AND user = ?4;
-- name: member_clear
DELETE FROM member WHERE tenant = ?1 AND kind = ?2 AND key = ?3;
-- name: member_forget
DELETE FROM member WHERE tenant = ?1 AND user = ?2;
-- name: member_roles
SELECT key FROM member WHERE tenant = ?1 AND user = ?2 AND kind = 1
ORDER BY key;

-- name: members (reader)
SELECT user FROM member WHERE tenant = ?1 AND kind = ?2 AND key = ?3
AND user > ?4 ORDER BY user LIMIT ?5;
-- name: memberships (reader)
SELECT key FROM member WHERE tenant = ?1 AND user = ?2 AND kind = ?3
AND key > ?4 ORDER BY key LIMIT ?5;
