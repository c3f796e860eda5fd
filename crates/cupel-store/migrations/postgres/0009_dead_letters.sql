-- Attempts that ended in a failure of Cupel, and submissions whose run was abandoned after the last of them.

CREATE TABLE failed_attempts (
    submission UUID NOT NULL REFERENCES code_submissions (id),
    attempt BIGINT NOT NULL, -- counted over all runs of the submission
    run UUID NOT NULL,
    worker UUID,
    worker_name TEXT COLLATE "C",
    failed_at BIGINT NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (submission, attempt)
);
CREATE INDEX failed_attempts_by_age ON failed_attempts (failed_at);

CREATE TABLE dead_letters (
    submission UUID NOT NULL PRIMARY KEY REFERENCES code_submissions (id),
    run UUID NOT NULL, -- the abandoned run
    died_at BIGINT NOT NULL
);
CREATE INDEX dead_letters_by_age ON dead_letters (died_at, submission);
INSERT INTO dead_letters (submission, run, died_at)
    SELECT s.id, r.id, r.completed_at FROM runs r JOIN code_submissions s ON s.run = r.id
    WHERE r.state = 4 AND r.completed_at IS NOT NULL;
