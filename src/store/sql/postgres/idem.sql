-- status -1: taken by a transaction that has not answered yet. Only that one
-- ever sees it.
-- name: idem_claim (accept write)
INSERT INTO idem (tenant, key, until_ms, status, fingerprint, body)
SELECT tenant, key, until_ms, -1, '', ''
FROM unnest($1::int8[], $2::text[], $3::int8[]) AS w (tenant, key, until_ms)
ORDER BY tenant, key
ON CONFLICT (tenant, key) DO UPDATE SET until_ms = excluded.until_ms,
status = -1 WHERE idem.until_ms <= $4::int8;
-- name: idem_read (accept write)
SELECT w.n, i.status, i.fingerprint, i.body
FROM unnest($1::int8[], $2::text[]) WITH ORDINALITY AS w (tenant, key, n)
CROSS JOIN LATERAL (SELECT * FROM idem y WHERE y.tenant = w.tenant
AND y.key = w.key OFFSET 0) AS i;
-- name: idem_save (accept write)
UPDATE idem i SET status = w.status, fingerprint = w.fingerprint, body = w.body
FROM unnest($1::int8[], $2::text[], $3::int4[], $4::bytea[], $5::text[])
AS w (tenant, key, status, fingerprint, body)
CROSS JOIN LATERAL (SELECT y.ctid AS at FROM idem y WHERE y.tenant = w.tenant
AND y.key = w.key OFFSET 0) AS o WHERE i.ctid = o.at;
