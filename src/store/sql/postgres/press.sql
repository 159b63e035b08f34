-- Actions that were pressed: see store/press.h. Who comes second waits for the
-- row of the first.
-- name: press_add (write)
INSERT INTO press (ref, user_id, action, tenant, id, at_ms, until_ms, key, n,
state, status) VALUES ($1::int8, $2::text, $3::text, $4::int8, $5::int8,
$6::int8, $7::int8, $8::int8, 1, $9::int4, $10::int4) ON CONFLICT DO NOTHING;
-- name: press_get (write)
SELECT id, at_ms, until_ms, key, n, state, status FROM press
WHERE ref = $1::int8 AND user_id = $2::text AND action = $3::text
AND tenant + 0 = $4::int8 FOR UPDATE;
-- name: press_set (write)
UPDATE press SET at_ms = $5::int8, until_ms = $6::int8, key = $7::int8,
n = $8::int4, state = $9::int4, status = $10::int4
WHERE ref = $1::int8 AND user_id = $2::text AND action = $3::text
AND tenant + 0 = $4::int8;
-- name: press_sweep (write)
DELETE FROM press WHERE ctid = ANY (ARRAY(SELECT ctid FROM press
WHERE at_ms < $1::int8 ORDER BY at_ms LIMIT $2::int8
FOR UPDATE SKIP LOCKED));
