-- What is kept of one user beside the rest.
-- name: person_events (reader)
SELECT name, at_ms, id, data FROM user_event WHERE tenant = ?1 AND user = ?2
AND (name, at_ms, id) > (?3, ?4, ?5) ORDER BY name, at_ms, id LIMIT ?6;
-- name: person_trial (reader)
SELECT at_ms, delivered_ms, read_ms, goal_ms, variant FROM trial
WHERE tenant = ?1 AND round = ?2 AND user = ?3;
-- name: person_presses (reader)
SELECT p.ref, coalesce(n.parent, p.ref), p.action, p.id, p.at_ms, p.until_ms,
p.key, p.n, p.state, p.status FROM press p LEFT JOIN notification n
ON n.id = p.ref WHERE p.tenant = ?1 AND p.user = ?2
AND (p.ref, p.action) > (?3, ?4) ORDER BY p.ref, p.action LIMIT ?5;
