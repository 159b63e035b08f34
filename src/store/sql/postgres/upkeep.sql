-- A day that is over whole; see belfry_drop_day(). Not while something of it is
-- still to be planned.
-- name: purge_day (write)
SELECT CASE WHEN EXISTS (SELECT FROM work WHERE kind + 1 = 2
AND id < $1::int8) THEN 0
ELSE belfry_drop_day($1::int8) END;
-- One node at a time; the others need not wait for it.
-- name: purge_lock (write)
SELECT value FROM meta WHERE name IN ('purge_after', 'purge_tenant')
ORDER BY name FOR UPDATE SKIP LOCKED;
-- From the cursor on, one workspace after another: the old notifications of
-- each, or one row without any. Nothing is looked at beyond the last row, for
-- the key of the table is (tenant, id) and ids rise with time.
-- name: purge_scan (write)
WITH RECURSIVE walk (tenant, after, step) AS (
(SELECT tenant, CASE WHEN tenant = $1::int8 THEN $2::int8 ELSE 0 END, 1::int8
FROM notification WHERE tenant >= $1::int8 ORDER BY tenant LIMIT 1)
UNION ALL SELECT n.tenant, 0, w.step + 1 FROM walk w, LATERAL
(SELECT tenant FROM notification WHERE tenant > w.tenant
ORDER BY tenant LIMIT 1) n WHERE w.step < $6::int8)
SELECT w.tenant, w.step, o.id, o.created_ms, o.first_delivery, o.last_delivery,
EXISTS (SELECT FROM ready r WHERE r.tenant = w.tenant
AND r.id BETWEEN o.first_delivery AND o.last_delivery
AND r.notification = o.id) OR EXISTS (SELECT FROM waiting r
WHERE r.tenant = w.tenant
AND r.id BETWEEN o.first_delivery AND o.last_delivery
AND r.notification = o.id) OR EXISTS (SELECT FROM work r
WHERE r.tenant = w.tenant AND r.id = o.id) OR EXISTS (SELECT FROM work r
WHERE r.notification > 0 AND r.notification BETWEEN o.id AND o.id),
EXISTS (SELECT FROM dead r WHERE r.tenant = w.tenant
AND r.id BETWEEN o.first_delivery AND o.last_delivery
AND r.notification = o.id)
FROM walk w LEFT JOIN LATERAL (SELECT id, created_ms, first_delivery,
last_delivery FROM notification n WHERE n.tenant = w.tenant
AND n.id > w.after AND n.id < least($3::int8,
(SELECT value FROM meta WHERE name = 'old_below')) AND n.created_ms < $4::int8
ORDER BY id LIMIT $5::int8) o ON true LIMIT $5::int8;
-- OFFSET 0: by the index, whatever the planner guesses about the ranges.
-- name: purge_pick (write)
SELECT w.n, d.id, d.is_dead FROM unnest($1::int8[], $2::int8[], $3::int8[],
$4::int8[]) WITH ORDINALITY AS w (tenant, notification, first, last, n),
LATERAL (SELECT e.id, false AS is_dead FROM ended e WHERE e.tenant = w.tenant
AND e.id BETWEEN w.first AND w.last AND e.notification = w.notification
UNION ALL SELECT e.id, true FROM dead e WHERE e.tenant = w.tenant
AND e.id BETWEEN w.first AND w.last AND e.notification = w.notification
OFFSET 0) d LIMIT $5::int8;
-- = ANY and BETWEEN: see plans.h. The id tells which day it is in.
-- name: purge_ended (write)
DELETE FROM ended e USING unnest($1::int8[], $2::int8[]) AS w (tenant, id)
WHERE e.tenant = ANY (ARRAY[w.tenant])
AND e.id BETWEEN w.id AND w.id;
-- name: purge_dead (write)
DELETE FROM dead e USING unnest($1::int8[], $2::int8[]) AS w (tenant, id)
WHERE e.tenant = ANY (ARRAY[w.tenant])
AND e.id BETWEEN w.id AND w.id;
-- name: purge_attempts (write)
DELETE FROM attempt WHERE delivery = ANY ($1::int8[]);
-- name: purge_cancel_keys (write)
DELETE FROM cancel_key WHERE notification = ANY ($1::int8[])
AND notification <> 0;
-- name: purge_notifications (write)
DELETE FROM notification n USING unnest($1::int8[], $2::int8[])
AS w (tenant, id)
WHERE n.tenant = ANY (ARRAY[w.tenant])
AND n.id BETWEEN w.id AND w.id;
-- name: purge_go_on (write)
UPDATE meta SET value = CASE name WHEN 'purge_tenant' THEN $1::int8
ELSE $2::int8 END WHERE name IN ('purge_after', 'purge_tenant');
-- name: idem_sweep (write)
DELETE FROM idem WHERE ctid = ANY (ARRAY(SELECT ctid FROM idem
WHERE until_ms <= $1::int8 ORDER BY until_ms LIMIT $2::int8
FOR UPDATE SKIP LOCKED));
-- name: dedup_sweep (write)
DELETE FROM dedup WHERE ctid = ANY (ARRAY(SELECT ctid FROM dedup
WHERE until_ms <= $1::int8 ORDER BY until_ms LIMIT $2::int8
FOR UPDATE SKIP LOCKED));
-- name: change_trim (write)
DELETE FROM change WHERE seq = ANY (ARRAY(SELECT seq FROM change
WHERE seq <= (SELECT max(seq) FROM change) - $1::int8
ORDER BY seq LIMIT $2::int8));
-- Whose delivery is over, and not to be retried by anybody.
-- name: delivery_device_sweep (write)
DELETE FROM delivery_device WHERE ctid = ANY (ARRAY(SELECT d.ctid
FROM delivery_device d WHERE d.delivery < $1::int8
AND NOT EXISTS (SELECT FROM ready r WHERE r.tenant = d.tenant
AND r.id = d.delivery OFFSET 0)
AND NOT EXISTS (SELECT FROM waiting r WHERE r.tenant = d.tenant
AND r.id = d.delivery OFFSET 0)
AND NOT EXISTS (SELECT FROM dead r WHERE r.tenant = d.tenant
AND r.id = d.delivery OFFSET 0)
ORDER BY d.delivery LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
-- name: attempt_note_sweep (write)
DELETE FROM attempt_note WHERE ctid = ANY (ARRAY(SELECT d.ctid
FROM attempt_note d WHERE d.delivery < $1::int8
AND NOT EXISTS (SELECT FROM ready r WHERE r.tenant = d.tenant
AND r.id = d.delivery OFFSET 0)
AND NOT EXISTS (SELECT FROM waiting r WHERE r.tenant = d.tenant
AND r.id = d.delivery OFFSET 0)
AND NOT EXISTS (SELECT FROM dead r WHERE r.tenant = d.tenant
AND r.id = d.delivery OFFSET 0)
ORDER BY d.delivery LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
