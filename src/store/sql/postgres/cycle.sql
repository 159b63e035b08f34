-- Rows are looked up one by one, then changed where they lie. Of a queue that
-- was empty when it was last analysed the planner believes that to read all of
-- an index is cheaper than a look-up; joined as usual, each row that is ready
-- was compared with each that was sent. "The first from there on" leaves it no
-- choice: only the primary key has that order.

-- Finishes: $1 to $6 are tenant, delivery, the attempts and the lane that it
-- had when it was claimed, status, and the number of the attempt that was made
-- (0: none). A finish may come twice, after a commit that nobody knew of; by
-- then the row may be in another lane, and somebody else's, or have come back.
-- (NOT DISTINCT: so that no index of lanes is read for it.) NULL keeps a
-- provider and a tally; an error, too, where no attempt was made.
-- name: finish_ended (cycle)
WITH gone AS (
DELETE FROM ready r USING
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id,
unnest($3::int4[]) AS had, unnest($4::int8[]) AS was_in,
unnest($5::int2[]) AS status, unnest($6::int4[]) AS n,
unnest($7::int8[]) AS at_ms, unnest($8::int4[]) AS call_ms, unnest($9::int4[])
AS call_status, unnest($10::text[]) AS reason, unnest($11::text[]) AS provider,
unnest($12::text[]) AS error, unnest($13::text[]) AS verdict,
unnest($14::text[]) AS detail) AS f
CROSS JOIN LATERAL (SELECT y.ctid AS at, y.tenant, y.id FROM ready y
WHERE (y.tenant, y.id) >= (f.tenant, f.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE r.ctid = w.at AND w.tenant = f.tenant AND w.id = f.id
AND r.attempts = f.had AND r.lane IS NOT DISTINCT FROM f.was_in
RETURNING r.tenant, r.id, r.notification, r.created_ms, r.recipient,
r.attempts, r.priority, r.user_id, r.channel, r.provider AS old_provider,
r.error AS old_error, f.status, f.n, f.at_ms, f.call_ms, f.call_status,
f.reason, f.provider, f.error, f.verdict, f.detail
)
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, at_ms,
recipient, attempts, call_ms, call_status, priority, status, user_id, channel,
provider, reason, error, verdict, detail)
SELECT tenant, id, notification, created_ms, $15::int8, at_ms, recipient,
CASE WHEN n > 0 THEN n ELSE attempts END, call_ms, call_status, priority,
status, user_id, channel, coalesce(provider, old_provider), reason,
CASE WHEN n > 0 THEN error ELSE coalesce(error, old_error) END, verdict, detail
FROM gone
RETURNING id;
-- name: finish_dead (cycle)
WITH gone AS (
DELETE FROM ready r USING
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id,
unnest($3::int4[]) AS had, unnest($4::int8[]) AS was_in,
unnest($5::int2[]) AS status, unnest($6::int4[]) AS n,
unnest($7::text[]) AS reason, unnest($8::text[]) AS provider,
unnest($9::text[]) AS error, unnest($10::text[]) AS tally) AS f
CROSS JOIN LATERAL (SELECT y.ctid AS at, y.tenant, y.id FROM ready y
WHERE (y.tenant, y.id) >= (f.tenant, f.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE r.ctid = w.at AND w.tenant = f.tenant AND w.id = f.id
AND r.attempts = f.had AND r.lane IS NOT DISTINCT FROM f.was_in
RETURNING r.tenant, r.id, r.notification, r.created_ms, r.recipient,
r.attempts, r.priority, r.user_id, r.channel, r.provider AS old_provider,
r.error AS old_error, r.tally AS old_tally, f.status, f.n, f.reason,
f.provider, f.error, f.tally
)
INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error, tally)
SELECT tenant, id, notification, created_ms, $11::int8, recipient,
CASE WHEN n > 0 THEN n ELSE attempts END, priority, status, user_id, channel,
coalesce(provider, old_provider), reason,
CASE WHEN n > 0 THEN error ELSE coalesce(error, old_error) END,
coalesce(tally, old_tally) FROM gone
RETURNING id;
-- When it is due was reckoned by a clock ($13: now, by that clock) that may have
-- been set; who promotes it goes by the database's. A clock that is off by more
-- than a day is left alone: then somebody means it.
-- name: finish_waiting (cycle)
WITH clock AS (
SELECT CASE WHEN abs(ms) < 86400000 THEN ms ELSE 0 END AS off FROM
(SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 - $13::int8 AS ms)
AS c
), gone AS (
DELETE FROM ready r USING
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id,
unnest($3::int4[]) AS had, unnest($4::int8[]) AS was_in,
unnest($5::int2[]) AS status, unnest($6::int4[]) AS n,
unnest($7::text[]) AS reason, unnest($8::text[]) AS provider,
unnest($9::text[]) AS error, unnest($10::text[]) AS tally, unnest($11::int8[])
AS due_ms, unnest($12::int8[]) AS lane) AS f
CROSS JOIN LATERAL (SELECT y.ctid AS at, y.tenant, y.id FROM ready y
WHERE (y.tenant, y.id) >= (f.tenant, f.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE r.ctid = w.at AND w.tenant = f.tenant AND w.id = f.id
AND r.attempts = f.had AND r.lane IS NOT DISTINCT FROM f.was_in
RETURNING r.tenant, r.id, r.notification, r.rank, r.created_ms, r.recipient,
r.attempts, r.priority, r.crashes, r.user_id, r.channel,
r.provider AS old_provider, r.error AS old_error, r.tally AS old_tally,
f.status, f.n, f.reason, f.provider, f.error, f.tally, f.due_ms, f.lane
)
INSERT INTO waiting (tenant, id, notification, due_ms, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, crashes, status, user_id, channel,
provider, reason, error, tally)
SELECT tenant, id, notification, CASE WHEN due_ms > 0 THEN due_ms + off ELSE 0
END, lane, rank, created_ms, $13::int8, recipient,
CASE WHEN n > 0 THEN n ELSE attempts END, priority, crashes, status,
user_id, channel, coalesce(provider, old_provider), reason,
CASE WHEN n > 0 THEN error ELSE coalesce(error, old_error) END,
coalesce(tally, old_tally) FROM gone, clock
RETURNING id;
-- Given back, or handed to another provider's lane.
-- name: finish_back (cycle)
UPDATE ready r SET lane = f.lane, updated_ms = $12::int8, reason = f.reason,
attempts = CASE WHEN f.n > 0 THEN f.n ELSE r.attempts END,
provider = coalesce(f.provider, r.provider),
error = CASE WHEN f.n > 0 THEN f.error ELSE coalesce(f.error, r.error) END,
tally = coalesce(f.tally, r.tally)
FROM
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id,
unnest($3::int4[]) AS had, unnest($4::int8[]) AS was_in,
unnest($5::int2[]) AS status, unnest($6::int4[]) AS n,
unnest($7::text[]) AS reason, unnest($8::text[]) AS provider,
unnest($9::text[]) AS error, unnest($10::text[]) AS tally, unnest($11::int8[])
AS lane) AS f
CROSS JOIN LATERAL (SELECT y.ctid AS at, y.tenant, y.id FROM ready y
WHERE (y.tenant, y.id) >= (f.tenant, f.id) ORDER BY y.tenant, y.id LIMIT 1) AS w
WHERE r.ctid = w.at AND w.tenant = f.tenant AND w.id = f.id
AND r.attempts = f.had AND r.lane IS NOT DISTINCT FROM f.was_in
RETURNING r.id;
-- The attempts of those that have not ended; not of rows that were gone.
-- name: attempt_add (cycle)
INSERT INTO attempt (delivery, n, at_ms, duration_ms, retry_at_ms, status,
provider, verdict, detail)
SELECT delivery, n, at_ms, duration_ms, retry_at_ms, status, provider, verdict,
detail FROM
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS delivery,
unnest($3::int4[]) AS n, unnest($4::int8[]) AS at_ms, unnest($5::int8[]) AS
duration_ms, unnest($6::int8[]) AS retry_at_ms, unnest($7::int4[]) AS status,
unnest($8::text[]) AS provider, unnest($9::text[]) AS verdict,
unnest($10::text[]) AS detail) AS x
WHERE EXISTS (SELECT FROM (SELECT tenant, id, attempts FROM ready
WHERE (tenant, id) >= (x.tenant, x.delivery) ORDER BY tenant, id LIMIT 1) AS r
WHERE r.tenant = x.tenant AND r.id = x.delivery AND r.attempts = x.n)
OR EXISTS (SELECT FROM waiting w WHERE w.tenant = x.tenant
AND w.id = x.delivery AND w.attempts = x.n)
OR EXISTS (SELECT FROM dead d WHERE d.tenant = x.tenant
AND d.id = x.delivery AND d.attempts = x.n)
ON CONFLICT DO NOTHING;
-- A call that was made was, whoever has the row now. The same may come again
-- after a commit that nobody knew of.
-- name: attempt_note_add (cycle)
INSERT INTO attempt_note (tenant, delivery, n, cost, request, node)
SELECT x.*, $6::int8 FROM unnest($1::int8[], $2::int8[], $3::int4[],
$4::text[], $5::text[]) AS x ON CONFLICT DO NOTHING;

-- name: intent_put (cycle)
UPDATE intent SET ids = $3::int8[], attempts = $4::int4[]
WHERE lane = $1::int8 AND batch = $2::int8;
-- name: intent_remove (cycle)
DELETE FROM intent i USING
(SELECT unnest($1::int8[]) AS lane, unnest($2::int8[]) AS batch) AS x
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM intent y WHERE y.lane = x.lane
AND y.batch = x.batch OFFSET 0) AS w WHERE i.ctid = w.at;

-- $1 lane; $2, $3 the mark of its critical rows, $4, $5 of the others; $6 how
-- many, $7 how many critical ones beyond; $8 what we hold although it lies
-- behind the marks; $9 the batch, 0: no intent; $10 now; $11 the tenant; $12
-- and $13 kinds of documents, preferences and suppressions. The last two columns
-- say for all rows whether the tenant has any, or had; of suppressions, whose
-- keys begin with the channel and a colon (which 59 comes after), on the channels
-- of these rows.
-- Only what goes by a channel of pushes is looked for in delivery_device.
-- name: claim (cycle)
WITH critical AS (
SELECT * FROM ready WHERE lane <> 0 AND lane = -$1::int8
AND (rank, id) > ($2::int8, $3::int8)
AND id NOT IN (SELECT unnest($8::int8[]))
ORDER BY rank, id LIMIT $6::int8 + $7::int8
), normal AS (
SELECT * FROM ready WHERE lane <> 0 AND lane = $1
AND (rank, id) > ($4::int8, $5::int8) AND id NOT IN (SELECT unnest($8)) ORDER BY rank, id
LIMIT $6 - greatest(0, (SELECT count(*) FROM critical) - $7)
), claimed AS (
SELECT * FROM critical UNION ALL SELECT * FROM normal
), noted AS (
INSERT INTO intent (lane, batch, tenant, at_ms, ids, attempts)
SELECT $1, $9::int8, min(tenant), $10::int8, array_agg(id), array_agg(attempts)
FROM claimed HAVING count(*) > 0 AND $9 > 0
)
SELECT id, tenant, notification, 0::int2, lane, rank, attempts, priority,
recipient, created_ms, updated_ms, 0::int8, user_id, channel, provider, reason,
error, tally, NULL::int8, NULL::int8,
CASE WHEN channel IN ('web_push', 'mobile_push') THEN (SELECT y.device
FROM delivery_device y WHERE y.delivery = claimed.id) END,
(SELECT EXISTS (SELECT FROM object o WHERE o.kind = $12::int2
AND o.tenant = $11::int8 AND o.key >= '')),
(SELECT EXISTS (SELECT FROM object o WHERE o.kind = $13::int2 AND o.tenant = $11
AND o.key >= (SELECT min(channel COLLATE "C") || ':' FROM claimed)
AND o.key < (SELECT max(channel COLLATE "C") || chr(59) FROM claimed)))
FROM claimed;
-- name: notifications_of (cycle)
SELECT n.id, n.tenant, n.created_ms, n.priority, n.is_cancelled,
n.template_version, n.n_recipients, n.template_key, n.note, n.request_id,
n.traceparent, n.doc, n.parent FROM
(SELECT unnest($1::int8[]) AS tenant, unnest($2::int8[]) AS id) AS x
CROSS JOIN LATERAL (SELECT * FROM notification y WHERE y.tenant = x.tenant
AND y.id = x.id OFFSET 0) AS n;
-- name: users_of (cycle)
SELECT o.tenant, o.key, o.body FROM
(SELECT unnest($2::int8[]) AS tenant, unnest($3::text[]) AS key) AS x
CROSS JOIN LATERAL (SELECT * FROM object y WHERE y.kind = $1::int2
AND y.tenant = x.tenant AND y.key = x.key OFFSET 0) AS o
WHERE o.body IS NOT NULL;

-- Never early: neither by our clock nor by the database's.
-- name: promote (write)
WITH due AS (
DELETE FROM waiting WHERE ctid = ANY (ARRAY (SELECT ctid FROM waiting
WHERE due_ms > 0 AND due_ms <= least($1::int8,
(extract(epoch FROM clock_timestamp()) * 1000)::int8)
ORDER BY due_ms, id LIMIT $2::int8 FOR UPDATE SKIP LOCKED))
RETURNING tenant, id, notification, lane, rank, created_ms, recipient, due_ms,
attempts, priority, crashes, user_id, channel, provider, reason, error, tally
), moved AS (
INSERT INTO ready (tenant, id, notification, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, crashes, user_id, channel, provider,
reason, error, tally)
SELECT tenant, id, notification, lane, rank, created_ms, $1, recipient,
attempts, priority, crashes, user_id, channel, provider, reason, error, tally
FROM due RETURNING tenant, lane, rank, id
)
SELECT tenant, lane, rank, id, (SELECT min(due_ms) FROM due) FROM moved;
-- name: waiting_next (write)
SELECT due_ms FROM waiting WHERE due_ms > 0 ORDER BY due_ms, id LIMIT 1;
