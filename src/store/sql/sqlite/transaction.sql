-- name: begin
BEGIN IMMEDIATE;
-- name: commit
COMMIT;
-- name: rollback
ROLLBACK;
-- name: savepoint
SAVEPOINT verb;
-- name: savepoint_release
RELEASE verb;
-- name: savepoint_rollback
ROLLBACK TO verb;
-- name: read_begin (reader)
BEGIN;
-- name: read_end (reader)
COMMIT;

-- name: meta_put
INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING;
-- name: meta_get
SELECT value FROM meta WHERE name = ?1;
-- name: max_id
SELECT max((SELECT coalesce(max(id), 0) FROM notification),
(SELECT coalesce(max(id), 0) FROM delivery),
(SELECT coalesce(max(id), 0) FROM audit));
