-- name: begin (accept cycle write)
BEGIN;
-- name: commit (accept cycle write)
COMMIT;
-- name: rollback (accept cycle write)
ROLLBACK;
