-- The first schema. Each index is paid for on every row: the comment says
-- which question it answers.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notification (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    is_cancelled INTEGER NOT NULL,
    template_version INTEGER NOT NULL,
    n_recipients INTEGER NOT NULL,
    template_key TEXT NOT NULL,
    note TEXT NOT NULL,
    request_id TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    doc BLOB NOT NULL
) STRICT;
-- A tenant's, newest first.
CREATE INDEX notification_tenant ON notification (tenant, id);

-- lane: the provider's number while the row is ready (negative for critical
-- ones, which are claimed apart), else NULL: settled, held or waiting.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    status INTEGER NOT NULL,
    lane INTEGER,
    rank INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    user TEXT NOT NULL,
    channel TEXT NOT NULL,
    provider TEXT NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    tally TEXT NOT NULL DEFAULT ''
) STRICT;
-- The queue itself.
CREATE INDEX delivery_ready ON delivery (lane, rank) WHERE lane IS NOT NULL;
-- The deliveries of a notification.
CREATE INDEX delivery_notification ON delivery (notification);
-- A tenant's, newest first.
CREATE INDEX delivery_tenant ON delivery (tenant, id);
-- Dead letters: failed is 6, dead is 7.
CREATE INDEX delivery_dead ON delivery (tenant, id) WHERE status IN (6, 7);

CREATE TABLE attempt (
    delivery INTEGER NOT NULL,
    n INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    provider TEXT NOT NULL,
    verdict TEXT NOT NULL,
    status INTEGER NOT NULL,
    detail TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    retry_at_ms INTEGER NOT NULL,
    PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

-- The waiting room. kind 1: ref is a delivery, which goes to `lane`.
CREATE TABLE wait (
    due_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    ref INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    PRIMARY KEY (due_ms, kind, ref)
) STRICT, WITHOUT ROWID;

-- What went into flight together and is not all back. refs: for each 24
-- bytes, little endian: delivery, notification, attempts before the flight.
CREATE TABLE intent (
    batch INTEGER PRIMARY KEY,
    lane INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    refs BLOB NOT NULL
) STRICT;

CREATE TABLE inbox_user (
    tenant INTEGER NOT NULL,
    user TEXT NOT NULL,
    rev INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_item (
    tenant INTEGER NOT NULL,
    user TEXT NOT NULL,
    id INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    read_ms INTEGER NOT NULL,
    archived_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (tenant, user, id)
) STRICT, WITHOUT ROWID;

-- The last events of each user. ids: int64, little endian.
CREATE TABLE inbox_event (
    tenant INTEGER NOT NULL,
    user TEXT NOT NULL,
    rev INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    change INTEGER NOT NULL,
    before_rev INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    ids BLOB NOT NULL,
    PRIMARY KEY (tenant, user, rev)
) STRICT, WITHOUT ROWID;

-- body NULL: deleted; the row stays so that versions go on.
CREATE TABLE object (
    kind INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    num INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    body BLOB,
    PRIMARY KEY (kind, tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    seq INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL
) STRICT;

CREATE TABLE idem (
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    status INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE dedup (
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    id INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
