-- Attempts that ended in a failure of Cupel, and submissions whose run was abandoned after the last of them.

CREATE TABLE failed_attempts (
    submission  BLOB    NOT NULL REFERENCES code_submissions (id),
    attempt     INTEGER NOT NULL,            -- counted over all runs of the submission
    run         BLOB    NOT NULL,
    worker      BLOB,
    worker_name TEXT,
    failed_at   INTEGER NOT NULL,
    why         TEXT    NOT NULL,
    PRIMARY KEY (submission, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_attempts_by_age ON failed_attempts (failed_at);

CREATE TABLE dead_letters (
    submission BLOB    NOT NULL PRIMARY KEY REFERENCES code_submissions (id),
    run        BLOB    NOT NULL,             -- the abandoned run
    died_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letters_by_age ON dead_letters (died_at, submission);
INSERT INTO dead_letters (submission, run, died_at)
    SELECT s.id, r.id, r.completed_at FROM runs r JOIN code_submissions s ON s.run = r.id
    WHERE r.state = 4 AND r.completed_at IS NOT NULL;
