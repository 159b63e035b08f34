-- name: attachment_add
INSERT INTO attachment (notification, n, tenant, content)
VALUES (?1, ?2, ?3, ?4);
-- name: attachment_count (reader)
SELECT count(*) FROM attachment WHERE notification = ?1 AND tenant = ?2;
-- name: attachment_list (reader)
SELECT n, content FROM attachment WHERE notification = ?1 AND tenant = ?2
ORDER BY n;
-- name: purge_attachments
DELETE FROM attachment WHERE notification = ?1;
