-- The processes that share this database: workers and their orders, the node that sweeps, and shared secrets.

CREATE TABLE workers (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    slots BIGINT NOT NULL,
    busy BIGINT NOT NULL,
    languages TEXT COLLATE "C" NOT NULL, -- JSON: versions by id
    doing TEXT COLLATE "C" NOT NULL, -- work, pause or drain, as the worker reports
    told TEXT COLLATE "C" NOT NULL, -- work, pause or drain, as ordered
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE cluster (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    is_paused BIGINT NOT NULL, -- 1: no worker takes new runs
    leader UUID, -- the node that sweeps
    leader_until BIGINT
);
INSERT INTO cluster (one, is_paused) VALUES (1, 0);

CREATE TABLE shared_secrets (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    secret BYTEA NOT NULL
);
