//! Contest freezes: the submissions that the figures, leaderboards and progress of other users do not include.
//!
//! [`FreezeWindow`] (core) defines which submissions a freeze hides. The SQL conditions below repeat its rule, and the
//! column `withheld` of `problem_submissions` stores the result. The column is recomputed, together with everything
//! derived from it (`standings.rs`), when a verdict of the user and problem is recorded, when a user joins a contest
//! with a freeze, and when a change of a contest moves or lifts its freeze or replaces its problems. All of these
//! operations lock the problem's row, so a verdict and a concurrent end of a freeze are applied in sequence.

use std::collections::BTreeSet;

use cupel_core::contests::FreezeWindow;

use super::contests::span_from_us;
use super::fault::SqlFault;
use super::standings::{Pair, compute_progress, update};
use super::{Lock, Row, Sql, values};
use crate::rows::from_us;

/// Contests `c` with a freeze that is not lifted, their problems `e` and their participants `x`.
macro_rules! withholding {
    () => {
        "FROM contest_problems e JOIN contests c ON c.id = e.contest JOIN contest_participants x ON x.contest = c.id \
         WHERE c.freeze_us IS NOT NULL AND c.unfrozen = 0 "
    };
}
pub(crate) use withholding;

/// Whether the submission `t` falls into the freeze of a contest in which the bound user takes part.
macro_rules! hidden_from {
    () => {
        concat!(
            "EXISTS (SELECT 1 ",
            $crate::sql::freezes::withholding!(),
            "AND e.problem = t.problem AND x.\"user\" = t.owner \
             AND t.sent_at >= x.starts_at + c.length_us - c.freeze_us AND t.sent_at < x.starts_at + c.length_us \
             AND EXISTS (SELECT 1 FROM contest_participants o WHERE o.contest = c.id AND o.\"user\" = ?))"
        )
    };
}
pub(crate) use hidden_from;

/// Whether the submission `t` falls into the freeze of a contest other than `p.contest`.
macro_rules! hidden_by_another {
    () => {
        "EXISTS (SELECT 1 FROM contest_problems e JOIN contests f ON f.id = e.contest \
         JOIN contest_participants o ON o.contest = f.id AND o.\"user\" = t.owner \
         WHERE e.problem = t.problem AND f.id <> p.contest AND f.freeze_us IS NOT NULL AND f.unfrozen = 0 \
         AND t.sent_at >= o.starts_at + f.length_us - f.freeze_us AND t.sent_at < o.starts_at + f.length_us)"
    };
}
pub(crate) use hidden_by_another;

/// Reads three columns: the participant's start, the contest's length and its freeze.
pub(crate) fn window_of(row: Row<'_>) -> Result<FreezeWindow, SqlFault> {
    let starts_at = from_us(row.get(0)?, "starts_at")?;
    Ok(FreezeWindow::of(starts_at, span_from_us(row.get(1)?, "length_us")?, span_from_us(row.get(2)?, "freeze_us")?))
}

/// Recomputes which submissions of a user to a problem are withheld. Returns `true` if any is.
pub(super) fn withhold(db: &dyn Sql, pair: &Pair) -> Result<bool, SqlFault> {
    let sql = concat!(
        "SELECT x.starts_at, c.length_us, c.freeze_us ",
        withholding!(),
        "AND e.problem = ? AND x.\"user\" = ?"
    );
    let windows = db.all(sql, values![pair.problem, pair.user], window_of)?;
    let sql = "SELECT submission, sent_at, withheld FROM problem_submissions WHERE problem = ? AND owner = ?";
    let mut is_any = false;
    let mut wrong: Vec<(Vec<u8>, bool)> = Vec::new();
    db.each(sql, values![pair.problem, pair.user], &mut |row| {
        let sent_at = from_us(row.get(1)?, "sent_at")?;
        let hides = windows.iter().any(|window| window.hides(sent_at));
        is_any |= hides;
        if row.get::<bool>(2)? != hides {
            wrong.push((row.get(0)?, hides));
        }
        Ok(())
    })?;
    for (submission, hides) in wrong {
        db.put("UPDATE problem_submissions SET withheld = ? WHERE submission = ?", values![hides, submission])?;
    }
    Ok(is_any)
}

/// Applies `change` to a contest, and recomputes which submissions its freeze withholds, for one user or for all
/// participants. `also`: problems that the change adds to the contest.
pub(super) fn changing<T>(
    db: &dyn Sql,
    contest: &[u8],
    user: Option<&[u8]>,
    also: impl IntoIterator<Item = Vec<u8>>,
    change: impl FnOnce() -> Result<T, SqlFault>,
) -> Result<T, SqlFault> {
    let sql = "SELECT problem FROM contest_problems WHERE contest = ?";
    let problems_of_contest = || db.all(sql, values![contest], |row| row.get::<Vec<u8>>(0));
    let mut locked: BTreeSet<Vec<u8>> = also.into_iter().collect();
    locked.extend(problems_of_contest()?);
    for problem in &locked {
        db.lock(Lock::Problem, problem)?;
    }
    db.lock(Lock::Contest, contest)?;
    // Problems are locked before the contest, as everywhere. Another transaction may have replaced them before that.
    if problems_of_contest()?.iter().any(|problem| !locked.contains(problem)) {
        return Err(SqlFault::Superseded);
    }
    let mut pairs = pairs_of(db, contest, user)?;
    let changed = change()?;
    pairs.extend(pairs_of(db, contest, user)?);
    let mut moved = BTreeSet::new();
    for (problem, user) in pairs {
        let sql = "SELECT better, visibility = 2 FROM problems WHERE id = ?";
        let of = db.one(sql, values![problem], |row| Ok((row.get::<i64>(0)?, row.get::<bool>(1)?)))?;
        let Some((better, is_public)) = of else { continue };
        let pair = Pair { problem, user, better, may_withhold: true };
        if update(db, &pair, || Ok(()))? && is_public {
            moved.insert(pair.user);
        }
    }
    moved.iter().try_for_each(|user| compute_progress(db, user))?;
    Ok(changed)
}

/// Ids of a problem and a user.
type ProblemAndUser = (Vec<u8>, Vec<u8>);

/// Problems and users with submissions that the contest's freeze hides, or that are marked as withheld.
fn pairs_of(db: &dyn Sql, contest: &[u8], user: Option<&[u8]>) -> Result<BTreeSet<ProblemAndUser>, SqlFault> {
    macro_rules! pairs {
        () => {
            "SELECT DISTINCT t.problem, t.owner FROM contests c JOIN contest_problems e ON e.contest = c.id \
             JOIN contest_participants x ON x.contest = c.id \
             JOIN problem_submissions t ON t.problem = e.problem AND t.owner = x.\"user\" \
             WHERE c.id = ? AND (t.withheld = 1 OR (c.freeze_us IS NOT NULL AND c.unfrozen = 0 \
             AND t.sent_at >= x.starts_at + c.length_us - c.freeze_us AND t.sent_at < x.starts_at + c.length_us))"
        };
    }
    let of = |row: Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let pairs = match user {
        None => db.all(pairs!(), values![contest], of)?,
        Some(user) => db.all(concat!(pairs!(), " AND x.\"user\" = ?"), values![contest, user], of)?,
    };
    Ok(pairs.into_iter().collect())
}
