//! What verdicts make of standings: written in the transaction that records the verdict.
//!
//! Invariant: `problem_results` of a user and problem follows from `problem_submissions` alone and is computed anew whenever
//! one of those changes, so that a rejudge needs no rule of its own; `user_progress` follows from `problem_results` in the
//! same way. The figures of a problem are kept by differences.

use std::time::Duration;

use cupel_types::{Bytes, ContentHash, Grading, ProblemId, RunReport, Score, SubmissionId, UserId, Verdict, Work};

use super::commands::InsertRow;
use super::fault::Fault;
use super::{Lock, Row, Sql, bytes, values};
use crate::rows::{bad, hash_from, id_from, to_us};

/// What the end of a run changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// How its sender stands with the problem.
    Standing,
    /// What is known of the package.
    Verification,
}

impl Changes {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Changes::Standing => 1,
            Changes::Verification => 2,
        }
    }
}

/// What a run has to do with a problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) problem: ProblemId,
    pub(crate) package: ContentHash,
    pub(crate) changes: Option<Changes>,
}

impl About {
    pub(crate) fn of_work(work: &Work) -> Option<About> {
        let (of, changes) = match work {
            Work::Program(_) => return None,
            Work::Problem(solution) => {
                (solution.of, (solution.cases == cupel_types::Cases::All).then_some(Changes::Standing))
            }
            Work::Verify(of) => (*of, Some(Changes::Verification)),
        };
        Some(About { problem: of.problem, package: of.package, changes })
    }

    /// Three columns from `first`: problem, package, changes.
    pub(crate) fn of(row: Row<'_>, first: usize) -> Result<Option<About>, Fault> {
        let column = |at: usize| row.get::<Option<&[u8]>>(first + at);
        let (Some(problem), Some(package)) = (column(0)?, column(1)?) else { return Ok(None) };
        let changes = match row.get::<Option<i64>>(first + 2)? {
            None => None,
            Some(1) => Some(Changes::Standing),
            Some(2) => Some(Changes::Verification),
            Some(_) => return Err(bad("changes").into()),
        };
        let problem = ProblemId::from_uuid(id_from(problem, "problem")?);
        Ok(Some(About { problem, package: hash_from(package, "package")?, changes }))
    }
}

/// A result as far as standings need it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    verdict: Verdict,
    pub(crate) score: Option<i64>,
    /// Whether no better score is possible.
    is_full: bool,
    cpu_time_us: Option<i64>,
    memory: Option<i64>,
    /// Of a package's check: whether it is as it says.
    holds: Option<bool>,
}

impl Judged {
    /// `None` for a result that is not about a problem.
    pub(crate) fn of(report: &RunReport, cpu_time: Option<Duration>, memory: Option<Bytes>) -> Option<Judged> {
        let grading = report.grading.as_ref();
        if grading.is_none() && report.verification.is_none() {
            return None;
        }
        Some(Judged {
            verdict: report.verdict,
            score: grading.and_then(|grading| grading.score).map(Score::millionths),
            is_full: grading.is_none_or(is_full),
            cpu_time_us: cpu_time.and_then(|time| i64::try_from(time.as_micros()).ok()),
            memory: memory.and_then(|bytes| i64::try_from(bytes.get()).ok()),
            holds: report.verification.as_ref().map(|verification| verification.holds),
        })
    }

    /// Whether the tests judged it: everybody is free to send what does not compile, and our faults are nobody's try.
    fn is_try(&self) -> bool {
        use Verdict::{Cancelled, CompileError, CompileLimit, InternalError};
        !matches!(self.verdict, CompileError | CompileLimit | InternalError | Cancelled)
    }
}

fn is_full(grading: &Grading) -> bool {
    match (grading.score, grading.max_score) {
        (Some(score), Some(max)) => score >= max,
        (None, _) | (_, None) => true,
    }
}

/// A submission that will count was written.
pub(crate) fn sent(db: &dyn Sql, problem: ProblemId, row: &InsertRow, owner: UserId) -> Result<(), Fault> {
    let sql = "INSERT INTO problem_submissions (submission, problem, owner, language, sent_at) VALUES (?, ?, ?, ?, ?)";
    db.execute(
        sql,
        values![
            bytes(row.id.as_uuid()),
            bytes(problem.as_uuid()),
            bytes(owner.as_uuid()),
            row.language,
            to_us(row.submitted_at)
        ],
    )?;
    Ok(())
}

/// A run about a problem was judged.
pub(crate) fn judged(db: &dyn Sql, about: &About, submission: SubmissionId, judged: &Judged) -> Result<(), Fault> {
    match about.changes {
        None => Ok(()),
        Some(Changes::Verification) => {
            let sql = "UPDATE problem_versions SET verified = ? WHERE problem = ? AND package = ?";
            let holds = judged.holds.unwrap_or(false);
            let (problem, package) = (bytes(about.problem.as_uuid()), about.package.as_bytes());
            db.execute(sql, values![holds, problem, package])?;
            Ok(())
        }
        Some(Changes::Standing) => stand(db, about.problem, submission, judged),
    }
}

fn stand(db: &dyn Sql, problem: ProblemId, submission: SubmissionId, judged: &Judged) -> Result<(), Fault> {
    let (problem, submission) = (bytes(problem.as_uuid()), bytes(submission.as_uuid()));
    // Held, so that of two verdicts that come at once the later one sees what the earlier one has changed.
    db.lock(Lock::Problem, problem)?;
    let sql = "SELECT s.owner, s.verdict, s.is_try, s.solves, p.better, p.visibility = 2 \
               FROM problem_submissions s JOIN problems p ON p.id = s.problem WHERE s.submission = ?";
    let before = db.one(sql, values![submission], |row| {
        Ok((
            row.get::<Vec<u8>>(0)?,
            row.get::<Option<String>>(1)?,
            row.get::<Option<bool>>(2)?.unwrap_or(false),
            row.get::<Option<bool>>(3)?.unwrap_or(false),
            row.get::<i64>(4)?,
            row.get::<bool>(5)?,
        ))
    });
    let Some((owner, verdict, was_try, did_solve, better, is_public)) = before? else { return Ok(()) };
    // A fault of the package, or of ours, takes nothing from what was judged before.
    if judged.verdict == Verdict::InternalError && verdict.is_some() {
        return Ok(());
    }
    let (is_try, solves) = (judged.is_try(), judged.verdict.is_accepted() && (judged.is_full || better < 0));
    let sql = "UPDATE problem_submissions SET verdict = ?, is_try = ?, solves = ?, score = ?, cpu_time_us = ?, memory = ? \
               WHERE submission = ?";
    db.execute(
        sql,
        values![
            judged.verdict.code(),
            is_try,
            solves,
            judged.score.filter(|_| is_try),
            judged.cpu_time_us,
            judged.memory,
            submission
        ],
    )?;
    let was = result(db, problem, &owner)?;
    compute_result(db, problem, &owner, better)?;
    let is = result(db, problem, &owner)?;
    let sql = "UPDATE problems SET submissions = submissions + ?, accepted = accepted + ?, \
               attempted_by = attempted_by + ?, solved_by = solved_by + ? WHERE id = ?";
    let difference = |is: bool, was: bool| i64::from(is) - i64::from(was);
    db.execute(
        sql,
        values![
            difference(is_try, was_try),
            difference(solves, did_solve),
            difference(is.is_some(), was.is_some()),
            difference(is == Some(true), was == Some(true)),
            problem
        ],
    )?;
    if is_public && is != was {
        compute_progress(db, &owner)?;
    }
    Ok(())
}

/// Whether the user has solved it; `None`: not tried.
fn result(db: &dyn Sql, problem: &[u8], user: &[u8]) -> Result<Option<bool>, Fault> {
    let sql = "SELECT solved FROM problem_results WHERE problem = ? AND \"user\" = ?";
    db.one(sql, values![problem, user], |row| row.get(0))
}

/// A time beyond every real one, in microseconds: of those who have not solved it.
const NO_TIME: i64 = i64::MAX;

fn compute_result(db: &dyn Sql, problem: &[u8], user: &[u8], better: i64) -> Result<(), Fault> {
    let sql = "DELETE FROM problem_results WHERE problem = ? AND \"user\" = ?";
    db.execute(sql, values![problem, user])?;
    // The aggregates have one row also where there are no tries; `best` has none then.
    let sql = "WITH tries AS (SELECT submission, solves, score * ?3 AS score, cpu_time_us, sent_at FROM problem_submissions \
                              WHERE problem = ?1 AND owner = ?2 AND is_try = 1), \
               best AS (SELECT submission FROM tries \
                        ORDER BY solves DESC NULLS LAST, score DESC NULLS LAST, cpu_time_us NULLS FIRST, submission LIMIT 1), \
               earliest AS (SELECT submission FROM tries WHERE solves = 1 ORDER BY submission LIMIT 1), \
               sums AS (SELECT max(solves) AS solved, max(score) AS score, min(sent_at) FILTER (WHERE solves = 1) AS solved_at, \
                        min(cpu_time_us) FILTER (WHERE solves = 1) AS fastest FROM tries) \
               INSERT INTO problem_results (problem, \"user\", solved, tries, best, best_score, best_time_us, solved_at, rank_score, rank_time) \
               SELECT ?1, ?2, solved, (SELECT count(*) FROM tries LEFT JOIN earliest ON TRUE \
                                       WHERE earliest.submission IS NULL OR tries.submission <= earliest.submission), \
                      best.submission, score * ?3, fastest, solved_at, \
                      CASE WHEN score IS NULL THEN CASE WHEN solved = 1 THEN 0 END \
                           WHEN solved = 1 OR (?3 > 0 AND score > 0) THEN -score END, \
                      CASE WHEN solved = 1 THEN coalesce(fastest, ?4) ELSE ?4 END \
               FROM sums, best";
    db.execute(sql, values![problem, user, better, NO_TIME])?;
    Ok(())
}

/// Computes anew what a user has made of all public problems.
pub(crate) fn compute_progress(db: &dyn Sql, user: &[u8]) -> Result<(), Fault> {
    db.lock(Lock::User, user)?;
    let sql = "INSERT INTO user_progress (\"user\", easy, medium, hard, solved, attempted, last_solved_at) \
               SELECT ?1, count(*) FILTER (WHERE r.solved = 1 AND p.difficulty = 0), \
                      count(*) FILTER (WHERE r.solved = 1 AND p.difficulty = 1), \
                      count(*) FILTER (WHERE r.solved = 1 AND p.difficulty = 2), \
                      count(*) FILTER (WHERE r.solved = 1), count(*) FILTER (WHERE r.solved = 0), max(r.solved_at) \
               FROM problem_results r JOIN problems p ON p.id = r.problem WHERE r.\"user\" = ?1 AND p.visibility = 2 \
               ON CONFLICT (\"user\") DO UPDATE SET easy = excluded.easy, medium = excluded.medium, hard = excluded.hard, \
               solved = excluded.solved, attempted = excluded.attempted, last_solved_at = excluded.last_solved_at";
    db.execute(sql, values![user])?;
    Ok(())
}

/// The same of everybody who has tried a problem: it was shown, hidden, or is of another difficulty.
pub(crate) fn compute_progress_of_all(db: &dyn Sql, problem: &[u8]) -> Result<(), Fault> {
    let sql = "SELECT \"user\" FROM problem_results WHERE problem = ? ORDER BY \"user\"";
    let users = db.all(sql, values![problem], |row| row.get::<Vec<u8>>(0))?;
    users.iter().try_for_each(|user| compute_progress(db, user))
}
