-- name: attachment_add (accept)
INSERT INTO attachment (notification, n, tenant, content)
SELECT unnest($1::int8[]), unnest($2::int4[]), unnest($3::int8[]),
unnest($4::text[]);
-- name: attachment_list (read)
SELECT n, content FROM attachment WHERE tenant = $1::int8
AND notification = $2::int8 ORDER BY n;
-- Whose notification is gone, with its day or by itself.
-- name: attachment_sweep (write)
DELETE FROM attachment WHERE ctid = ANY (ARRAY(SELECT a.ctid
FROM attachment a WHERE a.notification < $1::int8
AND NOT EXISTS (SELECT FROM notification n WHERE n.tenant = a.tenant
AND n.id = a.notification OFFSET 0)
ORDER BY a.notification LIMIT $2::int8 FOR UPDATE SKIP LOCKED));
