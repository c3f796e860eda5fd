-- Unverified versions that an administrator allowed to be shown, with the reason. An entry remains after its account is
-- deleted.
CREATE TABLE version_exceptions (
    problem  BLOB    NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    given_at INTEGER NOT NULL,
    given_by BLOB    NOT NULL,
    username TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (problem, number, given_at)
) STRICT, WITHOUT ROWID;
