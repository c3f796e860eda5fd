-- If a lower score is better, only accepted submissions have a best score. Until now, a rejected submission with 0 points
-- was the best.
UPDATE problem_results SET
    best_score = (SELECT min(t.score) FROM problem_submissions t WHERE t.problem = problem_results.problem
                  AND t.owner = problem_results."user" AND t.is_try = 1 AND t.solves = 1 AND t.withheld = 0)
    WHERE problem IN (SELECT id FROM problems WHERE better < 0);
UPDATE problem_results SET rank_score = CASE WHEN solved = 1 THEN coalesce(best_score, 0) END
    WHERE problem IN (SELECT id FROM problems WHERE better < 0);
UPDATE withheld_results SET
    best_score = (SELECT min(t.score) FROM problem_submissions t WHERE t.problem = withheld_results.problem
                  AND t.owner = withheld_results."user" AND t.is_try = 1 AND t.solves = 1)
    WHERE problem IN (SELECT id FROM problems WHERE better < 0);
UPDATE withheld_results SET rank_score = CASE WHEN solved = 1 THEN coalesce(best_score, 0) END
    WHERE problem IN (SELECT id FROM problems WHERE better < 0);

-- A submission that was cancelled before it had a verdict is not pending in standings. 3 is the state of cancelled runs.
UPDATE problem_submissions SET verdict = 'CANCELLED', is_try = 0, solves = 0
    WHERE verdict IS NULL AND EXISTS (SELECT 1 FROM code_submissions s JOIN runs r ON r.id = s.run
                                      WHERE s.id = problem_submissions.submission AND r.state = 3);
