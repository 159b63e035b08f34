-- name: object_state
SELECT num, version, created_ms, updated_ms, body FROM object
WHERE kind = ?1 AND tenant = ?2 AND key = ?3;
-- name: object_put
INSERT OR REPLACE INTO object (kind, tenant, key, num, version, created_ms,
updated_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
-- name: object_bury
UPDATE object SET body = NULL, version = version + 1, updated_ms = ?4
WHERE kind = ?1 AND tenant = ?2 AND key = ?3;
-- name: change_add
INSERT INTO change (tenant, kind, key) VALUES (?1, ?2, ?3);

-- name: object_get (reader)
SELECT tenant, key, num, version, created_ms, updated_ms, body FROM object
WHERE kind = ?1 AND tenant = ?2 AND key = ?3 AND body IS NOT NULL;
-- name: object_list (reader)
SELECT tenant, key, num, version, created_ms, updated_ms, body FROM object
WHERE kind = ?1 AND tenant = ?2 AND key > ?3 AND body IS NOT NULL
ORDER BY key LIMIT ?4;
-- name: object_list_all (reader)
SELECT tenant, key, num, version, created_ms, updated_ms, body FROM object
WHERE kind = ?1 AND (tenant, key) > (?2, ?3) AND body IS NOT NULL
ORDER BY tenant, key LIMIT ?4;
-- name: changes (reader)
SELECT seq, tenant, kind, key FROM change WHERE seq > ?1
ORDER BY seq LIMIT ?2;
-- name: change_bounds (reader)
SELECT coalesce((SELECT min(seq) FROM change), 0),
coalesce((SELECT max(seq) FROM change), 0);
