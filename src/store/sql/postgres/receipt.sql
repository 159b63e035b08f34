-- What providers that send receipts took, and what they tell of it.

-- A call that was made was, whoever has the row now. The same may come again
-- after a commit that nobody knew of.
-- name: taken_add (cycle)
INSERT INTO taken (tenant, delivery, lane, message, address)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[],
$5::text[]) ON CONFLICT DO NOTHING;
-- name: taken_sweep (write)
DELETE FROM taken WHERE ctid = ANY (ARRAY(SELECT ctid FROM taken
WHERE delivery < $1::int8 ORDER BY delivery LIMIT $2::int8
FOR UPDATE SKIP LOCKED));

-- Each event ($3: its place), the delivery that it is about ($4, or 0: the last
-- that was taken as message $6), where that went, and how many of its log's
-- rows, from number $7 on, there are, and whether one is $5. 0 is queued.
-- name: receipt_find (write)
SELECT w.ord, d.id, d.status, d.user_id, d.channel, d.provider,
(SELECT y.address FROM taken y WHERE y.delivery = d.id
AND y.tenant + 0 = $1::int8 AND y.lane + 0 = $2::int8 LIMIT 1),
l.n_rows, l.is_known
FROM unnest($3::int4[], $4::int8[], $5::int4[], $6::text[])
AS w (ord, delivery, n, message)
CROSS JOIN LATERAL (SELECT CASE WHEN w.delivery > 0 THEN w.delivery
ELSE (SELECT max(y.delivery) FROM taken y WHERE y.tenant = $1::int8
AND y.lane = $2::int8 AND y.message = w.message AND w.message <> '')
END AS id OFFSET 0) AS k
CROSS JOIN LATERAL (
SELECT id, 0::int2 AS status, user_id, channel, provider FROM ready r
WHERE r.tenant = $1 AND r.id = k.id
UNION ALL SELECT id, status, user_id, channel, provider FROM waiting r
WHERE r.tenant = $1 AND r.id = k.id
UNION ALL SELECT id, status, user_id, channel, provider FROM dead r
WHERE r.tenant = $1 AND r.id = k.id
UNION ALL SELECT id, status, user_id, channel, provider FROM ended r
WHERE r.tenant = $1 AND r.id = k.id OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT count(*) AS n_rows,
coalesce(bool_or(a.n = w.n), false) AS is_known FROM attempt a
WHERE a.delivery = d.id AND a.n >= $7::int4 OFFSET 0) AS l;

-- name: receipt_keep (write)
INSERT INTO attempt (delivery, n, at_ms, duration_ms, retry_at_ms, status,
provider, verdict, detail)
SELECT w.delivery, w.n, w.at_ms, 0, 0, 0, $1::text, w.verdict, w.detail
FROM unnest($2::int8[], $3::int4[], $4::int8[], $5::text[], $6::text[])
AS w (delivery, n, at_ms, verdict, detail) ORDER BY w.delivery, w.n
ON CONFLICT DO NOTHING;
-- Delivered is 4, sent 5, failed 6. Of two that say so at once each does what
-- is right for where the row is by then.
-- name: receipt_delivered (write)
UPDATE ended e SET status = 4, reason = w.reason, updated_ms = $2::int8
FROM (SELECT $1::int8 AS tenant, u.* FROM unnest($3::int8[], $4::text[])
AS u (id, reason) OFFSET 0) AS w
WHERE e.tenant = ANY (ARRAY[w.tenant])
AND e.id BETWEEN w.id AND w.id AND e.status = 5;
-- Its last attempt was in its own row.
-- name: receipt_failed (write)
WITH gone AS (DELETE FROM ended e
USING (SELECT $1::int8 AS tenant, u.*
FROM unnest($3::int8[], $4::text[], $5::text[]) AS u (id, reason, error)
OFFSET 0) AS w
WHERE e.tenant = ANY (ARRAY[w.tenant])
AND e.id BETWEEN w.id AND w.id AND e.status IN (4, 5)
RETURNING e.*, w.reason AS why, w.error AS group_of),
kept AS (INSERT INTO attempt (delivery, n, at_ms, duration_ms, retry_at_ms,
status, provider, verdict, detail)
SELECT id, attempts, at_ms, call_ms, 0, call_status, provider, verdict, detail
FROM gone WHERE verdict IS NOT NULL ON CONFLICT DO NOTHING)
INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, recipient,
attempts, priority, status, user_id, channel, provider, reason, error)
SELECT tenant, id, notification, created_ms, $2::int8, recipient, attempts,
priority, 6, user_id, channel, provider, why, group_of FROM gone;
