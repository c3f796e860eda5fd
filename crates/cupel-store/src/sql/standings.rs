//! Effect of verdicts on standings, written in the transaction that records the verdict.
//!
//! Invariant: the row of a user and problem in `problem_results` is derived from `problem_submissions` alone and is
//! recomputed whenever one of those submissions changes, so a rejudge needs no special rule. `user_progress` is derived
//! from `problem_results` in the same way. The figures of a problem are updated by differences. All of these exclude
//! submissions that a freeze withholds (`freezes.rs`). `withheld_results` has the results that an affected user sees,
//! computed from all of the user's submissions.

use std::time::Duration;

use cupel_types::{
    Bytes, ContentHash, Grading, ProblemId, RunReport, Score, Start, SubmissionId, SubmissionKind, UserId, Verdict,
};

use super::commands::InsertRow;
use super::fault::SqlFault;
use super::freezes::{self, hidden_by_another, withholding};
use super::{Lock, Row, Sql, bytes, values};
use crate::rows::{bad, hash_from, id_from, to_us};

/// The result row of a user (`?2`) and problem (`?1`), computed from the submissions `t` that match the condition after
/// `AND`. `?3`: 1 if a higher score is better, -1 if a lower one is; `?4`: [`NO_TIME`].
macro_rules! result_of {
    ($($which:tt)*) => {
        // If a lower score is better, only accepted submissions have a best score: a rejected one may have 0 points.
        // Aggregates return one row even without counted submissions; `best` then returns none.
        concat!(
            "WITH tries AS (SELECT t.submission, t.solves, t.score * ?3 AS score, t.cpu_time_us, t.sent_at \
             FROM problem_submissions t WHERE t.problem = ?1 AND t.owner = ?2 AND t.is_try = 1 ",
            $($which)*,
            "), best AS (SELECT submission FROM tries \
             ORDER BY solves DESC NULLS LAST, score DESC NULLS LAST, cpu_time_us NULLS FIRST, submission LIMIT 1), \
             earliest AS (SELECT submission FROM tries WHERE solves = 1 ORDER BY submission LIMIT 1), \
             sums AS (SELECT max(solves) AS solved, max(score) FILTER (WHERE ?3 > 0 OR solves = 1) AS score, min(sent_at) FILTER (WHERE solves = 1) AS solved_at, \
             min(cpu_time_us) FILTER (WHERE solves = 1) AS fastest FROM tries) \
             SELECT ?1, ?2, solved, (SELECT count(*) FROM tries LEFT JOIN earliest ON TRUE \
             WHERE earliest.submission IS NULL OR tries.submission <= earliest.submission), \
             best.submission, score * ?3, fastest, solved_at, \
             CASE WHEN score IS NULL THEN CASE WHEN solved = 1 THEN 0 END \
             WHEN solved = 1 OR (?3 > 0 AND score > 0) THEN -score END, \
             CASE WHEN solved = 1 THEN coalesce((fastest + 9999) / 10000 * 10000, ?4) ELSE ?4 END \
             FROM sums, best"
        )
    };
}

/// Recomputes the row of a user and problem in one of the result tables, from the submissions that match `$which`.
macro_rules! compute_result {
    ($table:literal, $which:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (problem, \"user\", solved, tries, best, best_score, best_time_us, solved_at, rank_score, rank_time) ",
            result_of!($which)
        )
    };
}

/// The result row as seen from contest `?5`: without submissions that freezes of other contests hide. Its standing
/// starts at column [`FIRST_OF_STANDING`].
pub(super) const RESULT_SEEN_FROM_CONTEST: &str = result_of!(
    "AND NOT (t.withheld = 1 AND EXISTS (SELECT 1 FROM contest_problems p WHERE p.contest = ?5 AND p.problem = t.problem AND ",
    hidden_by_another!(),
    "))"
);

/// First column of the standing; the columns before it are the problem and the user.
pub(super) const FIRST_OF_STANDING: usize = 2;

/// The data that are updated at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// The user's standing in the problem.
    Standing,
    /// The verification state of the package.
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

/// The problem and version that a run is judged against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) problem: ProblemId,
    pub(crate) package: ContentHash,
    pub(crate) changes: Option<Changes>,
}

impl About {
    pub(crate) fn of_work(work: &SubmissionKind) -> Option<About> {
        let (of, changes) = match work {
            SubmissionKind::Program(_) => return None,
            SubmissionKind::Problem(solution) => {
                (solution.of, (solution.cases == cupel_types::Cases::All).then_some(Changes::Standing))
            }
            SubmissionKind::Verify(of) => (*of, Some(Changes::Verification)),
        };
        Some(About { problem: of.problem, package: of.package, changes })
    }

    /// Reads three columns from `first`: problem, package, changes.
    pub(crate) fn of(row: Row<'_>, first: usize) -> Result<Option<About>, SqlFault> {
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

/// The parts of a result that standings need.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    verdict: Verdict,
    pub(crate) score: Option<i64>,
    /// Whether the score is the best possible.
    is_full: bool,
    cpu_time_us: Option<i64>,
    memory: Option<i64>,
    /// For a package verification: whether the package passed.
    holds: Option<bool>,
    /// For a package verification: the derived time limit.
    time_limit_us: Option<i64>,
    /// Start mode of the program whose time determined the limit.
    limit_start: Option<&'static str>,
}

/// Whether a verification ran to its end. A cancelled verification, or one that failed because of Cupel, gives no
/// information about the package.
fn has_ended(verdict: Verdict) -> bool {
    verdict.is_result()
}

impl Judged {
    /// `None` for a result of a program without a problem.
    pub(crate) fn of(report: &RunReport, cpu_time: Option<Duration>, memory: Option<Bytes>) -> Option<Judged> {
        let grading = report.grading.as_ref();
        if grading.is_none() && report.verification.is_none() {
            return None;
        }
        let derived = derived(report);
        Some(Judged {
            verdict: report.verdict,
            score: grading.and_then(|grading| grading.score).map(Score::millionths),
            is_full: grading.is_none_or(is_full),
            cpu_time_us: cpu_time.and_then(|time| i64::try_from(time.as_micros()).ok()),
            memory: memory.and_then(|bytes| i64::try_from(bytes.get()).ok()),
            holds: report.verification.as_ref().map(|verification| verification.holds),
            time_limit_us: derived.and_then(|(time, _)| i64::try_from(time.as_micros()).ok()),
            limit_start: derived.and_then(|(_, start)| start).map(Start::name),
        })
    }

    /// Whether the result counts for standings. Compile errors, internal errors and cancellations do not count.
    fn is_try(&self) -> bool {
        self.verdict.is_result() && !self.verdict.is_not_built()
    }
}

/// The time limit derived by a completed verification, and the start mode of the measured program.
fn derived(report: &RunReport) -> Option<(Duration, Option<Start>)> {
    let ended = has_ended(report.verdict);
    let verification = report.verification.as_ref().filter(|verification| ended && verification.is_derived)?;
    Some((verification.time_limit?, verification.limit_start))
}

fn is_full(grading: &Grading) -> bool {
    match (grading.score, grading.max_score) {
        (Some(score), Some(max)) => score >= max,
        (None, _) | (_, None) => true,
    }
}

/// Records a new submission that counts for standings.
pub(crate) fn sent(db: &dyn Sql, problem: ProblemId, row: &InsertRow, owner: UserId) -> Result<(), SqlFault> {
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

/// Updates standings or verification state after a run was judged.
pub(crate) fn judged(db: &dyn Sql, about: &About, submission: SubmissionId, judged: &Judged) -> Result<(), SqlFault> {
    match about.changes {
        None => Ok(()),
        Some(Changes::Verification) if !has_ended(judged.verdict) => Ok(()),
        Some(Changes::Verification) => {
            let (problem, package) = (bytes(about.problem.as_uuid()), about.package.as_bytes());
            // Locked, so that the version is not published meanwhile.
            db.lock(Lock::Problem, problem)?;
            // Of several concurrent verifications, each may derive a limit. Once the version is verified or published
            // with a limit, the result of a verification with another limit does not count: see `derived_time_limit`.
            // The limit and its start mode describe the same measurement, so they change together.
            let sql = "UPDATE problem_versions SET verified = ?1, time_limit_us = coalesce(?2, time_limit_us), \
                       limit_start = CASE WHEN ?2 IS NULL THEN limit_start ELSE ?3 END \
                       WHERE problem = ?4 AND package = ?5 AND (coalesce(?2, time_limit_us) IS NOT DISTINCT FROM time_limit_us \
                       OR time_limit_us IS NULL OR (verified IS DISTINCT FROM 1 AND NOT EXISTS (SELECT 1 FROM problems p \
                       WHERE p.id = ?4 AND p.visibility <> 0 AND p.version = problem_versions.number)))";
            let holds = judged.holds.unwrap_or(false);
            let Judged { time_limit_us, limit_start, .. } = judged;
            db.execute(sql, values![holds, *time_limit_us, *limit_start, problem, package])?;
            Ok(())
        }
        Some(Changes::Standing) => stand(db, about.problem, submission, judged),
    }
}

/// Records that a submission was cancelled, or its run abandoned ([`Verdict::InternalError`]), before its first
/// verdict, so that standings do not show it as pending. A rejudge that ends so leaves the earlier verdict. Such
/// submissions count nowhere, so no figure changes.
pub(crate) fn ended_without_result(db: &dyn Sql, submission: &[u8], verdict: Verdict) -> Result<(), SqlFault> {
    let sql =
        "UPDATE problem_submissions SET verdict = ?, is_try = 0, solves = 0 WHERE submission = ? AND verdict IS NULL";
    db.execute(sql, values![verdict.code(), submission])?;
    Ok(())
}

/// Records that an abandoned submission is judged again, so that standings show it as pending again.
pub(crate) fn retried(db: &dyn Sql, submission: &[u8]) -> Result<(), SqlFault> {
    let sql = "UPDATE problem_submissions SET verdict = NULL, is_try = NULL, solves = NULL WHERE submission = ? AND verdict = ?";
    db.execute(sql, values![submission, Verdict::InternalError.code()])?;
    Ok(())
}

/// The CPU limit derived for the version that the run is judged against, and the start mode of the measured program.
/// `None` for a verification of a version that is neither verified nor published, because that verification derives the
/// limit again. The limit of a verified or published version does not change, because submissions were judged with it.
pub(crate) fn derived_time_limit(db: &dyn Sql, about: &About) -> Result<Option<(Duration, Option<Start>)>, SqlFault> {
    // Visibility 0 is that of a draft.
    let sql = "SELECT v.time_limit_us, v.limit_start FROM problem_versions v JOIN problems p ON p.id = v.problem \
               WHERE v.problem = ? AND v.package = ? \
               AND (v.verified = 1 OR ? = 0 OR (p.visibility <> 0 AND p.version = v.number))";
    let checks = i64::from(about.changes == Some(Changes::Verification));
    let (problem, package) = (bytes(about.problem.as_uuid()), about.package.as_bytes());
    let read = |row: Row<'_>| Ok((time_from(row, 0)?, start_from(row, 1)?));
    let found = db.one(sql, values![problem, package, checks], read)?;
    Ok(found.and_then(|(time, start)| Some((time?, start))))
}

/// Reads a column with the name of a start mode.
pub(crate) fn start_from(row: Row<'_>, column: usize) -> Result<Option<Start>, SqlFault> {
    let name: Option<String> = row.get(column)?;
    Ok(name.map(|name| Start::from_name(&name).ok_or(bad("limit_start"))).transpose()?)
}

/// Reads a column of microseconds.
pub(crate) fn time_from(row: Row<'_>, column: usize) -> Result<Option<Duration>, SqlFault> {
    let us: Option<i64> = row.get(column)?;
    Ok(us.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros))
}

fn stand(db: &dyn Sql, problem: ProblemId, submission: SubmissionId, judged: &Judged) -> Result<(), SqlFault> {
    let (problem, submission) = (bytes(problem.as_uuid()), bytes(submission.as_uuid()));
    // Locked, so that the later of two concurrent verdicts sees the changes of the earlier one.
    db.lock(Lock::Problem, problem)?;
    let sql = concat!(
        "SELECT s.owner, s.verdict, p.better, p.visibility = 2, CASE WHEN EXISTS (SELECT 1 ",
        withholding!(),
        "AND e.problem = s.problem AND x.\"user\" = s.owner) OR EXISTS (SELECT 1 FROM withheld_results w \
         WHERE w.problem = s.problem AND w.\"user\" = s.owner) THEN 1 ELSE 0 END \
         FROM problem_submissions s JOIN problems p ON p.id = s.problem WHERE s.submission = ?"
    );
    let before = db.one(sql, values![submission], |row| {
        let pair =
            Pair { problem: problem.to_vec(), user: row.get(0)?, better: row.get(2)?, may_withhold: row.get(4)? };
        Ok((pair, row.get::<Option<String>>(1)?, row.get::<bool>(3)?))
    });
    let Some((pair, verdict, is_public)) = before? else { return Ok(()) };
    // An internal error (of the package or of Cupel) does not replace an earlier verdict.
    if judged.verdict == Verdict::InternalError && verdict.is_some() {
        return Ok(());
    }
    let (is_try, solves) = (judged.is_try(), judged.verdict.is_accepted() && (judged.is_full || pair.better < 0));
    let changed = update(db, &pair, || {
        let sql = "UPDATE problem_submissions SET verdict = ?, is_try = ?, solves = ?, score = ?, cpu_time_us = ?, memory = ? \
                   WHERE submission = ?";
        db.put(
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
        )
    });
    if changed? && is_public {
        compute_progress(db, &pair.user)?;
    }
    Ok(())
}

/// A user and a problem; the problem's row is locked.
pub(super) struct Pair {
    pub(super) problem: Vec<u8>,
    pub(super) user: Vec<u8>,
    /// 1 if a higher score is better, -1 if a lower one is.
    pub(super) better: i64,
    /// Whether a freeze may withhold submissions of the user, or has withheld some.
    pub(super) may_withhold: bool,
}

/// Public figures of a user's submissions to a problem.
#[derive(PartialEq, Eq)]
struct Figures {
    submissions: i64,
    accepted: i64,
    /// Whether the user has solved the problem; `None` if they have not tried it.
    solved: Option<bool>,
}

impl Figures {
    fn read(db: &dyn Sql, pair: &Pair) -> Result<Figures, SqlFault> {
        let sql = "SELECT count(*) FILTER (WHERE is_try = 1), count(*) FILTER (WHERE solves = 1), \
                   (SELECT solved FROM problem_results WHERE problem = ?1 AND \"user\" = ?2) \
                   FROM problem_submissions WHERE problem = ?1 AND owner = ?2 AND withheld = 0";
        let read = db.one(sql, values![pair.problem, pair.user], |row| {
            Ok(Figures { submissions: row.get(0)?, accepted: row.get(1)?, solved: row.get(2)? })
        });
        Ok(read?.ok_or(bad("count"))?)
    }
}

/// Runs `change`, which changes a user's submissions to a problem or the freeze that withholds them, and updates
/// everything derived from them except the user's progress. Returns `true` if the public "tried" or "solved" state of
/// the user has changed.
pub(super) fn update(
    db: &dyn Sql,
    pair: &Pair,
    change: impl FnOnce() -> Result<(), SqlFault>,
) -> Result<bool, SqlFault> {
    let was = Figures::read(db, pair)?;
    change()?;
    let (problem, user) = (&pair.problem, &pair.user);
    let is_withheld = pair.may_withhold && freezes::withhold(db, pair)?;
    if pair.may_withhold {
        db.execute("DELETE FROM withheld_results WHERE problem = ? AND \"user\" = ?", values![problem, user])?;
    }
    if is_withheld {
        db.execute(compute_result!("withheld_results", ""), values![problem, user, pair.better, NO_TIME])?;
    }
    db.execute("DELETE FROM problem_results WHERE problem = ? AND \"user\" = ?", values![problem, user])?;
    let sql = compute_result!("problem_results", "AND withheld = 0");
    db.execute(sql, values![problem, user, pair.better, NO_TIME])?;
    let is = Figures::read(db, pair)?;
    if is != was {
        let sql = "UPDATE problems SET submissions = submissions + ?, accepted = accepted + ?, \
                   attempted_by = attempted_by + ?, solved_by = solved_by + ? WHERE id = ?";
        let difference = |is: bool, was: bool| i64::from(is) - i64::from(was);
        db.put(
            sql,
            values![
                is.submissions - was.submissions,
                is.accepted - was.accepted,
                difference(is.solved.is_some(), was.solved.is_some()),
                difference(is.solved == Some(true), was.solved == Some(true)),
                problem
            ],
        )?;
    }
    Ok(is.solved != was.solved)
}

/// Time in microseconds for users who have not solved the problem; larger than every real time.
pub(super) const NO_TIME: i64 = i64::MAX;

/// The results of a user (`?1`), including submissions that are withheld from others.
macro_rules! own_results {
    ($query:literal) => {
        concat!(
            "WITH all_results AS (\
             SELECT problem, solved, solved_at FROM withheld_results WHERE \"user\" = ?1 UNION ALL \
             SELECT r.problem, r.solved, r.solved_at FROM problem_results r WHERE r.\"user\" = ?1 AND NOT EXISTS \
             (SELECT 1 FROM withheld_results w WHERE w.problem = r.problem AND w.\"user\" = ?1)) ",
            $query
        )
    };
}

/// Query for a user's progress over all public problems, including submissions that are withheld from others.
pub(crate) const OWN_PROGRESS: &str = own_results!(
    "SELECT count(*) FILTER (WHERE r.solved = 1 AND p.difficulty = 0), count(*) FILTER (WHERE r.solved = 1 AND p.difficulty = 1), \
     count(*) FILTER (WHERE r.solved = 1 AND p.difficulty = 2), count(*) FILTER (WHERE r.solved = 1), \
     count(*) FILTER (WHERE r.solved = 0), max(r.solved_at) \
     FROM all_results r JOIN problems p ON p.id = r.problem WHERE p.visibility = 2"
);

/// Query for the days since a time (`?2`) on which a user solved new public problems.
pub(crate) const OWN_DAYS: &str = own_results!(
    "SELECT r.solved_at / 86400000000, count(*) FROM all_results r JOIN problems p ON p.id = r.problem \
     WHERE p.visibility = 2 AND r.solved = 1 AND r.solved_at >= ?2 GROUP BY 1 ORDER BY 1"
);

/// Query for a user's progress by tag, at most `?2` tags.
pub(crate) const OWN_TAGS: &str = own_results!(
    "SELECT g.tag, count(*) FILTER (WHERE r.solved = 1), count(*) FROM problem_tags g \
     JOIN problems p ON p.id = g.problem LEFT JOIN all_results r ON r.problem = p.id \
     WHERE p.visibility = 2 GROUP BY g.tag ORDER BY 2 DESC, 3 DESC, g.tag LIMIT ?2"
);

/// Writes the public progress of `$user`, computed from the results `r` and their problems `p`.
macro_rules! compute_progress {
    ($user:literal, $results:literal) => {
        concat!(
            "INSERT INTO user_progress (\"user\", easy, medium, hard, solved, attempted, last_solved_at) SELECT ",
            $user,
            ", count(*) FILTER (WHERE p.visibility = 2 AND r.solved = 1 AND p.difficulty = 0), \
             count(*) FILTER (WHERE p.visibility = 2 AND r.solved = 1 AND p.difficulty = 1), \
             count(*) FILTER (WHERE p.visibility = 2 AND r.solved = 1 AND p.difficulty = 2), \
             count(*) FILTER (WHERE p.visibility = 2 AND r.solved = 1), \
             count(*) FILTER (WHERE p.visibility = 2 AND r.solved = 0), \
             max(r.solved_at) FILTER (WHERE p.visibility = 2) ",
            $results,
            " ON CONFLICT (\"user\") DO UPDATE SET easy = excluded.easy, medium = excluded.medium, hard = excluded.hard, \
             solved = excluded.solved, attempted = excluded.attempted, last_solved_at = excluded.last_solved_at"
        )
    };
}

/// Recomputes a user's public progress over all public problems.
pub(crate) fn compute_progress(db: &dyn Sql, user: &[u8]) -> Result<(), SqlFault> {
    db.lock(Lock::User, user)?;
    // Without a `GROUP BY`, a user without results gets a row, too.
    let sql = compute_progress!(
        "?1",
        "FROM problem_results r JOIN problems p ON p.id = r.problem WHERE r.\"user\" = ?1 AND p.visibility = 2"
    );
    db.execute(sql, values![user])?;
    Ok(())
}

/// Recomputes the results of every user who has tried a problem, after it became better to have a lower score, or a
/// higher one.
pub(crate) fn compute_results_of_all(db: &dyn Sql, problem: &[u8], better: i64) -> Result<(), SqlFault> {
    let sql = "SELECT DISTINCT owner FROM problem_submissions WHERE problem = ? ORDER BY owner";
    for user in db.all(sql, values![problem], |row| row.get::<Vec<u8>>(0))? {
        update(db, &Pair { problem: problem.to_vec(), user, better, may_withhold: true }, || Ok(()))?;
    }
    Ok(())
}

/// Number of users whose progress one statement recomputes. It bounds the statement's time, which PostgreSQL limits.
const USERS_AT_ONCE: u32 = 1000;

/// Recomputes the progress of every user who has tried a problem, after its visibility or difficulty changed. The
/// caller has locked the problem's row, so no user is added meanwhile.
///
/// A problem may have very many solvers, and until this ends, the problem accepts no verdict, and SQLite no write at
/// all. So the number of statements does not depend on the number of users, except for the division into steps.
pub(crate) fn compute_progress_of_all(db: &dyn Sql, problem: &[u8]) -> Result<(), SqlFault> {
    // Locked in the order of their ids, as everywhere.
    let next = "SELECT id FROM users WHERE id IN (SELECT \"user\" FROM problem_results WHERE problem = ? AND \"user\" > ? \
                ORDER BY \"user\" LIMIT ?) ORDER BY id /*pg FOR NO KEY UPDATE */";
    let compute = compute_progress!(
        "r.\"user\"",
        "FROM problem_results s JOIN problem_results r ON r.\"user\" = s.\"user\" JOIN problems p ON p.id = r.problem \
         WHERE s.problem = ? AND s.\"user\" > ? AND s.\"user\" <= ? GROUP BY r.\"user\""
    );
    let mut after = uuid::Uuid::nil().into_bytes().to_vec();
    loop {
        let users = db.all(next, values![problem, after, USERS_AT_ONCE], |row| row.get::<Vec<u8>>(0))?;
        let Some(last) = users.last() else { return Ok(()) };
        db.execute(compute, values![problem, after, last])?;
        if users.len() < USERS_AT_ONCE as usize {
            return Ok(());
        }
        after.clone_from(last);
    }
}

#[cfg(test)]
mod tests {
    use cupel_core::problems::{NewProblem, NewVersion, ProblemChange, ProblemStore as _};
    use cupel_problem::Visibility;
    use cupel_testkit::{fresh, t0};

    use super::*;
    use crate::sql::{SqlStore, Write};

    struct Execute(&'static str, Vec<u8>, u32);

    impl Write for Execute {
        type Output = ();
        const OPERATION: &'static str = "execute a statement";
        const DURABLE: bool = false;

        fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
            let Execute(sql, id, number) = self;
            db.execute(sql, values![id, *number]).map(drop)
        }
    }

    /// A store with a public problem that this number of users have solved.
    async fn solved_by(users: u32) -> (tempfile::TempDir, SqlStore, ProblemId) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.unwrap();
        let version = NewVersion {
            package: ContentHash::from_bytes([1; 32]),
            format: "cupel".into(),
            title: "Echo".into(),
            difficulty: None,
            tags: Vec::new(),
            lower_is_better: false,
            by: None,
            at: t0(),
            bytes: Bytes::kib(1),
            is_verified: None,
            shipped: None,
        };
        let id = ProblemId::from_uuid(fresh());
        let slug = "echo".parse().unwrap();
        let new = NewProblem { id, slug, owner: None, visibility: Visibility::Public, version };
        store.insert_problem(new).await.unwrap().unwrap();
        let problem = id.as_uuid().as_bytes().to_vec();
        for sql in [
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
             INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, tier, webhook_secret, created_at) \
             SELECT CAST(printf('%016d', i) AS BLOB), 'u' || i, 'u' || i, 'u' || i, 'u' || i, '!', 'user', 'basic', zeroblob(32), 0 \
             FROM n WHERE ?1 IS NOT NULL",
            "INSERT INTO problem_results (problem, \"user\", solved, tries, best, rank_time) \
             SELECT ?1, id, 1, 1, id, 0 FROM users WHERE ?2 > 0",
        ] {
            store.write(Execute(sql, problem.clone(), users)).await.unwrap();
        }
        (folder, store, id)
    }

    /// The sum of the solved problems of all users.
    async fn progress(store: &SqlStore) -> u64 {
        let read = store.read("count", |db| db.count("SELECT coalesce(sum(solved), 0) FROM user_progress", values![]));
        read.await.unwrap()
    }

    async fn show(store: &SqlStore, problem: ProblemId, visibility: Visibility) {
        let change = ProblemChange { visibility: Some(visibility), ..ProblemChange::default() };
        assert!(store.change_problem(problem, change, t0()).await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn the_progress_of_all_solvers_follows_the_visibility_in_every_step() {
        let users = 2 * USERS_AT_ONCE + 1;
        let (_folder, store, problem) = solved_by(users).await;
        for (visibility, solved) in
            [(Visibility::Private, 0), (Visibility::Public, users.into()), (Visibility::Draft, 0)]
        {
            show(&store, problem, visibility).await;
            assert_eq!(progress(&store).await, solved, "{visibility:?}");
        }
    }

    #[tokio::test]
    async fn progress_is_recomputed_only_if_a_problem_becomes_public_or_ceases_to_be() {
        let (_folder, store, problem) = solved_by(1).await;
        let mark = "INSERT INTO user_progress (\"user\", easy, medium, hard, solved, attempted) SELECT id, 0, 0, 0, 77, 0 \
                    FROM users WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL";
        store.write(Execute(mark, Vec::new(), 0)).await.unwrap();
        show(&store, problem, Visibility::Public).await;
        assert_eq!(progress(&store).await, 77);
        show(&store, problem, Visibility::Private).await;
        assert_eq!(progress(&store).await, 0);
    }
}
