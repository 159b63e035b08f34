-- name: budget_get
SELECT times FROM budget WHERE tenant = ?1 AND key = ?2;
-- name: budget_look (reader)
SELECT times FROM budget WHERE tenant = ?1 AND key = ?2;
-- name: budget_put
INSERT INTO budget (tenant, key, until_ms, times) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant, key) DO UPDATE SET until_ms = excluded.until_ms,
times = excluded.times;
-- name: budget_set
UPDATE budget SET times = ?3 WHERE tenant = ?1 AND key = ?2;
-- name: budget_scan
SELECT tenant, key, until_ms FROM budget WHERE (tenant, key) > (?1, ?2)
ORDER BY tenant, key LIMIT ?3;
-- name: budget_remove
DELETE FROM budget WHERE tenant = ?1 AND key = ?2;
