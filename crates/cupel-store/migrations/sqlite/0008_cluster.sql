-- The processes that work on this database: workers, what they have been told, who sweeps, and secrets that all share.

CREATE TABLE workers (
    id         BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    slots      INTEGER NOT NULL,
    busy       INTEGER NOT NULL,
    languages  TEXT    NOT NULL,             -- JSON: versions by id
    doing      TEXT    NOT NULL,             -- work, pause, drain: what it says
    told       TEXT    NOT NULL,             -- the same words: what it is told
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
