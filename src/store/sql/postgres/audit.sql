-- name: audit_put (write)
INSERT INTO audit (tenant, id, at_ms, actor, actor_name, source, request_id,
action, kind, key, from_version, to_version, detail)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[],
$5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
$11::int8[], $12::int8[], $13::text[]);
-- The newest of those that were looked at, and of these the ones that fit; one
-- more than asked for says where the next page begins.
-- name: audit_list (read)
SELECT * FROM (SELECT tenant, id, at_ms, actor, actor_name, source, request_id,
action, kind, key, from_version, to_version, detail FROM audit
WHERE tenant = $1::int8 AND id < $2::int8 AND id >= $3::int8
ORDER BY id DESC LIMIT $4::int8) AS a
WHERE ($5::text = '' OR actor = $5::text) AND ($6::text = '' OR
action = $6::text) AND ($7::text = '' OR kind = $7::text)
AND ($8::text = '' OR key = $8::text) AND at_ms >= $9::int8
ORDER BY id DESC LIMIT $10::int8;
-- The first that was not looked at.
-- name: audit_beyond (read)
SELECT id FROM audit WHERE tenant = $1::int8 AND id < $2::int8
AND id >= $3::int8 ORDER BY id DESC OFFSET $4::int8 LIMIT 1;
-- name: audit_sweep (write)
DELETE FROM audit WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit
WHERE id < $1::int8 ORDER BY id LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
