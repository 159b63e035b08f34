-- Actions that were pressed: see store/press.h.
-- name: press_get
SELECT id, at_ms, until_ms, key, n, state, status FROM press
WHERE ref = ?1 AND user = ?2 AND action = ?3 AND tenant = ?4;
-- name: press_put
INSERT OR REPLACE INTO press (ref, user, action, tenant, id, at_ms, until_ms,
key, n, state, status)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);
-- name: press_sweep
DELETE FROM press WHERE (ref, user, action) IN (SELECT ref, user, action
FROM press WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2);
