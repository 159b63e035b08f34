-- The rows of a lane after (rank, id), most urgent first: the rest of that
-- rank, then the others. One row-value comparison would scan all of the rank.
-- name: ready_scan_rest
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery WHERE lane = ?1 AND rank = ?2 AND id > ?3 ORDER BY id;
-- name: ready_scan
SELECT id, tenant, notification, status, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, due_ms, user, channel, provider, reason,
error, tally, digest, merged_into, device FROM delivery
WHERE lane = ?1 AND rank > ?2 ORDER BY rank, id;

-- name: notification_claim
SELECT id, tenant, created_ms, priority, is_cancelled, template_version,
n_recipients, template_key, note, request_id, traceparent, doc, parent
FROM notification WHERE id = ?1;
-- name: object_body
SELECT body FROM object WHERE kind = ?1 AND tenant = ?2 AND key = ?3;
-- name: object_any
SELECT 1 FROM object WHERE kind = ?1 AND tenant = ?2 AND key >= ?3
AND key < ?4 LIMIT 1;

-- An empty provider or tally keeps the old one; ?9: attempts stay, and so
-- does an error that is not replaced.
-- name: delivery_finish
UPDATE delivery SET status = ?3, lane = ?4, due_ms = ?5, updated_ms = ?6,
reason = ?7, provider = iif(?8 = '', provider, ?8),
attempts = iif(?9 = 0, attempts, ?9),
error = iif(?9 = 0 AND ?10 = '', error, ?10),
tally = iif(?11 = '', tally, ?11)
WHERE id = ?1 AND tenant = ?2;
-- name: attempt_add
INSERT INTO attempt (delivery, n, at_ms, provider, verdict, status, detail,
duration_ms, retry_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);
-- name: attempt_note
INSERT OR IGNORE INTO attempt_note (delivery, n, cost, request)
VALUES (?1, ?2, nullif(?3, ''), nullif(?4, ''));

-- name: intent_put
INSERT OR REPLACE INTO intent (batch, lane, at_ms, refs)
VALUES (?1, ?2, ?3, ?4);
-- name: intent_remove
DELETE FROM intent WHERE batch = ?1;
-- name: intent_clear
DELETE FROM intent;
-- name: intent_scan
SELECT refs, at_ms FROM intent ORDER BY batch;
-- name: intent_explain
UPDATE delivery SET attempts = attempts + 1, updated_ms = ?3, reason = ?4
WHERE id = ?1 AND attempts = ?2 AND lane IS NOT NULL
RETURNING provider;

-- name: intent_crashes
SELECT count(*) FROM attempt WHERE delivery = ?1 AND detail = ?2;
-- name: intent_quarantine
UPDATE delivery SET status = ?2, lane = NULL, due_ms = 0, updated_ms = ?3,
reason = ?4, error = ?4 WHERE id = ?1;

-- name: wait_add
INSERT INTO wait (due_ms, kind, ref, tenant, lane, rank)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);
-- name: wait_remove
DELETE FROM wait WHERE due_ms = ?1 AND kind = ?2 AND ref = ?3;
-- name: wait_due
SELECT due_ms, kind, ref, tenant, lane, rank FROM wait WHERE due_ms <= ?1
ORDER BY due_ms, kind, ref LIMIT ?2;
-- name: wait_next
SELECT due_ms FROM wait ORDER BY due_ms LIMIT 1;
-- name: delivery_promote
UPDATE delivery SET status = ?2, lane = ?3, due_ms = 0, updated_ms = ?4
WHERE id = ?1;

-- name: delivery_state
SELECT status, lane, rank, priority, due_ms, reason IS ?3, digest FROM delivery
WHERE id = ?1 AND tenant = ?2;
-- Queued (0) by a person: calls made so far no longer count.
-- name: delivery_set
UPDATE delivery SET status = ?2, lane = ?3, rank = ?4, due_ms = 0,
updated_ms = ?5, reason = ?6, digest = NULL,
tally = iif(?2 = 0, '0:' || attempts, tally)
WHERE id = ?1;

-- name: notification_cancel
UPDATE notification SET is_cancelled = 1 WHERE id = ?1 AND tenant = ?2;
-- name: delivery_of_notification
SELECT id, status, rank, due_ms, digest FROM delivery
WHERE notification = ?1 AND id > ?2 ORDER BY id LIMIT ?3;
