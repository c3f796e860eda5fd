-- The public figures, leaderboards and progress exclude the submissions that a contest's freeze hides. Such submissions
-- are marked here. `withheld_results` has the result of all submissions of an affected user to a problem, shown to this
-- user only.

ALTER TABLE problem_submissions ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
CREATE INDEX problem_submissions_withheld ON problem_submissions (problem, owner) WHERE withheld = 1;

CREATE TABLE withheld_results (
    problem      BLOB    NOT NULL REFERENCES problems (id),
    user         BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    solved       INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    best         BLOB    NOT NULL,
    best_score   INTEGER,
    best_time_us INTEGER,
    solved_at    INTEGER,
    rank_score   INTEGER,
    rank_time    INTEGER NOT NULL,
    PRIMARY KEY (problem, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX withheld_results_of_user ON withheld_results ("user", problem);

-- Contests with an active freeze had only problems that were not public, so no user's progress changes.
UPDATE problem_submissions SET withheld = 1 WHERE EXISTS (
    SELECT 1 FROM contest_problems e JOIN contests c ON c.id = e.contest
    JOIN contest_participants x ON x.contest = c.id AND x."user" = problem_submissions.owner
    WHERE e.problem = problem_submissions.problem AND c.freeze_us IS NOT NULL AND c.unfrozen = 0
      AND problem_submissions.sent_at >= x.starts_at + c.length_us - c.freeze_us
      AND problem_submissions.sent_at < x.starts_at + c.length_us);
INSERT INTO withheld_results (problem, "user", solved, tries, best, best_score, best_time_us, solved_at, rank_score, rank_time)
    SELECT r.problem, r."user", r.solved, r.tries, r.best, r.best_score, r.best_time_us, r.solved_at, r.rank_score, r.rank_time
    FROM problem_results r
    WHERE EXISTS (SELECT 1 FROM problem_submissions t WHERE t.problem = r.problem AND t.owner = r."user" AND t.withheld = 1);
DELETE FROM problem_results
    WHERE EXISTS (SELECT 1 FROM withheld_results w WHERE w.problem = problem_results.problem AND w."user" = problem_results."user");
WITH tries AS (
    SELECT t.problem, t.owner, t.submission, t.solves, t.score * p.better AS score, t.cpu_time_us, t.sent_at, p.better
    FROM problem_submissions t JOIN problems p ON p.id = t.problem
    JOIN withheld_results w ON w.problem = t.problem AND w."user" = t.owner
    WHERE t.is_try = 1 AND t.withheld = 0),
sums AS (
    SELECT problem, owner, better, max(solves) AS solved, max(score) AS score,
           min(sent_at) FILTER (WHERE solves = 1) AS solved_at, min(cpu_time_us) FILTER (WHERE solves = 1) AS fastest
    FROM tries GROUP BY problem, owner, better)
INSERT INTO problem_results (problem, "user", solved, tries, best, best_score, best_time_us, solved_at, rank_score, rank_time)
    SELECT s.problem, s.owner, s.solved,
           (SELECT count(*) FROM tries t WHERE t.problem = s.problem AND t.owner = s.owner AND NOT EXISTS (
                SELECT 1 FROM tries b WHERE b.problem = t.problem AND b.owner = t.owner AND b.solves = 1 AND b.submission < t.submission)),
           (SELECT t.submission FROM tries t WHERE t.problem = s.problem AND t.owner = s.owner
            ORDER BY t.solves DESC NULLS LAST, t.score DESC NULLS LAST, t.cpu_time_us NULLS FIRST, t.submission LIMIT 1),
           s.score * s.better, s.fastest, s.solved_at,
           CASE WHEN s.score IS NULL THEN CASE WHEN s.solved = 1 THEN 0 END
                WHEN s.solved = 1 OR (s.better > 0 AND s.score > 0) THEN -s.score END,
           CASE WHEN s.solved = 1 THEN coalesce((s.fastest + 9999) / 10000 * 10000, 9223372036854775807) ELSE 9223372036854775807 END
    FROM sums s;
UPDATE problems SET
    submissions = (SELECT count(*) FROM problem_submissions t WHERE t.problem = problems.id AND t.is_try = 1 AND t.withheld = 0),
    accepted = (SELECT count(*) FROM problem_submissions t WHERE t.problem = problems.id AND t.solves = 1 AND t.withheld = 0),
    attempted_by = (SELECT count(*) FROM problem_results r WHERE r.problem = problems.id),
    solved_by = (SELECT count(*) FROM problem_results r WHERE r.problem = problems.id AND r.solved = 1)
    WHERE id IN (SELECT problem FROM problem_submissions WHERE withheld = 1);

-- Leaderboards rank by times that are rounded up to 10 ms, as they are shown.
UPDATE problem_results SET rank_time = (rank_time + 9999) / 10000 * 10000 WHERE rank_time < 9223372036854775807;
UPDATE withheld_results SET rank_time = (rank_time + 9999) / 10000 * 10000 WHERE rank_time < 9223372036854775807;
