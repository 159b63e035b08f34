-- works-with: 1
--
-- belfry_send(): an application on the same server sends within its own
-- transaction. What it wrote is taken from `outbox` and accepted in one commit.

-- taken_until: nobody else takes it before.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant bigint NOT NULL,
    at timestamptz NOT NULL,
    taken_until timestamptz NOT NULL DEFAULT '-infinity',
    doc text NOT NULL
) WITH (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);

-- What was not valid, with why, until a person deletes it.
CREATE TABLE outbox_refused (
    id bigint PRIMARY KEY,
    tenant bigint NOT NULL,
    at timestamptz NOT NULL,
    refused_at timestamptz NOT NULL,
    problem text NOT NULL,
    doc text NOT NULL
);

-- Runs with its owner's rights: who may call it need not see any table. So it
-- must not find anybody else's tables in a search path, see below.
CREATE FUNCTION belfry_send(doc jsonb, workspace text DEFAULT 'default')
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_temp AS $send$
DECLARE
    tenant_found bigint;
    row_id bigint;
BEGIN
    IF jsonb_typeof(belfry_send.doc) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'belfry_send: doc must be a JSON object'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT belfry_send.doc ? 'to' THEN
        RAISE EXCEPTION 'belfry_send: doc has no "to"'
            USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say who gets it: {"to": "u_1", "body": "Hello"}.';
    END IF;
    IF octet_length(belfry_send.doc::text) > 1048576 THEN
        RAISE EXCEPTION 'belfry_send: doc is larger than 1 MiB'
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    SELECT o.num INTO tenant_found FROM object o WHERE o.kind = 1 AND
        o.tenant = 0 AND o.key = belfry_send.workspace AND o.body IS NOT NULL;
    IF tenant_found IS NULL THEN
        RAISE EXCEPTION 'belfry_send: there is no workspace "%"',
            belfry_send.workspace USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO outbox (tenant, at, doc) VALUES (tenant_found,
        clock_timestamp(), belfry_send.doc::text) RETURNING id INTO row_id;
    RETURN row_id;
END
$send$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION belfry_send(jsonb, text) '
        'SET search_path = %I, pg_temp', current_schema());
END
$$;

-- GRANT EXECUTE to the roles that may send.
REVOKE ALL ON FUNCTION belfry_send(jsonb, text) FROM PUBLIC;
