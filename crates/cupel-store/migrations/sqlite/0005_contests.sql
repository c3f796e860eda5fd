-- Contests. An attempt is any submission of a participant to a problem of the contest within the participant's time, so
-- no data of problem_submissions is repeated here. Times are microseconds; style: 0 ICPC, 1 IOI; participation: 0
-- official, 1 virtual.

CREATE TABLE contests (
    id           BLOB    NOT NULL PRIMARY KEY,
    slug         TEXT    NOT NULL UNIQUE,
    title        TEXT    NOT NULL,
    description  TEXT    NOT NULL,
    owner        BLOB    NOT NULL REFERENCES users (id),
    style        INTEGER NOT NULL,
    penalty_us   INTEGER NOT NULL,           -- 0 if the style has no penalty
    starts_at    INTEGER NOT NULL,
    length_us    INTEGER NOT NULL,
    freeze_us    INTEGER,                    -- before the end
    unfrozen     INTEGER NOT NULL,
    public       INTEGER NOT NULL
) STRICT;
CREATE INDEX contests_by_start ON contests (starts_at, id);
CREATE INDEX contests_of_owner ON contests (owner);

CREATE TABLE contest_problems (
    contest BLOB    NOT NULL REFERENCES contests (id) ON DELETE CASCADE,
    place   INTEGER NOT NULL,                -- from 0
    problem BLOB    NOT NULL REFERENCES problems (id),
    PRIMARY KEY (contest, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX contest_problems_of_problem ON contest_problems (problem);

CREATE TABLE contest_participants (
    contest       BLOB    NOT NULL REFERENCES contests (id) ON DELETE CASCADE,
    user          BLOB    NOT NULL REFERENCES users (id),
    participation INTEGER NOT NULL,
    starts_at     INTEGER NOT NULL,
    number        INTEGER NOT NULL,          -- order of joining
    PRIMARY KEY (contest, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX contest_participants_of_user ON contest_participants (user);

CREATE TABLE clarifications (
    id          BLOB    NOT NULL PRIMARY KEY,
    contest     BLOB    NOT NULL REFERENCES contests (id) ON DELETE CASCADE,
    asker       BLOB    NOT NULL REFERENCES users (id),
    place       INTEGER,
    question    TEXT    NOT NULL,
    answer      TEXT,
    public      INTEGER NOT NULL,
    asked_at    INTEGER NOT NULL,
    answered_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX clarifications_of_contest ON clarifications (contest, id);
