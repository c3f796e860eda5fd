-- Purpose of a run's submission: NULL execution, 1 submission, 2 trial on the samples, 3 trial on the sender's input, 4
-- verification. The column is in `runs`, because in `code_submissions` a list would have to skip large data to reach
-- it.

ALTER TABLE runs ADD COLUMN purpose INTEGER;
UPDATE runs SET purpose = CASE WHEN changes = 1 THEN 1 WHEN changes = 2 THEN 4
    WHEN (SELECT s.spec FROM code_submissions s WHERE s.id = runs.submission) LIKE '%"cases":{"input"%' THEN 3 ELSE 2 END
    WHERE problem IS NOT NULL;

-- Filters of a user's history, newest first.
CREATE INDEX code_submissions_by_language ON code_submissions (owner, language, id);
CREATE INDEX runs_of_owner_by_problem ON runs (owner, problem, submission) WHERE problem IS NOT NULL;
CREATE INDEX runs_of_owner_by_verdict ON runs (owner, verdict, submission) WHERE verdict IS NOT NULL;
CREATE INDEX runs_of_owner_by_purpose ON runs (owner, purpose, submission) WHERE purpose IS NOT NULL;
CREATE INDEX runs_of_owner_given_up ON runs (owner, state, submission) WHERE state > 2;
