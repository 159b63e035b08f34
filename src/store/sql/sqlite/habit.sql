-- name: habit_get
SELECT hour, weights FROM habit WHERE tenant = ?1 AND user = ?2;
-- name: habit_put
INSERT OR REPLACE INTO habit (tenant, user, hour, weights)
VALUES (?1, ?2, ?3, ?4);
-- name: habit_forget
DELETE FROM habit WHERE tenant = ?1 AND user = ?2;
-- name: habit_read (reader)
SELECT hour, weights FROM habit WHERE tenant = ?1 AND user = ?2;
-- name: habit_sweep
DELETE FROM habit WHERE (tenant, user) IN (SELECT tenant, user FROM habit
WHERE tenant = ?1 LIMIT ?2);
