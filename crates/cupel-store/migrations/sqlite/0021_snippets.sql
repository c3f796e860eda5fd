-- Shared programs: one copy for each user who shared a program.

CREATE TABLE snippets (
    id        BLOB    NOT NULL,
    owner     BLOB    NOT NULL REFERENCES users (id),
    program   TEXT    NOT NULL,
    shared_at INTEGER NOT NULL,
    PRIMARY KEY (id, owner)
) STRICT;
CREATE INDEX snippets_of_owner ON snippets (owner);
CREATE INDEX snippets_by_time ON snippets (shared_at);
