-- A submission whose run was abandoned before it had a verdict is not pending in standings. 4 is the state of abandoned
-- runs.
UPDATE problem_submissions SET verdict = 'JE', is_try = 0, solves = 0
    WHERE verdict IS NULL AND EXISTS (SELECT 1 FROM code_submissions s JOIN runs r ON r.id = s.run
                                      WHERE s.id = problem_submissions.submission AND r.state = 4);

-- An account is deleted. The webhooks of its submissions are removed, and the database looks for questions that refer to
-- the user.
CREATE INDEX runs_with_webhook ON runs (owner) WHERE webhook IS NOT NULL;
CREATE INDEX clarifications_of_asker ON clarifications (asker);
