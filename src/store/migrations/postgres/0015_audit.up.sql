-- works-with: 12
--
-- Who changed what (store/audit.h). Ids go up with time, so a list is a walk
-- from the end of the key, and what is old is at the beginning of the index.
CREATE TABLE audit (
    tenant bigint NOT NULL,
    id bigint NOT NULL,
    at_ms bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    actor_name text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    from_version bigint NOT NULL,
    to_version bigint NOT NULL,
    detail text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX audit_old ON audit (id);
