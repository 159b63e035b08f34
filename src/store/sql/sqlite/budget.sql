-- name: budget_get
SELECT times, ids FROM budget WHERE tenant = ?1 AND key = ?2;
-- name: budget_look (reader)
SELECT times, ids FROM budget WHERE tenant = ?1 AND key = ?2;
-- name: budget_put
INSERT INTO budget (tenant, key, until_ms, times, ids)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (tenant, key) DO UPDATE SET until_ms = excluded.until_ms,
times = excluded.times, ids = excluded.ids;
-- name: budget_set
UPDATE budget SET times = ?3, ids = ?4 WHERE tenant = ?1 AND key = ?2;
-- name: budget_scan
SELECT tenant, key, until_ms FROM budget WHERE (tenant, key) > (?1, ?2)
ORDER BY tenant, key LIMIT ?3;
-- name: budget_remove
DELETE FROM budget WHERE tenant = ?1 AND key = ?2;
