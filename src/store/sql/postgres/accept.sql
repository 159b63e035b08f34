-- name: dedup_claim (accept)
INSERT INTO dedup (tenant, key, until_ms, id, created_ms)
SELECT tenant, key, until_ms, id, created_ms FROM
(SELECT unnest($1::int8[]) AS tenant, unnest($2::text[]) AS key,
unnest($3::int8[]) AS until_ms, unnest($4::int8[]) AS id, unnest($5::int8[]) AS
created_ms) AS x
ORDER BY tenant, key
ON CONFLICT (tenant, key) DO UPDATE SET until_ms = excluded.until_ms,
id = excluded.id, created_ms = excluded.created_ms
WHERE dedup.until_ms <= $6::int8;
-- What counts now, ours or an earlier one.
-- name: dedup_read (accept)
SELECT x.k, d.id, d.created_ms FROM
(SELECT unnest($1::int4[]) AS k, unnest($2::int8[]) AS tenant,
unnest($3::text[]) AS key) AS x
CROSS JOIN LATERAL (SELECT * FROM dedup y WHERE y.tenant = x.tenant
AND y.key = x.key OFFSET 0) AS d;

-- name: notification_add (accept)
INSERT INTO notification (tenant, id, created_ms, first_delivery,
last_delivery, template_version, n_recipients, priority, is_cancelled,
template_key, note, request_id, traceparent, doc, parent)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int4[]),
unnest($8::int2[]), unnest($9::bool[]), unnest($10::text[]),
unnest($11::text[]), unnest($12::text[]), unnest($13::text[]),
unnest($14::text[]), nullif(unnest($15::int8[]), 0);

-- name: cancel_key_add (accept)
INSERT INTO cancel_key (tenant, notification, key)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::text[]);

-- name: ready_add (accept)
INSERT INTO ready (tenant, id, notification, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, user_id, channel, provider, reason,
error)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]),
unnest($8::int4[]), unnest($9::int4[]), unnest($10::int2[]),
unnest($11::text[]), unnest($12::text[]), unnest($13::text[]),
unnest($14::text[]), unnest($15::text[]);
-- name: waiting_add (accept)
INSERT INTO waiting (tenant, id, notification, due_ms, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, status, user_id, channel, provider,
reason, error, digest)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]),
unnest($8::int8[]), unnest($9::int4[]), unnest($10::int4[]),
unnest($11::int2[]), unnest($12::int2[]), unnest($13::text[]),
unnest($14::text[]), unnest($15::text[]), unnest($16::text[]),
unnest($17::text[]), nullif(unnest($18::int8[]), 0);
-- name: dead_add (accept)
INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::int8[]), unnest($6::int4[]), unnest($7::int4[]),
unnest($8::int2[]), unnest($9::int2[]), unnest($10::text[]),
unnest($11::text[]), unnest($12::text[]), unnest($13::text[]),
unnest($14::text[]);
-- name: ended_add (accept)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::int8[]), unnest($6::int4[]), unnest($7::int4[]),
unnest($8::int2[]), unnest($9::int2[]), unnest($10::text[]),
unnest($11::text[]), unnest($12::text[]), unnest($13::text[]),
unnest($14::text[]);

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
SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]),
unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]),
unnest($8::int8[]), unnest($9::int8[]), unnest($10::text[]),
unnest($11::text[]), unnest($12::text[]);
-- name: inbox_item_event (accept)
INSERT INTO inbox_event (tenant, rev, before_rev, at_ms, kind, change, user_id,
ids) SELECT tenant, rev, 0, created_ms, 0, 0, user_id, ARRAY[id]
FROM
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id,
unnest($3::int8[]) AS rev, unnest($4::int8[]) AS created_ms, unnest($5::text[])
AS user_id) AS x;
-- name: inbox_event_trim (accept)
DELETE FROM inbox_event e USING
(SELECT unnest($1::int8[]) AS tenant, unnest($2::text[]) AS user_id,
unnest($3::int8[]) AS rev) AS x
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM inbox_event y
WHERE y.tenant = x.tenant AND y.user_id = x.user_id AND y.rev <= x.rev
OFFSET 0) AS w WHERE e.ctid = w.at;

-- Of one that a window held before, what it goes to now.
-- name: delivery_device_add (accept)
INSERT INTO delivery_device (delivery, tenant, device)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[])
ON CONFLICT (delivery) DO UPDATE SET device = excluded.device;
