-- What providers that send receipts took. The same message may be told again
-- after a commit that nobody knew of.
-- name: taken_add
INSERT OR IGNORE INTO taken (delivery, message, tenant, lane, address)
VALUES (?1, ?2, ?3, ?4, ?5);
-- name: taken_find
SELECT max(delivery) FROM taken WHERE tenant = ?1 AND lane = ?2
AND message = ?3;
-- name: taken_address
SELECT address FROM taken WHERE delivery = ?1 AND tenant = ?2 AND lane = ?3
LIMIT 1;
-- name: receipt_find
SELECT status, user, channel, provider FROM delivery
WHERE id = ?1 AND tenant = ?2;
-- name: receipt_known
SELECT count(*), coalesce(sum(n = ?2), 0) FROM attempt
WHERE delivery = ?1 AND n >= ?3;
-- name: receipt_move
UPDATE delivery SET status = ?3, updated_ms = ?4, reason = ?5, error = ?6
WHERE id = ?1 AND tenant = ?2;
