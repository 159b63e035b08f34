-- name: dedup_claim (accept)
INSERT INTO dedup (tenant, key, until_ms, id, created_ms)
SELECT tenant, key, until_ms, id, created_ms FROM unnest($1::int8[], $2::text[],
$3::int8[], $4::int8[], $5::int8[]) AS x(tenant, key, until_ms, id, created_ms)
ORDER BY tenant, key
ON CONFLICT (tenant, key) DO UPDATE SET until_ms = excluded.until_ms,
id = excluded.id, created_ms = excluded.created_ms
WHERE dedup.until_ms <= $6::int8;
-- What counts now, ours or an earlier one.
-- name: dedup_read (accept)
SELECT x.k, d.id, d.created_ms FROM unnest($1::int4[], $2::int8[], $3::text[])
AS x(k, tenant, key) JOIN dedup d ON d.tenant = x.tenant AND d.key = x.key;

-- name: notification_add (accept)
INSERT INTO notification (tenant, id, created_ms, first_delivery,
last_delivery, template_version, n_recipients, priority, is_cancelled,
template_key, note, request_id, traceparent, doc)
SELECT tenant, id, created_ms, first_delivery, last_delivery, template_version,
n_recipients, priority, is_cancelled, template_key, note, request_id,
traceparent, doc FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[],
$5::int8[], $6::int8[], $7::int4[], $8::int2[], $9::bool[], $10::text[],
$11::text[], $12::text[], $13::text[], $14::text[]) AS x(tenant, id,
created_ms, first_delivery, last_delivery, template_version, n_recipients,
priority, is_cancelled, template_key, note, request_id, traceparent, doc);

-- name: ready_add (accept)
INSERT INTO ready (tenant, id, notification, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, user_id, channel, provider, reason,
error)
SELECT tenant, id, notification, lane, rank, created_ms, updated_ms, recipient,
attempts, priority, user_id, channel, provider, reason, error
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[],
$6::int8[], $7::int8[], $8::int4[], $9::int4[], $10::int2[], $11::text[],
$12::text[], $13::text[], $14::text[], $15::text[]) AS x(tenant, id,
notification, lane, rank, created_ms, updated_ms, recipient, attempts,
priority, user_id, channel, provider, reason, error);
-- name: waiting_add (accept)
INSERT INTO waiting (tenant, id, notification, due_ms, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, status, user_id, channel, provider,
reason, error)
SELECT tenant, id, notification, due_ms, lane, rank, created_ms, updated_ms,
recipient, attempts, priority, status, user_id, channel, provider, reason,
error FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[],
$6::int8[], $7::int8[], $8::int8[], $9::int4[], $10::int4[], $11::int2[],
$12::int2[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[])
AS x(tenant, id, notification, due_ms, lane, rank, created_ms, updated_ms,
recipient, attempts, priority, status, user_id, channel, provider, reason,
error);
-- name: dead_add (accept)
INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, updated_ms, recipient, attempts,
priority, status, user_id, channel, provider, reason, error
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[],
$6::int4[], $7::int4[], $8::int2[], $9::int2[], $10::text[], $11::text[],
$12::text[], $13::text[], $14::text[]) AS x(tenant, id, notification,
created_ms, updated_ms, recipient, attempts, priority, status, user_id,
channel, provider, reason, error);
-- name: ended_add (accept)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, updated_ms, recipient, attempts,
priority, status, user_id, channel, provider, reason, error
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[],
$6::int4[], $7::int4[], $8::int2[], $9::int2[], $10::text[], $11::text[],
$12::text[], $13::text[], $14::text[]) AS x(tenant, id, notification,
created_ms, updated_ms, recipient, attempts, priority, status, user_id,
channel, provider, reason, error);

-- Each user's next revs; the users come sorted, so that two transactions lock
-- them in one order.
-- name: inbox_user_add (accept)
INSERT INTO inbox_user AS u (tenant, user_id, rev, unseen, unread)
SELECT tenant, user_id, n, unseen, unread FROM unnest($1::int8[], $2::text[],
$3::int8[], $4::int8[], $5::int8[]) WITH ORDINALITY AS x(tenant, user_id, n,
unseen, unread, k) ORDER BY k
ON CONFLICT (tenant, user_id) DO UPDATE SET rev = u.rev + excluded.rev,
unseen = u.unseen + excluded.unseen, unread = u.unread + excluded.unread
RETURNING rev, unseen, unread;
-- name: inbox_item_add (accept)
INSERT INTO inbox_item (tenant, id, rev, notification, delivery, created_ms,
seen_ms, read_ms, archived_ms, user_id, category, content)
SELECT tenant, id, rev, notification, delivery, created_ms, seen_ms, read_ms,
archived_ms, user_id, category, content FROM unnest($1::int8[], $2::int8[],
$3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],
$9::int8[], $10::text[], $11::text[], $12::text[]) AS x(tenant, id, rev,
notification, delivery, created_ms, seen_ms, read_ms, archived_ms, user_id,
category, content);
-- name: inbox_item_event (accept)
INSERT INTO inbox_event (tenant, rev, before_rev, at_ms, kind, change, user_id,
ids) SELECT tenant, rev, 0, created_ms, 0, 0, user_id, ARRAY[id]
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[])
AS x(tenant, id, rev, created_ms, user_id);
-- name: inbox_event_trim (accept)
DELETE FROM inbox_event e USING unnest($1::int8[], $2::text[], $3::int8[])
AS x(tenant, user_id, rev) WHERE e.tenant = x.tenant
AND e.user_id = x.user_id AND e.rev <= x.rev;
