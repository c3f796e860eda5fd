-- Problems, their packages, and users' results. Scores are millionths of a point. Encodings: difficulty 0 easy, 1
-- medium, 2 hard; visibility 0 draft, 1 private, 2 public.

CREATE TABLE problems (
    id           BLOB    NOT NULL PRIMARY KEY,
    slug         TEXT    NOT NULL UNIQUE,
    owner        BLOB    REFERENCES users (id), -- NULL: shipped with Cupel
    title        TEXT    NOT NULL,
    title_key    TEXT    NOT NULL,           -- lower case, for searching and ordering
    difficulty   INTEGER,
    tags         TEXT    NOT NULL,           -- JSON
    visibility   INTEGER NOT NULL,
    version      INTEGER NOT NULL,           -- number of the current version
    better       INTEGER NOT NULL,           -- 1: a higher score is better, -1: a lower one
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    -- Statistics of its submissions; see ProblemStore.
    submissions  INTEGER NOT NULL DEFAULT 0,
    accepted     INTEGER NOT NULL DEFAULT 0,
    attempted_by INTEGER NOT NULL DEFAULT 0,
    solved_by    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX problems_by_title ON problems (title_key, id);
CREATE INDEX problems_by_age ON problems (created_at, id);
CREATE INDEX problems_of_owner ON problems (owner);

CREATE TABLE problem_tags (
    tag     TEXT NOT NULL,
    problem BLOB NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, problem)
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_tags_of_problem ON problem_tags (problem);

CREATE TABLE problem_versions (
    problem    BLOB    NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,             -- from 1
    package    BLOB    NOT NULL,             -- SHA-256 of its content
    format     TEXT    NOT NULL,
    created_by BLOB    REFERENCES users (id),
    created_at INTEGER NOT NULL,
    verified   INTEGER,                      -- 1 passed, 0 failed, NULL not verified
    PRIMARY KEY (problem, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX problem_versions_by_package ON problem_versions (problem, package);

-- Members of a problem besides its owner.
CREATE TABLE problem_members (
    problem BLOB NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    user    BLOB NOT NULL REFERENCES users (id),
    part    TEXT NOT NULL,
    PRIMARY KEY (problem, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_members_of_user ON problem_members (user, problem);

-- Archives of shipped problems that were loaded.
CREATE TABLE shipped_problems (
    slug    TEXT NOT NULL PRIMARY KEY,
    archive BLOB NOT NULL                    -- SHA-256
) STRICT, WITHOUT ROWID;

-- Submissions to problems that count, with the result of the newest judged run of each. NULL: not known yet.
CREATE TABLE problem_submissions (
    submission  BLOB    NOT NULL PRIMARY KEY REFERENCES code_submissions (id),
    problem     BLOB    NOT NULL REFERENCES problems (id),
    owner       BLOB    NOT NULL,
    language    TEXT    NOT NULL,
    sent_at     INTEGER NOT NULL,
    verdict     TEXT,
    is_try      INTEGER,                     -- whether the tests judged it
    solves      INTEGER,
    score       INTEGER,
    cpu_time_us INTEGER,
    memory      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_submissions_of_problem ON problem_submissions (problem, submission);
CREATE INDEX problem_submissions_of_owner ON problem_submissions (problem, owner, submission);

-- Result of a user in a problem, derived from problem_submissions.
CREATE TABLE problem_results (
    problem      BLOB    NOT NULL REFERENCES problems (id),
    user         BLOB    NOT NULL REFERENCES users (id),
    solved       INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    best         BLOB    NOT NULL,           -- the submission that counts for the user
    best_score   INTEGER,
    best_time_us INTEGER,                    -- CPU time of the fastest solution
    solved_at    INTEGER,
    -- Sort keys of the leaderboard; smaller is better. NULL: not on the leaderboard.
    rank_score   INTEGER,
    rank_time    INTEGER NOT NULL,
    PRIMARY KEY (problem, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_results_ranked ON problem_results (problem, rank_score, rank_time, solved_at, user)
    WHERE rank_score IS NOT NULL;
CREATE INDEX problem_results_of_user ON problem_results (user, problem);

-- Progress of a user in all public problems, derived from problem_results.
CREATE TABLE user_progress (
    user           BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    easy           INTEGER NOT NULL,
    medium         INTEGER NOT NULL,
    hard           INTEGER NOT NULL,
    solved         INTEGER NOT NULL,
    attempted      INTEGER NOT NULL,
    last_solved_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX user_progress_ranked ON user_progress (solved DESC, last_solved_at, user) WHERE solved > 0;

-- For the run of a problem: its package, and what its end changes (1: the sender's standing, 2: the verification state
-- of the package; NULL: nothing).
ALTER TABLE runs ADD COLUMN problem BLOB;
ALTER TABLE runs ADD COLUMN package BLOB;
ALTER TABLE runs ADD COLUMN changes INTEGER;
ALTER TABLE runs ADD COLUMN score INTEGER;
CREATE INDEX runs_of_submission ON runs (submission, id) WHERE problem IS NOT NULL;
