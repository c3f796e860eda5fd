-- Versions that an administrator let be shown although they were not verified, with the reason. An entry outlives the account.
CREATE TABLE version_exceptions (
    problem  BLOB    NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    given_at INTEGER NOT NULL,
    given_by BLOB    NOT NULL,
    username TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (problem, number, given_at)
) STRICT, WITHOUT ROWID;
