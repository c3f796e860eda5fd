-- The processes that share this database: workers and their orders, the node that sweeps, and shared secrets.

CREATE TABLE workers (
    id         BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    slots      INTEGER NOT NULL,
    busy       INTEGER NOT NULL,
    languages  TEXT    NOT NULL,             -- JSON: versions by id
    doing      TEXT    NOT NULL,             -- work, pause or drain, as the worker reports
    told       TEXT    NOT NULL,             -- work, pause or drain, as ordered
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE cluster (
    one          INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    is_paused    INTEGER NOT NULL,           -- 1: no worker takes new runs
    leader       BLOB,                       -- the node that sweeps
    leader_until INTEGER
) STRICT;
INSERT INTO cluster (one, is_paused) VALUES (1, 0);

CREATE TABLE shared_secrets (
    name   TEXT NOT NULL PRIMARY KEY,
    secret BLOB NOT NULL
) STRICT;
