-- Drafts: the texts in users' editors, one row per revision. The nil id as `problem` is the playground.

CREATE TABLE drafts (
    owner     BLOB    NOT NULL REFERENCES users (id),
    problem   BLOB    NOT NULL,
    language  TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    begun_at  INTEGER NOT NULL,
    saved_at  INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    text      BLOB    NOT NULL,
    PRIMARY KEY (owner, problem, language, number)
) STRICT;
CREATE INDEX drafts_of_owner_by_time ON drafts (owner, saved_at, bytes);
CREATE INDEX drafts_of_problem ON drafts (problem);
CREATE INDEX drafts_by_time ON drafts (saved_at);
