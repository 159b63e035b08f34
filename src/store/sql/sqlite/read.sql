-- name: notification_get (reader)
SELECT id, tenant, created_ms, priority, is_cancelled, template_version,
n_recipients, template_key, note, request_id, traceparent, doc, parent
FROM notification WHERE id = ?1 AND tenant = ?2;
-- name: notification_list (reader)
SELECT id, tenant, created_ms, priority, is_cancelled, template_version,
n_recipients, template_key, note, request_id, traceparent, doc, parent
FROM notification WHERE tenant = ?1 AND id < ?2 AND parent IS NULL
AND template_version >= 0 ORDER BY id DESC LIMIT ?3;
-- Those with a status below 4 are open.
-- name: cancel_find (reader)
SELECT notification, EXISTS (SELECT 1 FROM work w WHERE w.tenant = ?1
AND w.id = k.notification) OR EXISTS (SELECT 1 FROM delivery d
WHERE d.notification = k.notification AND d.status < 4)
OR EXISTS (SELECT 1 FROM work w WHERE w.notification = k.notification)
OR EXISTS (SELECT 1 FROM notification n JOIN delivery d ON d.notification = n.id
WHERE n.parent = k.notification AND d.status < 4) FROM cancel_key k
WHERE tenant = ?1 AND key = ?2 AND notification < ?3
ORDER BY notification DESC LIMIT ?4;
-- name: delivery_statuses (reader)
SELECT status FROM delivery WHERE notification = ?1 AND (?2 = '' OR user = ?2);
-- name: delivery_flying (reader)
SELECT 1 FROM delivery WHERE id = ?1 AND attempts = ?2 AND lane IS NOT NULL
AND (?3 = '' OR user = ?3);

-- name: delivery_get (reader)
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery WHERE id = ?1 AND tenant = ?2;
-- name: delivery_of (reader)
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery WHERE notification = ?1 AND (?2 = '' OR user = ?2)
ORDER BY id LIMIT ?3;
-- name: delivery_list (reader)
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC;
-- name: delivery_list_dead (reader)
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery WHERE tenant = ?1 AND id < ?2 AND status IN (6, 7)
ORDER BY id DESC;
-- name: delivery_list_of (reader)
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery WHERE +tenant = ?1 AND id < ?2 AND notification = ?3
ORDER BY id DESC;
-- name: attempts (reader)
SELECT a.n, a.at_ms, a.provider, a.verdict, a.status, a.detail, a.duration_ms,
a.retry_at_ms, x.cost, x.request FROM attempt a LEFT JOIN attempt_note x
ON x.delivery = a.delivery AND x.n = a.n WHERE a.delivery = ?1 ORDER BY a.n;
-- name: intents (reader)
SELECT refs FROM intent;

-- The newest dead letters, at most ?2 of them, by what killed them.
-- name: delivery_groups (reader)
SELECT channel, provider, error, status, count(*), max(id), min(updated_ms),
max(updated_ms) FROM (SELECT channel, provider, error, status, id, updated_ms
FROM delivery WHERE tenant = ?1 AND status IN (6, 7) ORDER BY id DESC LIMIT ?2)
GROUP BY channel, provider, error, status ORDER BY 5 DESC, 6 DESC LIMIT ?3;

-- From lane to lane, however many rows each has.
-- name: lane_next (reader)
SELECT lane, tenant FROM delivery WHERE lane > ?1 ORDER BY lane LIMIT 1;
-- name: lane_ready (reader)
SELECT lane, count(*), min(id) FROM delivery WHERE lane IS NOT NULL
GROUP BY lane;
-- name: lane_count (reader)
SELECT count(*), min(id) FROM (SELECT id FROM delivery WHERE lane = ?1
ORDER BY lane, rank LIMIT ?2);
-- name: lane_waiting (reader)
SELECT tenant, abs(lane), count(*) FROM wait GROUP BY 1, 2;
-- name: delivery_birth (reader)
SELECT tenant, created_ms FROM delivery WHERE id = ?1;
-- name: dead_count (reader)
SELECT count(*) FROM delivery WHERE status IN (6, 7);
