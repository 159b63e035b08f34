-- name: notification_add
INSERT INTO notification (id, tenant, created_ms, priority, is_cancelled,
template_version, n_recipients, template_key, note, request_id, traceparent,
doc, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: cancel_key_add
INSERT INTO cancel_key (tenant, key, notification) VALUES (?1, ?2, ?3);

-- name: delivery_add
INSERT INTO delivery (id, tenant, notification, status, lane, rank, attempts,
priority, recipient, created_ms, updated_ms, due_ms, user, channel, provider,
reason, error, digest, device)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- Nothing changes while the first one counts.
-- name: dedup_put
INSERT INTO dedup (tenant, key, until_ms, id, created_ms)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (tenant, key) DO UPDATE SET until_ms = excluded.until_ms,
id = excluded.id, created_ms = excluded.created_ms
WHERE dedup.until_ms <= ?6;
-- name: dedup_get
SELECT id, created_ms FROM dedup WHERE tenant = ?1 AND key = ?2;

-- name: dedup_read (reader)
SELECT id FROM dedup WHERE tenant = ?1 AND key = ?2 AND until_ms > ?3;

-- name: idem_get
SELECT until_ms, fingerprint, status, body FROM idem
WHERE tenant = ?1 AND key = ?2;
-- name: idem_put
INSERT OR REPLACE INTO idem (tenant, key, until_ms, status, fingerprint, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);
