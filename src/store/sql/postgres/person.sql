-- What is kept of one user beside the rest.
-- name: person_events (read)
SELECT name, at_ms, id, data FROM user_event WHERE tenant = $1::int8
AND user_id = $2::text
AND (name, at_ms, id) > ($3::text COLLATE "C", $4::int8, $5::int8)
ORDER BY name, at_ms, id LIMIT $6::int8;
-- name: person_trials (read)
SELECT x.round, t.at_ms, t.delivered_ms, t.read_ms, t.goal_ms, t.variant
FROM unnest($3::int8[]) WITH ORDINALITY AS x (round, n)
CROSS JOIN LATERAL (SELECT * FROM trial y WHERE y.tenant = $1::int8
AND y.round = x.round AND y.user_id = $2::text OFFSET 0) AS t ORDER BY x.n;
-- name: person_presses (read)
SELECT p.ref, coalesce(n.parent, p.ref), p.action, p.id, p.at_ms, p.until_ms,
p.key, p.n, p.state, p.status FROM (SELECT * FROM press
WHERE at_ms > 0 AND tenant = $1::int8 AND user_id = $2::text
AND (ref, action) > ($3::int8, $4::text COLLATE "C")
ORDER BY ref, action LIMIT $5::int8) AS p
LEFT JOIN LATERAL (SELECT parent FROM notification y
WHERE y.tenant = p.tenant AND y.id = p.ref OFFSET 0) AS n ON true
ORDER BY p.ref, p.action;
