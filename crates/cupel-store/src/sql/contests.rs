//! `ContestStore`: queries, and methods that send commands.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::contests::{
    Attempt, AttemptFilter, AttemptResult, Clarification, Contest, ContestChange, ContestFilter, ContestProblem,
    DeletedContest, FreezeWindow, JoinCode, NewClarification, NewContest, Participant, ParticipantProgress,
    Participation, Phase, RefusedContest, Style,
};
use cupel_core::run::SubmissionSummary;
use cupel_core::{ContestStore, StoreError};
use cupel_problem::Slug;
use cupel_types::{ClarificationId, ContestId, ProblemId, Score, SubmissionId, UserId};
use jiff::Timestamp;

use super::fault::SqlFault;
use super::freezes::{hidden_by_another, window_of, withholding};
use super::problems::{blob_of, own_standing_columns, page_of, standing_of};
use super::runs::{summary, summary_of};
use super::standings::{FIRST_OF_STANDING, NO_TIME, RESULT_SEEN_FROM_CONTEST};
use super::{Lock, Row, Sql, SqlStore, Value, Write, bytes, values};
use crate::rows::{bad, from_us, id_from, score_from, to_us, us_of};

mod write;

use write::{Answer, Ask, ChangeContest, DeleteContest, InsertContest, TakePart, Withdraw};

/// Columns of a contest `c`, in the order of [`contest_of`].
macro_rules! contest_columns {
    () => {
        "c.id, c.slug, c.title, c.description, c.owner, c.style, c.penalty_us, c.starts_at, c.length_us, c.freeze_us, \
         c.unfrozen, c.public, c.join_code"
    };
}

/// Columns of a participant `x` and the participant's user `u`, in the order of [`participant_of`].
macro_rules! participants {
    () => {
        "SELECT x.\"user\", u.username, x.participation, x.starts_at FROM contest_participants x JOIN users u ON u.id = x.\"user\" "
    };
}

/// The attempts of contests: contests `c`, participants `x`, contest problems `p` and submissions `t`.
macro_rules! attempts {
    () => {
        "FROM contests c JOIN contest_participants x ON x.contest = c.id JOIN contest_problems p ON p.contest = c.id \
         JOIN problem_submissions t ON t.problem = p.problem AND t.owner = x.\"user\" \
         AND t.sent_at >= x.starts_at AND t.sent_at < x.starts_at + c.length_us "
    };
}

/// Whether the freeze of another contest hides the attempt.
macro_rules! is_hidden {
    () => {
        concat!("t.withheld = 1 AND ", hidden_by_another!())
    };
}

/// The contest `c` of a contest problem `p`, if the contest's owner may change the problem. Only such a contest shows
/// the problem or restricts it.
macro_rules! own_problem {
    () => {
        "JOIN contests c ON c.id = p.contest JOIN problems q ON q.id = p.problem WHERE (q.owner = c.owner \
         OR EXISTS (SELECT 1 FROM problem_members m WHERE m.problem = q.id AND m.\"user\" = c.owner AND m.part = 'author') \
         OR EXISTS (SELECT 1 FROM users u WHERE u.id = c.owner AND u.role = 'admin')) "
    };
}

#[async_trait]
impl ContestStore for SqlStore {
    async fn insert_contest(
        &self,
        new: NewContest,
        open_max: u64,
        now: Timestamp,
    ) -> Result<Result<(), RefusedContest>, StoreError> {
        self.write(InsertContest { new, open_max, now }).await
    }

    async fn contest(&self, slug: &Slug) -> Result<Option<Contest>, StoreError> {
        let slug = slug.clone();
        let read = self.read("read a contest", move |db| {
            let sql = concat!("SELECT ", contest_columns!(), " FROM contests c WHERE c.slug = ?");
            let Some(mut contest) = db.one(sql, values![slug.as_str()], contest_of)? else { return Ok(None) };
            contest.problems = problems_of(db, contest.id)?;
            Ok(Some(contest))
        });
        read.await
    }

    async fn contests(
        &self,
        filter: ContestFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Contest>, u64), StoreError> {
        let read = self.read("list contests", move |db| {
            let (sql, values) = conditions(&filter);
            if let Some(text) = &filter.text {
                return found(db, text, &sql, &values, offset, limit);
            }
            let count = format!("SELECT count(*) FROM contests c WHERE {sql}");
            let total = db.count(&count, &values)?;
            let page = format!(
                "SELECT {} FROM contests c WHERE {sql} ORDER BY c.starts_at DESC, c.id DESC LIMIT ? OFFSET ?",
                contest_columns!()
            );
            let values: Vec<Value<'_>> = values.into_iter().chain(page_of(offset, limit).map(Value::Int)).collect();
            let mut contests = db.all(&page, &values, contest_of)?;
            for contest in &mut contests {
                contest.problems = problems_of(db, contest.id)?;
            }
            Ok((contests, total))
        });
        read.await
    }

    async fn change_contest(&self, contest: ContestId, change: ContestChange) -> Result<bool, StoreError> {
        self.write(ChangeContest { contest, change }).await
    }

    async fn delete_contest(&self, contest: ContestId, now: Timestamp) -> Result<DeletedContest, StoreError> {
        self.write(DeleteContest { contest, now }).await
    }

    async fn take_part(
        &self,
        contest: ContestId,
        user: UserId,
        virtual_start: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.write(TakePart { contest, user, virtual_start }).await
    }

    async fn withdraw(&self, contest: ContestId, user: UserId) -> Result<bool, StoreError> {
        self.write(Withdraw { contest, user }).await
    }

    async fn participant(&self, contest: ContestId, user: UserId) -> Result<Option<Participant>, StoreError> {
        let read = self.read("read a participant", move |db| {
            db.one(
                concat!(participants!(), "WHERE x.contest = ? AND x.\"user\" = ?"),
                values![bytes(contest.as_uuid()), bytes(user.as_uuid())],
                participant_of,
            )
        });
        read.await
    }

    async fn participants(&self, contest: ContestId) -> Result<Vec<Participant>, StoreError> {
        let read = self.read("list participants", move |db| {
            db.all(
                concat!(participants!(), "WHERE x.contest = ? ORDER BY x.number"),
                values![bytes(contest.as_uuid())],
                participant_of,
            )
        });
        read.await
    }

    async fn attempts(&self, contest: ContestId) -> Result<Vec<Attempt>, StoreError> {
        let read = self.read("read the attempts of a contest", move |db| {
            let sql = concat!(
                // Scores cannot be added up if a lower one is better. Such a problem counts like one without scores.
                "SELECT t.owner, p.place, t.sent_at - x.starts_at, t.is_try, t.solves, CASE WHEN b.better > 0 THEN t.score END, \
                 CASE WHEN ",
                is_hidden!(),
                " THEN 1 ELSE 0 END ",
                attempts!(),
                "JOIN problems b ON b.id = p.problem WHERE c.id = ? ORDER BY t.sent_at, t.submission"
            );
            db.all(sql, values![bytes(contest.as_uuid())], attempt_of)
        });
        read.await
    }

    async fn contest_submissions(
        &self,
        filter: AttemptFilter,
        before: Option<SubmissionId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        let read = self.read("list the submissions of a contest", move |db| {
            let AttemptFilter { contest, username, place, verdict, shows_hidden } = &filter;
            let mut sql = concat!(attempts!(), "JOIN users w ON w.id = x.\"user\" WHERE c.id = ?").to_owned();
            let mut values = vec![blob_of(contest.as_uuid())];
            let mut and = |condition: &str, value: Option<Value<'static>>| {
                if let Some(value) = value {
                    sql.push_str(condition);
                    values.push(value);
                }
            };
            let name = username.as_ref().map(|name| Value::Text(Cow::Owned(name.to_lowercase())));
            and(" AND w.username_key = ?", name);
            and(" AND p.place = ?", place.map(|place| Value::Int(i64::try_from(place).unwrap_or(i64::MAX))));
            and(" AND t.verdict = ?", verdict.map(|verdict| Value::Text(Cow::Borrowed(verdict.code()))));
            and(" AND t.submission < ?", before.map(|before| blob_of(before.as_uuid()).into_owned()));
            if !shows_hidden {
                sql.push_str(concat!(" AND NOT (", is_hidden!(), ")"));
            }
            let total = db.count(&format!("SELECT count(*) {sql}"), &values)?;
            values.extend(page_of(offset, limit).map(Value::Int));
            let page = format!(
                "{}WHERE s.id IN (SELECT t.submission {sql} ORDER BY t.submission DESC LIMIT ? OFFSET ?) ORDER BY s.id DESC",
                summary!()
            );
            Ok((db.all(&page, &values, summary_of)?, total))
        });
        read.await
    }

    async fn is_organized_attempt(&self, submission: SubmissionId, owner: UserId) -> Result<bool, StoreError> {
        let read = self.read("find the contest of a submission", move |db| {
            let sql = concat!(
                "SELECT 1 ",
                attempts!(),
                "WHERE t.submission = ? AND c.owner = ? AND NOT (",
                is_hidden!(),
                ") LIMIT 1"
            );
            db.exists(sql, values![bytes(submission.as_uuid()), bytes(owner.as_uuid())])
        });
        read.await
    }

    async fn progress_in(
        &self,
        contest: ContestId,
        sees_all: bool,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ParticipantProgress>, u64), StoreError> {
        let read = self.read("read the progress of participants", move |db| {
            let id = bytes(contest.as_uuid());
            let total = db.count("SELECT count(*) FROM contest_participants WHERE contest = ?", values![id])?;
            let problems = problems_of(db, contest)?.len();
            let [limit, skip] = page_of(offset, limit);
            let page = db.all(
                concat!(participants!(), "WHERE x.contest = ? ORDER BY x.number LIMIT ? OFFSET ?"),
                values![id, limit, skip],
                participant_of,
            )?;
            let mut all: Vec<ParticipantProgress> = Vec::with_capacity(page.len());
            for participant in page {
                let sql = concat!(
                    "SELECT ",
                    own_standing_columns!(),
                    ", e.place, e.problem, p.better, w.problem IS NOT NULL FROM contest_problems e JOIN problems p ON p.id = e.problem \
                     LEFT JOIN problem_results r ON r.problem = e.problem AND r.\"user\" = ?2 \
                     LEFT JOIN withheld_results w ON w.problem = e.problem AND w.\"user\" = ?2 WHERE e.contest = ?1"
                );
                let user = bytes(participant.user.as_uuid());
                let mut standings = vec![None; problems];
                let mut withheld = Vec::new();
                db.each(sql, values![id, user], &mut |row| {
                    let place = usize::try_from(row.get::<i64>(6)?).map_err(|_| bad("place"))?;
                    if let Some(of_place) = standings.get_mut(place) {
                        *of_place = standing_of(row, 0)?;
                    }
                    if row.get::<bool>(9)? && !sees_all {
                        withheld.push((place, row.get::<Vec<u8>>(7)?, row.get::<i64>(8)?));
                    }
                    Ok(())
                })?;
                for (place, problem, better) in withheld {
                    let Some(of_place) = standings.get_mut(place) else { continue };
                    let values = values![problem, user, better, NO_TIME, id];
                    let standing = db.one(RESULT_SEEN_FROM_CONTEST, values, |row| standing_of(row, FIRST_OF_STANDING));
                    *of_place = standing?.flatten();
                }
                all.push(ParticipantProgress { participant, standings });
            }
            Ok((all, total))
        });
        read.await
    }

    async fn is_opened_by_contest(&self, problem: ProblemId, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        let read = self.read("find out whether a contest opens a problem", move |db| {
            let sql = concat!(
                "SELECT 1 FROM contest_problems p JOIN contest_participants x ON x.contest = p.contest ",
                own_problem!(),
                "AND p.problem = ? AND x.\"user\" = ? AND x.starts_at <= ?"
            );
            db.exists(sql, values![bytes(problem.as_uuid()), bytes(user.as_uuid()), to_us(now)])
        });
        read.await
    }

    async fn is_taking_part_with(&self, problem: ProblemId, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        let read = self.read("find out whether a user takes part with a problem", move |db| {
            let sql = "SELECT 1 FROM contest_problems e JOIN contests c ON c.id = e.contest \
                       JOIN contest_participants x ON x.contest = c.id \
                       WHERE e.problem = ? AND x.\"user\" = ? AND x.starts_at <= ? AND x.starts_at + c.length_us > ?";
            db.exists(sql, values![bytes(problem.as_uuid()), bytes(user.as_uuid()), to_us(now), to_us(now)])
        });
        read.await
    }

    async fn is_in_running_contest(
        &self,
        problem: ProblemId,
        sent_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let read = self.read("find out whether a running contest has a problem", move |db| {
            let sql = "SELECT 1 FROM contest_problems e JOIN contests c ON c.id = e.contest \
                       WHERE e.problem = ? AND c.starts_at <= ? AND c.starts_at + c.length_us > ?";
            db.exists(sql, values![bytes(problem.as_uuid()), to_us(sent_at), to_us(now)])
        });
        read.await
    }

    async fn current_contest_with(
        &self,
        problem: ProblemId,
        now: Timestamp,
        soon: Timestamp,
    ) -> Result<Option<Slug>, StoreError> {
        let read = self.read("look for a current contest with a problem", move |db| {
            let sql = concat!(
                "SELECT c.slug FROM contest_problems p ",
                own_problem!(),
                "AND p.problem = ? AND c.starts_at <= ? AND c.starts_at + c.length_us > ? \
                 ORDER BY c.starts_at, c.slug LIMIT 1"
            );
            db.one(sql, values![bytes(problem.as_uuid()), to_us(soon), to_us(now)], |row| {
                row.get::<String>(0)?.parse().map_err(|_| bad("slug").into())
            })
        });
        read.await
    }

    async fn contests_of_authors(&self, problem: ProblemId, now: Timestamp) -> Result<Vec<(Slug, UserId)>, StoreError> {
        let read = self.read("list the contests of a problem's authors", move |db| {
            let sql = "SELECT c.slug, c.owner FROM contest_problems p JOIN contests c ON c.id = p.contest \
                       JOIN problems q ON q.id = p.problem \
                       JOIN problem_members m ON m.problem = q.id AND m.\"user\" = c.owner AND m.part = 'author' \
                       JOIN users u ON u.id = c.owner \
                       WHERE p.problem = ? AND c.starts_at + c.length_us > ? AND u.role <> 'admin' \
                       AND (q.owner IS NULL OR q.owner <> c.owner) ORDER BY c.starts_at, c.slug";
            db.all(sql, values![bytes(problem.as_uuid()), to_us(now)], |row| {
                let slug = row.get::<String>(0)?.parse().map_err(|_| bad("slug"))?;
                Ok((slug, UserId::from_uuid(id_from(row.blob(1)?, "owner")?)))
            })
        });
        read.await
    }

    async fn withholds_results(&self, problem: ProblemId) -> Result<bool, StoreError> {
        let read = self.read("find out whether contests hide results", move |db| {
            let sql = "SELECT 1 FROM problem_submissions WHERE problem = ? AND withheld = 1 LIMIT 1";
            db.exists(sql, values![bytes(problem.as_uuid())])
        });
        read.await
    }

    async fn freezes_of(
        &self,
        problem: ProblemId,
        user: UserId,
        from: UserId,
    ) -> Result<Vec<FreezeWindow>, StoreError> {
        let read = self.read("find out when contests hide results", move |db| {
            let sql = concat!(
                "SELECT x.starts_at, c.length_us, c.freeze_us ",
                withholding!(),
                "AND e.problem = ? AND x.\"user\" = ? \
                 AND EXISTS (SELECT 1 FROM contest_participants o WHERE o.contest = c.id AND o.\"user\" = ?)"
            );
            db.all(sql, values![bytes(problem.as_uuid()), bytes(user.as_uuid()), bytes(from.as_uuid())], window_of)
        });
        read.await
    }

    async fn ask(&self, new: NewClarification, per_asker_max: u32) -> Result<bool, StoreError> {
        self.write(Ask { new, per_asker_max }).await
    }

    async fn answer(
        &self,
        contest: ContestId,
        id: ClarificationId,
        answer: String,
        is_public: Option<bool>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(Answer { contest, id, answer, is_public, now }).await
    }

    async fn clarifications(
        &self,
        contest: ContestId,
        reader: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Clarification>, u64), StoreError> {
        let asker = reader;
        let read = self.read("list clarifications", move |db| {
            let id = bytes(contest.as_uuid());
            let asker = asker.as_ref().map(|asker| bytes(asker.as_uuid()));
            let sql = "SELECT count(*) FROM clarifications WHERE contest = ?1 AND (?2 = 1 OR public = 1 OR asker = ?3)";
            let total = db.count(sql, values![id, asker.is_none(), asker])?;
            let sql = "SELECT q.id, q.asker, q.place, q.question, q.answer, q.public, q.asked_at, q.answered_at, q.announced, \
                       u.username FROM clarifications q JOIN users u ON u.id = q.asker \
                       WHERE q.contest = ?1 AND (?2 = 1 OR q.public = 1 OR q.asker = ?3) ORDER BY q.id DESC LIMIT ?4 OFFSET ?5";
            let [limit, skip] = page_of(offset, limit);
            let all = db.all(sql, values![id, asker.is_none(), asker, limit, skip], clarification_of)?;
            Ok((all, total))
        });
        read.await
    }
}

/// A page of the contests whose title or slug has each word of the text, and their total number. Titles are compared
/// here, because SQLite's `lower` changes ASCII letters only. Contests are few: organizers create them by hand.
fn found(
    db: &dyn Sql,
    text: &str,
    condition: &str,
    values: &[Value<'_>],
    offset: u64,
    limit: u64,
) -> Result<(Vec<Contest>, u64), SqlFault> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let names =
        format!("SELECT c.id, c.title, c.slug FROM contests c WHERE {condition} ORDER BY c.starts_at DESC, c.id DESC");
    let named = db.all(&names, values, |row| {
        let name = format!("{} {}", row.text(1)?, row.text(2)?).to_lowercase();
        Ok((row.blob(0)?.to_vec(), name))
    })?;
    let ids: Vec<Vec<u8>> =
        named.into_iter().filter(|(_, name)| words.iter().all(|word| name.contains(word))).map(|(id, _)| id).collect();
    let (skipped, most) = (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(usize::MAX));
    let mut contests = Vec::new();
    for id in ids.iter().skip(skipped).take(most) {
        let sql = concat!("SELECT ", contest_columns!(), " FROM contests c WHERE c.id = ?");
        let Some(mut contest) = db.one(sql, values![&id[..]], contest_of)? else { continue };
        contest.problems = problems_of(db, contest.id)?;
        contests.push(contest);
    }
    Ok((contests, ids.len() as u64))
}

/// The `WHERE` condition on contests `c`, and its values.
fn conditions(filter: &ContestFilter) -> (String, Vec<Value<'_>>) {
    let (mut sql, mut values) = match (&filter.asker, filter.sees_all) {
        (_, true) => ("TRUE".to_owned(), Vec::new()),
        (None, false) => ("c.public = 1".to_owned(), Vec::new()),
        (Some(asker), false) => {
            let (own, askers) = if filter.is_author { ("c.owner = ? OR ", 2) } else { ("", 1) };
            let sql = format!(
                "(c.public = 1 OR {own}EXISTS \
                 (SELECT 1 FROM contest_participants x WHERE x.contest = c.id AND x.\"user\" = ?))"
            );
            (sql, vec![blob_of(asker.as_uuid()); askers])
        }
    };
    let now = to_us(filter.now);
    let phase = match filter.phase {
        None => return (sql, values),
        Some(Phase::Upcoming) => (" AND c.starts_at > ?", 1),
        Some(Phase::Running) => (" AND c.starts_at <= ? AND c.starts_at + c.length_us > ?", 2),
        Some(Phase::Over) => (" AND c.starts_at + c.length_us <= ?", 1),
    };
    sql.push_str(phase.0);
    values.extend(std::iter::repeat_n(Value::Int(now), phase.1));
    (sql, values)
}

const fn participation_number(participation: Participation) -> i64 {
    match participation {
        Participation::Official => 0,
        Participation::Virtual => 1,
    }
}

/// The number of a style, and its penalty in microseconds.
fn style_columns(style: Style) -> (i64, i64) {
    match style {
        Style::Icpc { penalty } => (0, span_to_us(penalty)),
        Style::Ioi => (1, 0),
    }
}

fn span_to_us(span: Duration) -> i64 {
    i64::try_from(us_of(span)).unwrap_or(i64::MAX)
}

pub(crate) fn span_from_us(us: i64, column: &'static str) -> Result<Duration, SqlFault> {
    Ok(u64::try_from(us).map(Duration::from_micros).map_err(|_| bad(column))?)
}

fn contest_of(row: Row<'_>) -> Result<Contest, SqlFault> {
    let freeze: Option<i64> = row.get(9)?;
    Ok(Contest {
        id: ContestId::from_uuid(id_from(row.blob(0)?, "id")?),
        slug: row.text(1)?.parse().map_err(|_| bad("slug"))?,
        title: row.get(2)?,
        description: row.get(3)?,
        owner: UserId::from_uuid(id_from(row.blob(4)?, "owner")?),
        style: match row.get::<i64>(5)? {
            0 => Style::Icpc { penalty: span_from_us(row.get(6)?, "penalty_us")? },
            1 => Style::Ioi,
            _ => return Err(bad("style").into()),
        },
        starts_at: from_us(row.get(7)?, "starts_at")?,
        length: span_from_us(row.get(8)?, "length_us")?,
        freeze: freeze.map(|us| span_from_us(us, "freeze_us")).transpose()?,
        is_unfrozen: row.get(10)?,
        is_public: row.get(11)?,
        join_code: JoinCode::from_text(row.text(12)?).ok_or(bad("join_code"))?,
        problems: Vec::new(),
    })
}

fn problems_of(db: &dyn Sql, contest: ContestId) -> Result<Vec<ContestProblem>, SqlFault> {
    let sql = "SELECT p.id, p.slug, p.title FROM contest_problems e JOIN problems p ON p.id = e.problem \
               WHERE e.contest = ? ORDER BY e.place";
    db.all(sql, values![bytes(contest.as_uuid())], |row| {
        Ok(ContestProblem {
            problem: ProblemId::from_uuid(id_from(row.blob(0)?, "id")?),
            slug: row.text(1)?.parse().map_err(|_| bad("slug"))?,
            title: row.get(2)?,
        })
    })
}

fn participant_of(row: Row<'_>) -> Result<Participant, SqlFault> {
    let number: i64 = row.get(2)?;
    let mut all = Participation::ALL.into_iter();
    Ok(Participant {
        user: UserId::from_uuid(id_from(row.blob(0)?, "user")?),
        username: row.get(1)?,
        participation: all.find(|one| participation_number(*one) == number).ok_or(bad("participation"))?,
        starts_at: from_us(row.get(3)?, "starts_at")?,
    })
}

fn attempt_of(row: Row<'_>) -> Result<Attempt, SqlFault> {
    let result = match row.get::<Option<bool>>(3)? {
        None => None,
        Some(is_try) => {
            let solves = row.get::<Option<bool>>(4)?.unwrap_or(false);
            let of_a_solution = if solves { Score::points(100).unwrap_or_default() } else { Score::ZERO };
            Some(AttemptResult { is_try, solves, score: score_from(row.get(5)?)?.unwrap_or(of_a_solution) })
        }
    };
    Ok(Attempt {
        user: UserId::from_uuid(id_from(row.blob(0)?, "owner")?),
        problem: usize::try_from(row.get::<i64>(1)?).map_err(|_| bad("place"))?,
        at: span_from_us(row.get(2)?, "sent_at")?,
        result,
        is_hidden: row.get(6)?,
    })
}

fn clarification_of(row: Row<'_>) -> Result<Clarification, SqlFault> {
    let place: Option<i64> = row.get(2)?;
    let answered_at: Option<i64> = row.get(7)?;
    Ok(Clarification {
        id: ClarificationId::from_uuid(id_from(row.blob(0)?, "id")?),
        is_announcement: row.get(8)?,
        asker_name: row.get(9)?,
        asker: UserId::from_uuid(id_from(row.blob(1)?, "asker")?),
        place: place.map(|place| usize::try_from(place).map_err(|_| bad("place"))).transpose()?,
        question: row.get(3)?,
        answer: row.get(4)?,
        is_public: row.get(5)?,
        asked_at: from_us(row.get(6)?, "asked_at")?,
        answered_at: answered_at.map(|us| from_us(us, "answered_at")).transpose()?,
    })
}
