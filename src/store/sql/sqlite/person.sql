-- What is kept of one user beside the rest.
-- name: person_events (reader)
SELECT name, at_ms, id, data FROM user_event WHERE tenant = ?1 AND user = ?2
AND (name, at_ms, id) > (?3, ?4, ?5) ORDER BY name, at_ms, id LIMIT ?6;
-- name: person_trial (reader)
SELECT at_ms, delivered_ms, read_ms, goal_ms, variant FROM trial
WHERE tenant = ?1 AND round = ?2 AND user = ?3;
