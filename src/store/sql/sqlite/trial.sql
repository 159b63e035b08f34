-- Who takes part in experiments, and what came of it.

-- name: trial_add
INSERT INTO trial (tenant, round, user, variant, at_ms, delivered_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
SET delivered_ms = excluded.delivered_ms WHERE trial.delivered_ms = 0
AND excluded.delivered_ms > 0 AND trial.variant = excluded.variant;
-- name: trial_delivery_add
INSERT INTO trial_delivery (tenant, round, user, variant, delivery)
VALUES (?1, ?2, ?3, ?4, ?5);
-- name: trial_delivered
UPDATE trial SET delivered_ms = ?2 FROM trial_delivery d
WHERE d.delivery = ?1 AND trial.tenant = d.tenant AND trial.round = d.round
AND trial.user = d.user AND trial.variant = d.variant
AND trial.delivered_ms = 0;
-- name: trial_read
UPDATE trial SET read_ms = ?4 FROM inbox_item i
JOIN trial_delivery d ON d.delivery = i.delivery
WHERE i.tenant = ?1 AND i.user = ?2 AND i.id = ?3
AND trial.tenant = d.tenant AND trial.round = d.round AND trial.user = d.user
AND trial.variant = d.variant AND trial.read_ms = 0;
-- name: trial_goal
UPDATE trial SET goal_ms = ?4
WHERE tenant = ?1 AND round = ?2 AND user = ?3 AND goal_ms = 0;
-- name: trial_count (reader)
SELECT variant, count(*), sum(delivered_ms > 0), sum(at_ms <= ?4),
sum(at_ms <= ?4 AND done_ms > 0 AND (?5 = 0 OR done_ms <= at_ms + ?5))
FROM (SELECT variant, at_ms, delivered_ms, CASE ?3 WHEN 0 THEN delivered_ms
WHEN 1 THEN read_ms ELSE goal_ms END AS done_ms FROM trial
WHERE tenant = ?1 AND round = ?2) GROUP BY variant ORDER BY variant;
-- name: trial_sweep
DELETE FROM trial WHERE (tenant, round, user) IN (SELECT tenant, round, user
FROM trial WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2);
-- name: trial_delivery_sweep
DELETE FROM trial_delivery WHERE delivery IN (SELECT delivery
FROM trial_delivery WHERE delivery < ?1 ORDER BY delivery LIMIT ?2);
