-- name: audit_put
INSERT INTO audit (tenant, id, at_ms, actor, actor_name, source, request_id,
action, kind, key, from_version, to_version, detail)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13);
-- name: audit_list (reader)
SELECT tenant, id, at_ms, actor, actor_name, source, request_id, action, kind,
key, from_version, to_version, detail FROM audit
WHERE tenant = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC;
-- name: audit_sweep
DELETE FROM audit WHERE (tenant, id) IN (SELECT tenant, id FROM audit
WHERE id < ?1 ORDER BY id LIMIT ?2);
