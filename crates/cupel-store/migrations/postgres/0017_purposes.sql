-- What a run's submission was sent for: NULL execution, 1 submission, 2 trial on the samples, 3 trial on an input of the sender's, 4 verification.
-- It stands here and not with the submission, where a list would have to pass over large data to reach it.

ALTER TABLE runs ADD COLUMN purpose BIGINT;
UPDATE runs SET purpose = CASE WHEN changes = 1 THEN 1 WHEN changes = 2 THEN 4
    WHEN (SELECT s.spec FROM code_submissions s WHERE s.id = runs.submission) LIKE '%"cases":{"input"%' THEN 3 ELSE 2 END
    WHERE problem IS NOT NULL;

-- What users look for in their history, newest first.
CREATE INDEX code_submissions_by_language ON code_submissions (owner, language, id);
CREATE INDEX runs_of_owner_by_problem ON runs (owner, problem, submission) WHERE problem IS NOT NULL;
CREATE INDEX runs_of_owner_by_verdict ON runs (owner, verdict, submission) WHERE verdict IS NOT NULL;
CREATE INDEX runs_of_owner_by_purpose ON runs (owner, purpose, submission) WHERE purpose IS NOT NULL;
CREATE INDEX runs_of_owner_given_up ON runs (owner, state, submission) WHERE state > 2;
