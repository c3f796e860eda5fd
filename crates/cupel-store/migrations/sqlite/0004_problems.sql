-- Problems, the packages they have had, and what users have made of them. Scores are millionths of a point. Numbers
-- that stand for words: difficulty 0 easy, 1 medium, 2 hard; visibility 0 draft, 1 private, 2 public.

CREATE TABLE problems (
    id           BLOB    NOT NULL PRIMARY KEY,
    slug         TEXT    NOT NULL UNIQUE,
    owner        BLOB    REFERENCES users (id), -- NULL: it came with Cupel
    title        TEXT    NOT NULL,
    title_key    TEXT    NOT NULL,           -- lower case, to look for and to order by
    difficulty   INTEGER,
    tags         TEXT    NOT NULL,           -- JSON
    visibility   INTEGER NOT NULL,
    version      INTEGER NOT NULL,           -- the number of the current one
    better       INTEGER NOT NULL,           -- 1: a higher score is, -1: a lower one is
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    -- What has been sent for it; see ProblemStore.
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
    verified   INTEGER,                      -- 1 as it says, 0 not, NULL nobody has looked
    PRIMARY KEY (problem, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX problem_versions_by_package ON problem_versions (problem, package);

-- Who has a part in a problem beside its owner.
CREATE TABLE problem_members (
    problem BLOB NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    user    BLOB NOT NULL REFERENCES users (id),
    part    TEXT NOT NULL,
    PRIMARY KEY (problem, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_members_of_user ON problem_members (user, problem);

-- Archives that were loaded because they come with Cupel.
CREATE TABLE shipped_problems (
    slug    TEXT NOT NULL PRIMARY KEY,
    archive BLOB NOT NULL                    -- SHA-256
) STRICT, WITHOUT ROWID;

-- The submissions to problems that count, with what the newest judged run of each says. What is NULL is not known yet.
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

-- What a user has made of a problem: what follows from problem_submissions.
CREATE TABLE problem_results (
    problem      BLOB    NOT NULL REFERENCES problems (id),
    user         BLOB    NOT NULL REFERENCES users (id),
    solved       INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    best         BLOB    NOT NULL,           -- the submission that stands for the user
    best_score   INTEGER,
    best_time_us INTEGER,                    -- CPU time of the fastest that solves
    solved_at    INTEGER,
    -- What the leaderboard is ordered by, such that the smaller is the better; NULL: not on it.
    rank_score   INTEGER,
    rank_time    INTEGER NOT NULL,
    PRIMARY KEY (problem, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX problem_results_ranked ON problem_results (problem, rank_score, rank_time, solved_at, user)
    WHERE rank_score IS NOT NULL;
CREATE INDEX problem_results_of_user ON problem_results (user, problem);

-- What a user has made of all public problems: what follows from problem_results.
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

-- A run that is about a problem: at which package, and what its end changes (1: the sender's standing, 2: what is known
-- of the package; NULL: nothing).
ALTER TABLE runs ADD COLUMN problem BLOB;
ALTER TABLE runs ADD COLUMN package BLOB;
ALTER TABLE runs ADD COLUMN changes INTEGER;
ALTER TABLE runs ADD COLUMN score INTEGER;
CREATE INDEX runs_of_submission ON runs (submission, id) WHERE problem IS NOT NULL;
