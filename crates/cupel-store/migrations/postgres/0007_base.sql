-- The SQLite schema at version 7; its comments apply here, too. Ids are UUIDs. Numbers, times (microseconds since
-- 1970-01-01T00:00:00Z) and flags (0 and 1) are BIGINT, so that the same statements work on both databases. Texts are
-- ordered by their bytes, as in SQLite.

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL,
    username_key TEXT COLLATE "C" NOT NULL UNIQUE, -- lower case: names are compared without regard to case
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash TEXT COLLATE "C" NOT NULL, -- PHC string
    role TEXT COLLATE "C" NOT NULL,
    tier TEXT COLLATE "C" NOT NULL,
    webhook_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id UUID NOT NULL PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    name TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL, -- names, separated by spaces
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX api_keys_of_owner ON api_keys (owner, id);

CREATE TABLE refresh_sessions (
    id UUID NOT NULL PRIMARY KEY,
    "user" UUID NOT NULL REFERENCES users (id),
    token_hash BYTEA NOT NULL, -- of the only valid token
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX refresh_sessions_by_end ON refresh_sessions (expires_at);
CREATE INDEX refresh_sessions_ended ON refresh_sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Hashes of exchanged refresh tokens. A client that presents one of them has stolen it.
CREATE TABLE refresh_tokens_used (
    session UUID NOT NULL REFERENCES refresh_sessions (id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL,
    PRIMARY KEY (session, token_hash)
);

-- Submissions as sent. A row never changes, except `run` when a new run is created. The large columns come last, so
-- that a list does not read them.
CREATE TABLE code_submissions (
    id UUID NOT NULL PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    run UUID NOT NULL, -- the latest run
    language TEXT COLLATE "C" NOT NULL,
    submitted_at BIGINT NOT NULL,
    spec TEXT COLLATE "C" NOT NULL, -- JSON: everything else, with references into data
    data BYTEA NOT NULL -- sources, inputs, expected outputs
);
CREATE INDEX code_submissions_of_owner ON code_submissions (owner, id);

-- State of each run (RunState), and the columns to find waiting runs. state: 0 queued, 1 leased, 2 judged, 3 cancelled,
-- 4 abandoned.
CREATE TABLE runs (
    id UUID NOT NULL PRIMARY KEY,
    submission UUID NOT NULL REFERENCES code_submissions (id),
    owner UUID NOT NULL,
    class BIGINT NOT NULL,
    webhook TEXT COLLATE "C",
    state BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    lease UUID, -- while leased
    lease_until BIGINT, -- while leased
    worker UUID, -- the last worker
    due_at BIGINT NOT NULL, -- earliest time of a lease
    started_at BIGINT,
    completed_at BIGINT,
    verdict TEXT COLLATE "C", -- when judged
    cpu_time_us BIGINT,
    memory_bytes BIGINT,
    -- For the run of a problem: its package, and what its end changes (1: the sender's standing, 2: the verification
    -- state of the package; NULL: nothing).
    problem UUID,
    package BYTEA,
    changes BIGINT,
    score BIGINT
);
CREATE INDEX runs_due ON runs (due_at, id) WHERE state = 0;
CREATE INDEX runs_leased ON runs (lease_until) WHERE state = 1;

-- The result of a judged run: report and log as JSON, outputs in data.
CREATE TABLE execution_results (
    run UUID NOT NULL PRIMARY KEY REFERENCES runs (id),
    report TEXT COLLATE "C" NOT NULL,
    log TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL
);

CREATE TABLE idempotency_keys (
    owner UUID NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    submissions BYTEA NOT NULL, -- 16 bytes each
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);

-- The outbox. A delivery is open while next_at is set.
CREATE TABLE webhook_deliveries (
    id UUID NOT NULL PRIMARY KEY,
    submission UUID NOT NULL REFERENCES code_submissions (id),
    owner UUID NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT,
    ended_at BIGINT,
    status BIGINT,
    error TEXT COLLATE "C"
);
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_by_end ON api_keys (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX users_by_age ON users (created_at, id);
CREATE INDEX runs_waiting_of_owner ON runs (owner, due_at) WHERE state = 0;
CREATE INDEX runs_of_submission ON runs (submission, id) WHERE problem IS NOT NULL;

CREATE TABLE problems (
    id UUID NOT NULL PRIMARY KEY,
    slug TEXT COLLATE "C" NOT NULL UNIQUE,
    owner UUID REFERENCES users (id), -- NULL: shipped with Cupel
    title TEXT COLLATE "C" NOT NULL,
    title_key TEXT COLLATE "C" NOT NULL, -- lower case, for searching and ordering
    difficulty BIGINT,
    tags TEXT COLLATE "C" NOT NULL, -- JSON
    visibility BIGINT NOT NULL,
    version BIGINT NOT NULL, -- number of the current version
    better BIGINT NOT NULL, -- 1: a higher score is better, -1: a lower one
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Statistics of its submissions; see ProblemStore.
    submissions BIGINT NOT NULL DEFAULT 0,
    accepted BIGINT NOT NULL DEFAULT 0,
    attempted_by BIGINT NOT NULL DEFAULT 0,
    solved_by BIGINT NOT NULL DEFAULT 0
);
-- No index by title: an index entry has a maximum size, a title has not, and the number of problems is small.
CREATE INDEX problems_by_age ON problems (created_at, id);
CREATE INDEX problems_of_owner ON problems (owner);

CREATE TABLE problem_tags (
    tag TEXT COLLATE "C" NOT NULL,
    problem UUID NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, problem)
);
CREATE INDEX problem_tags_of_problem ON problem_tags (problem);

CREATE TABLE problem_versions (
    problem UUID NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    number BIGINT NOT NULL, -- from 1
    package BYTEA NOT NULL, -- SHA-256 of its content
    format TEXT COLLATE "C" NOT NULL,
    created_by UUID REFERENCES users (id),
    created_at BIGINT NOT NULL,
    verified BIGINT, -- 1 passed, 0 failed, NULL not verified
    bytes BIGINT NOT NULL DEFAULT 0, -- on the disk, unpacked
    PRIMARY KEY (problem, number)
);
CREATE UNIQUE INDEX problem_versions_by_package ON problem_versions (problem, package);
CREATE INDEX problem_versions_by_author ON problem_versions (created_by, package);

-- Members of a problem besides its owner.
CREATE TABLE problem_members (
    problem UUID NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    "user" UUID NOT NULL REFERENCES users (id),
    part TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (problem, "user")
);
CREATE INDEX problem_members_of_user ON problem_members ("user", problem);

-- Archives of shipped problems that were loaded.
CREATE TABLE shipped_problems (
    slug TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    archive BYTEA NOT NULL -- SHA-256
);

-- Submissions to problems that count, with the result of the newest judged run of each. NULL: not known yet.
CREATE TABLE problem_submissions (
    submission UUID NOT NULL PRIMARY KEY REFERENCES code_submissions (id),
    problem UUID NOT NULL REFERENCES problems (id),
    owner UUID NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    sent_at BIGINT NOT NULL,
    verdict TEXT COLLATE "C",
    is_try BIGINT, -- whether the tests judged it
    solves BIGINT,
    score BIGINT,
    cpu_time_us BIGINT,
    memory BIGINT
);
CREATE INDEX problem_submissions_of_problem ON problem_submissions (problem, submission);
CREATE INDEX problem_submissions_of_owner ON problem_submissions (problem, owner, submission);

-- Result of a user in a problem, derived from problem_submissions.
CREATE TABLE problem_results (
    problem UUID NOT NULL REFERENCES problems (id),
    "user" UUID NOT NULL REFERENCES users (id),
    solved BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    best UUID NOT NULL, -- the submission that counts for the user
    best_score BIGINT,
    best_time_us BIGINT, -- CPU time of the fastest solution
    solved_at BIGINT,
    -- Sort keys of the leaderboard; smaller is better. NULL: not on the leaderboard.
    rank_score BIGINT,
    rank_time BIGINT NOT NULL,
    PRIMARY KEY (problem, "user")
);
CREATE INDEX problem_results_ranked ON problem_results (problem, rank_score, rank_time, solved_at NULLS FIRST, "user")
    WHERE rank_score IS NOT NULL;
CREATE INDEX problem_results_of_user ON problem_results ("user", problem);

-- Progress of a user in all public problems, derived from problem_results.
CREATE TABLE user_progress (
    "user" UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    easy BIGINT NOT NULL,
    medium BIGINT NOT NULL,
    hard BIGINT NOT NULL,
    solved BIGINT NOT NULL,
    attempted BIGINT NOT NULL,
    last_solved_at BIGINT
);
CREATE INDEX user_progress_ranked ON user_progress (solved DESC, last_solved_at NULLS FIRST, "user") WHERE solved > 0;

CREATE TABLE contests (
    id UUID NOT NULL PRIMARY KEY,
    slug TEXT COLLATE "C" NOT NULL UNIQUE,
    title TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    owner UUID NOT NULL REFERENCES users (id),
    style BIGINT NOT NULL,
    penalty_us BIGINT NOT NULL, -- 0 if the style has no penalty
    starts_at BIGINT NOT NULL,
    length_us BIGINT NOT NULL,
    freeze_us BIGINT, -- before the end
    unfrozen BIGINT NOT NULL,
    public BIGINT NOT NULL,
    join_code TEXT COLLATE "C" NOT NULL
);
CREATE INDEX contests_by_start ON contests (starts_at, id);
CREATE INDEX contests_of_owner ON contests (owner);

CREATE TABLE contest_problems (
    contest UUID NOT NULL REFERENCES contests (id) ON DELETE CASCADE,
    place BIGINT NOT NULL, -- from 0
    problem UUID NOT NULL REFERENCES problems (id),
    PRIMARY KEY (contest, place)
);
CREATE INDEX contest_problems_of_problem ON contest_problems (problem);

CREATE TABLE contest_participants (
    contest UUID NOT NULL REFERENCES contests (id) ON DELETE CASCADE,
    "user" UUID NOT NULL REFERENCES users (id),
    participation BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    number BIGINT NOT NULL, -- order of joining
    PRIMARY KEY (contest, "user")
);
CREATE INDEX contest_participants_of_user ON contest_participants ("user");

CREATE TABLE clarifications (
    id UUID NOT NULL PRIMARY KEY,
    contest UUID NOT NULL REFERENCES contests (id) ON DELETE CASCADE,
    asker UUID NOT NULL REFERENCES users (id),
    place BIGINT,
    question TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C",
    public BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    answered_at BIGINT
);
CREATE INDEX clarifications_of_contest ON clarifications (contest, id);

-- A run changes a few times within a short time, and waiting runs are found through small indexes, so old row versions
-- should be removed soon.
ALTER TABLE runs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
