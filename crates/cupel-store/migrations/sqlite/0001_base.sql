-- The base schema. Ids are 16-byte BLOBs (UUID). Times are INTEGER microseconds since 1970-01-01T00:00:00Z; core rounds
-- to microseconds. Data that only the store's row module reads is JSON in a TEXT column. Large bytes are in one BLOB of
-- the same row, to which the JSON refers.

CREATE TABLE users (
    id             BLOB    NOT NULL PRIMARY KEY,
    username       TEXT    NOT NULL,
    username_key   TEXT    NOT NULL UNIQUE,  -- lower case: names are compared without regard to case
    email          TEXT    NOT NULL,
    email_key      TEXT    NOT NULL UNIQUE,
    password_hash  TEXT    NOT NULL,         -- PHC string
    role           TEXT    NOT NULL,
    tier           TEXT    NOT NULL,
    webhook_secret BLOB    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id           BLOB    NOT NULL PRIMARY KEY,
    owner        BLOB    NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    secret_hash  BLOB    NOT NULL,
    scopes       TEXT    NOT NULL,           -- names, separated by spaces
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX api_keys_of_owner ON api_keys (owner, id);

CREATE TABLE refresh_sessions (
    id         BLOB    NOT NULL PRIMARY KEY,
    user       BLOB    NOT NULL REFERENCES users (id),
    token_hash BLOB    NOT NULL,             -- of the only valid token
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX refresh_sessions_by_end ON refresh_sessions (expires_at);
CREATE INDEX refresh_sessions_ended ON refresh_sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Hashes of exchanged refresh tokens. A client that presents one of them has stolen it.
CREATE TABLE refresh_tokens_used (
    session    BLOB NOT NULL REFERENCES refresh_sessions (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL,
    PRIMARY KEY (session, token_hash)
) STRICT, WITHOUT ROWID;

-- Submissions as sent. A row never changes, except `run` when a new run is created. The large columns come last, so
-- that a list does not read them.
CREATE TABLE code_submissions (
    id           BLOB    NOT NULL PRIMARY KEY,
    owner        BLOB    NOT NULL REFERENCES users (id),
    run          BLOB    NOT NULL,           -- the latest run
    language     TEXT    NOT NULL,
    submitted_at INTEGER NOT NULL,
    spec         TEXT    NOT NULL,           -- JSON: everything else, with references into data
    data         BLOB    NOT NULL            -- sources, inputs, expected outputs
) STRICT;
CREATE INDEX code_submissions_of_owner ON code_submissions (owner, id);

-- State of each run (RunState), and the columns to find waiting runs. state: 0 queued, 1 leased, 2 judged, 3 cancelled,
-- 4 abandoned.
CREATE TABLE runs (
    id           BLOB    NOT NULL PRIMARY KEY,
    submission   BLOB    NOT NULL REFERENCES code_submissions (id),
    owner        BLOB    NOT NULL,
    class        INTEGER NOT NULL,
    webhook      TEXT,
    state        INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    lost         INTEGER NOT NULL,
    lease        BLOB,                       -- while leased
    lease_until  INTEGER,                    -- while leased
    worker       BLOB,                       -- the last worker
    due_at       INTEGER NOT NULL,           -- earliest time of a lease
    started_at   INTEGER,
    completed_at INTEGER,
    verdict      TEXT,                       -- when judged
    cpu_time_us  INTEGER,
    memory_bytes INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_due ON runs (due_at, id) WHERE state = 0;
CREATE INDEX runs_leased ON runs (lease_until) WHERE state = 1;

-- The result of a judged run: report and log as JSON, outputs in data.
CREATE TABLE execution_results (
    run    BLOB NOT NULL PRIMARY KEY REFERENCES runs (id),
    report TEXT NOT NULL,
    log    TEXT NOT NULL,
    data   BLOB NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    owner        BLOB    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL,
    submissions  BLOB    NOT NULL,           -- 16 bytes each
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);

-- The outbox. A delivery is open while next_at is set.
CREATE TABLE webhook_deliveries (
    id         BLOB    NOT NULL PRIMARY KEY,
    submission BLOB    NOT NULL REFERENCES code_submissions (id),
    owner      BLOB    NOT NULL,
    url        TEXT    NOT NULL,
    tries      INTEGER NOT NULL,
    next_at    INTEGER,
    ended_at   INTEGER,
    status     INTEGER,
    error      TEXT
) STRICT;
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
