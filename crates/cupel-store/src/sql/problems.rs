//! `ProblemStore`: queries, and methods that send commands.

use async_trait::async_trait;
use cupel_core::disclosure::{RoundedMemory, RoundedTime};
use cupel_core::problems::{
    Activity, BoardLine, Deleted, NewProblem, NewVersion, Part, ProblemChange, ProblemFilter, ProblemKey, ProblemLine,
    ProblemRecord, ProblemVersionLine, Progress, RankLine, RejudgeOne, RejudgedRuns, RunSummary, SlugTaken,
    SolvedFigures, StagedVersion, Standing, Statistics, Stored, SubmissionFilter, TagProgress, VersionException,
};
use cupel_core::run::SubmissionSummary;
use cupel_core::{Needs, ProblemStore, StoreError};
use cupel_problem::{Difficulty, Tag, Visibility};
use cupel_types::{Bytes, ContentHash, LanguageId, ProblemId, SubmissionId, UserId, Verdict};
use jiff::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

use super::fault::SqlFault;
use super::rejudge::Rejudge;
use super::runs::{language_of, summary, summary_of};
use super::standings::{
    OWN_DAYS, OWN_PROGRESS, OWN_TAGS, compute_progress_of_all, compute_results_of_all, start_from, time_from,
};
use super::{Lock, Row, Sql, SqlStore, Value, Write, bytes, values};
use crate::rows::{bad, from_us, hash_from, id_from, score_from, to_us};

mod conditions;
mod write;

use conditions::Conditions;
use write::{AddException, AddVersion, ChangeProblem, DeleteProblem, InsertProblem, SetShipped, StageVersion};

/// A user's CPU time and memory, from two columns starting at `first`.
fn figures_of(row: Row<'_>, first: usize, user: UserId) -> Result<SolvedFigures, SqlFault> {
    let number = |at| -> Result<Option<u64>, SqlFault> {
        row.get::<Option<i64>>(at)?.map(|n| u64::try_from(n).map_err(|_| bad("figures").into())).transpose()
    };
    Ok(SolvedFigures {
        user,
        cpu_time: number(first)?.map(Duration::from_micros),
        memory: number(first + 1)?.map(Bytes::new),
    })
}

/// Columns of a problem `p` with its current version `v`, in the order of [`problem_of`].
macro_rules! problem_columns {
    () => {
        "p.id, p.slug, p.owner, p.title, p.difficulty, p.tags, p.visibility, p.version, p.created_at, p.updated_at, \
         p.submissions, p.accepted, p.attempted_by, p.solved_by, v.package, v.verified, v.time_limit_us, v.limit_start, \
         p.better"
    };
}

/// Number of columns in `problem_columns!`.
const PROBLEM_COLUMNS: usize = 19;

macro_rules! problem_tables {
    () => {
        " FROM problems p JOIN problem_versions v ON v.problem = p.id AND v.number = p.version "
    };
}

/// The standing `r` and the withheld results `w` of a user, who is bound as the first and second value.
macro_rules! own_standing_tables {
    () => {
        "LEFT JOIN problem_results r ON r.problem = p.id AND r.\"user\" = ? \
         LEFT JOIN withheld_results w ON w.problem = p.id AND w.\"user\" = ?"
    };
}

/// Columns of a standing `r`, in the order of [`standing_of`].
macro_rules! standing_columns {
    () => {
        "r.solved, r.tries, r.best, r.best_score, r.best_time_us, r.solved_at"
    };
}

/// Columns of a user's own standing. They come from the row that includes withheld submissions (`w`) if it exists,
/// otherwise from the public row (`r`).
macro_rules! own_standing_columns {
    () => {
        "coalesce(w.solved, r.solved), coalesce(w.tries, r.tries), coalesce(w.best, r.best), \
         CASE WHEN w.best IS NULL THEN r.best_score ELSE w.best_score END, \
         CASE WHEN w.best IS NULL THEN r.best_time_us ELSE w.best_time_us END, \
         CASE WHEN w.best IS NULL THEN r.solved_at ELSE w.solved_at END"
    };
}
pub(crate) use own_standing_columns;

#[async_trait]
impl ProblemStore for SqlStore {
    async fn insert_problem(&self, new: NewProblem) -> Result<Result<(), SlugTaken>, StoreError> {
        self.write(InsertProblem(new)).await
    }

    async fn add_version(&self, problem: ProblemId, version: NewVersion) -> Result<bool, StoreError> {
        let added = self.write(AddVersion { problem, version, only_if_draft: false }).await?;
        Ok(added.unwrap_or(false))
    }

    async fn add_version_of_draft(&self, problem: ProblemId, version: NewVersion) -> Result<Option<bool>, StoreError> {
        self.write(AddVersion { problem, version, only_if_draft: true }).await
    }

    async fn stage_version(
        &self,
        problem: ProblemId,
        version: NewVersion,
    ) -> Result<Option<StagedVersion>, StoreError> {
        self.write(StageVersion { problem, version }).await
    }

    async fn add_exception(&self, problem: ProblemId, exception: VersionException) -> Result<(), StoreError> {
        self.write(AddException { problem, exception }).await
    }

    async fn exceptions(&self, problem: ProblemId, limit: u64) -> Result<Vec<VersionException>, StoreError> {
        let read = self.read("list the exceptions of a problem", move |db| {
            let sql = "SELECT number, given_by, username, given_at, reason FROM version_exceptions WHERE problem = ? \
                       ORDER BY given_at DESC, number DESC LIMIT ?";
            let [limit, _] = page_of(0, limit);
            db.all(sql, values![bytes(problem.as_uuid()), limit], |row| {
                Ok(VersionException {
                    number: row.get(0)?,
                    by: UserId::from_uuid(id_from(row.blob(1)?, "given_by")?),
                    username: row.get(2)?,
                    at: from_us(row.get(3)?, "given_at")?,
                    reason: row.get(4)?,
                })
            })
        });
        read.await
    }

    async fn problem(
        &self,
        key: ProblemKey,
        asker: Option<UserId>,
    ) -> Result<Option<(ProblemRecord, Option<Part>)>, StoreError> {
        let read = self.read("read a problem", move |db| {
            let sql = match &key {
                ProblemKey::Id(_) => concat!(
                    "SELECT ",
                    problem_columns!(),
                    ", m.part",
                    problem_tables!(),
                    "LEFT JOIN problem_members m ON m.problem = p.id AND m.\"user\" = ?2 WHERE p.id = ?1"
                ),
                ProblemKey::Slug(_) => concat!(
                    "SELECT ",
                    problem_columns!(),
                    ", m.part",
                    problem_tables!(),
                    "LEFT JOIN problem_members m ON m.problem = p.id AND m.\"user\" = ?2 WHERE p.slug = ?1"
                ),
            };
            let asker = asker.as_ref().map(|asker| bytes(asker.as_uuid()));
            let with_part = |row: Row<'_>| {
                let part: Option<&str> = row.get(PROBLEM_COLUMNS)?;
                let part = part.map(|part| Part::from_name(part).ok_or(bad("part"))).transpose()?;
                Ok((problem_of(row)?, part))
            };
            match &key {
                ProblemKey::Id(id) => db.one(sql, values![bytes(id.as_uuid()), asker], with_part),
                ProblemKey::Slug(slug) => db.one(sql, values![slug.as_str(), asker], with_part),
            }
        });
        read.await
    }

    async fn problems(
        &self,
        filter: ProblemFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemLine>, u64), StoreError> {
        let read = self.read("list problems", move |db| {
            let Conditions { sql, values, order } = Conditions::of(&filter);
            let tables = concat!(problem_tables!(), own_standing_tables!());
            let count = format!("SELECT count(*){tables} WHERE {sql}");
            let total = db.count(&count, &values)?;
            let page = format!(
                "SELECT {}, {}{tables} WHERE {sql} ORDER BY {order} LIMIT ? OFFSET ?",
                problem_columns!(),
                own_standing_columns!()
            );
            let values: Vec<Value<'_>> = values.into_iter().chain(page_of(offset, limit).map(Value::Int)).collect();
            let lines = db.all(&page, &values, |row| {
                Ok(ProblemLine { problem: problem_of(row)?, standing: standing_of(row, PROBLEM_COLUMNS)? })
            })?;
            Ok((lines, total))
        });
        read.await
    }

    async fn tags(&self, filter: ProblemFilter, tags_max: u64) -> Result<Vec<(Tag, u64)>, StoreError> {
        let read = self.read("count problems by tag", move |db| {
            let Conditions { sql, values, .. } = Conditions::of(&filter);
            let tables = concat!(problem_tables!(), own_standing_tables!());
            let counts = format!(
                "SELECT t.tag, count(*){tables} JOIN problem_tags t ON t.problem = p.id WHERE {sql} \
                 GROUP BY t.tag ORDER BY count(*) DESC, t.tag LIMIT ?"
            );
            let [tags_max, _] = page_of(0, tags_max);
            let values: Vec<Value<'_>> = values.into_iter().chain([Value::Int(tags_max)]).collect();
            db.all(&counts, &values, |row| {
                let tag = row.text(0)?.parse().map_err(|_| bad("tag"))?;
                Ok((tag, u64::try_from(row.get::<i64>(1)?).unwrap_or(0)))
            })
        });
        read.await
    }

    async fn versions(
        &self,
        problem: ProblemId,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemVersionLine>, u64), StoreError> {
        let read = self.read("list the versions of a problem", move |db| {
            let id = bytes(problem.as_uuid());
            let sql = "SELECT count(*) FROM problem_versions WHERE problem = ?";
            let total = db.count(sql, values![id])?;
            let sql = "SELECT number, package, format, created_by, created_at, verified, time_limit_us, limit_start \
                       FROM problem_versions WHERE problem = ? ORDER BY number DESC LIMIT ? OFFSET ?";
            let [limit, offset] = page_of(offset, limit);
            let versions = db.all(sql, values![id, limit, offset], |row| {
                Ok(ProblemVersionLine {
                    number: row.get(0)?,
                    package: hash_from(row.blob(1)?, "package")?,
                    format: row.get(2)?,
                    by: user_of(row, 3)?,
                    at: from_us(row.get(4)?, "created_at")?,
                    is_verified: row.get(5)?,
                    time_limit: time_from(row, 6)?,
                    limit_start: start_from(row, 7)?,
                })
            })?;
            Ok((versions, total))
        });
        read.await
    }

    async fn members(&self, problem: ProblemId) -> Result<Vec<(UserId, Part)>, StoreError> {
        let read = self.read("list the members of a problem", move |db| {
            let sql = "SELECT \"user\", part FROM problem_members WHERE problem = ? ORDER BY \"user\"";
            db.all(sql, values![bytes(problem.as_uuid())], |row| {
                let user = UserId::from_uuid(id_from(row.blob(0)?, "user")?);
                Ok((user, Part::from_name(row.text(1)?).ok_or(bad("part"))?))
            })
        });
        read.await
    }

    async fn change_problem(
        &self,
        problem: ProblemId,
        change: ProblemChange,
        now: Timestamp,
    ) -> Result<Result<bool, SlugTaken>, StoreError> {
        self.write(ChangeProblem { problem, change, now }).await
    }

    async fn delete_problem(&self, problem: ProblemId) -> Result<Deleted, StoreError> {
        self.write(DeleteProblem(problem)).await
    }

    async fn stored_of(&self, author: UserId, but: ContentHash) -> Result<Stored, StoreError> {
        let read = self.read("add up the sizes of an author's packages", move |db| {
            let sql = "SELECT (SELECT count(*) FROM problems WHERE owner = ?1), (SELECT CAST(coalesce(sum(b.bytes), 0) AS BIGINT) FROM \
                       (SELECT max(bytes) AS bytes FROM problem_versions WHERE created_by = ?1 AND package <> ?2 GROUP BY package) b)";
            let stored = db.one(sql, values![bytes(author.as_uuid()), but.as_bytes()], |row| {
                Ok(Stored { problems: count_of(row.get(0)?), bytes: Bytes::new(count_of(row.get(1)?)) })
            });
            Ok(stored?.ok_or(bad("bytes"))?)
        });
        read.await
    }

    async fn packages(&self) -> Result<Vec<ContentHash>, StoreError> {
        let read = self.read("list all packages", |db| {
            db.all("SELECT DISTINCT package FROM problem_versions", values![], |row| {
                Ok(hash_from(row.blob(0)?, "package")?)
            })
        });
        read.await
    }

    async fn shipped(&self, slug: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let slug = slug.to_owned();
        let read = self.read("find a shipped problem", move |db| {
            let sql = "SELECT archive FROM shipped_problems WHERE slug = ?";
            db.one(sql, values![slug], |row| row.get(0))
        });
        read.await
    }

    async fn set_shipped(&self, slug: &str, archive: [u8; 32]) -> Result<(), StoreError> {
        self.write(SetShipped { slug: slug.to_owned(), archive }).await
    }

    async fn submissions_to(
        &self,
        filter: SubmissionFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        let read = self.read("list the submissions to a problem", move |db| {
            let Conditions { sql, values, .. } = Conditions::of_submissions(&filter, None);
            let count = format!("SELECT count(*) FROM problem_submissions t WHERE {sql}");
            let total = db.count(&count, &values)?;
            let page = format!(
                "{}JOIN problem_submissions t ON t.submission = s.id WHERE {sql} \
                 ORDER BY t.submission DESC LIMIT ? OFFSET ?",
                summary!()
            );
            let values: Vec<Value<'_>> = values.into_iter().chain(page_of(offset, limit).map(Value::Int)).collect();
            let lines = db.all(&page, &values, summary_of)?;
            Ok((lines, total))
        });
        read.await
    }

    async fn verdicts_of(&self, filter: SubmissionFilter) -> Result<Vec<(Option<Verdict>, u64)>, StoreError> {
        let read = self.read("count the verdicts on submissions to a problem", move |db| {
            let Conditions { sql, values, .. } = Conditions::of_submissions(&filter, None);
            let sql = format!(
                "SELECT t.verdict, count(*) FROM problem_submissions t WHERE {sql} GROUP BY t.verdict ORDER BY t.verdict NULLS FIRST"
            );
            db.all(&sql, &values, |row| {
                let code: Option<&str> = row.get(0)?;
                let verdict = code.map(|code| Verdict::from_code(code).ok_or(bad("verdict"))).transpose()?;
                Ok((verdict, count_of(row.get(1)?)))
            })
        });
        read.await
    }

    async fn submissions_before(
        &self,
        filter: SubmissionFilter,
        before: Option<SubmissionId>,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError> {
        let read = self.read("list the submissions to a problem", move |db| {
            let Conditions { mut sql, mut values, .. } = Conditions::of_submissions(&filter, None);
            if let Some(before) = &before {
                sql.push_str(" AND t.submission < ?");
                values.push(blob_of(before.as_uuid()));
            }
            let [limit, _] = page_of(0, limit);
            values.push(Value::Int(limit));
            let page = format!(
                "{}JOIN problem_submissions t ON t.submission = s.id WHERE {sql} ORDER BY t.submission DESC LIMIT ?",
                summary!()
            );
            db.all(&page, &values, summary_of)
        });
        read.await
    }

    async fn submission_ids_to(
        &self,
        filter: SubmissionFilter,
        after: Option<SubmissionId>,
        limit: u64,
    ) -> Result<Vec<SubmissionId>, StoreError> {
        let read = self.read("list the submissions to a problem", move |db| {
            let Conditions { sql, mut values, .. } = Conditions::of_submissions(&filter, after.as_ref());
            let [limit, _] = page_of(0, limit);
            values.push(Value::Int(limit));
            let sql =
                format!("SELECT t.submission FROM problem_submissions t WHERE {sql} ORDER BY t.submission LIMIT ?");
            db.all(&sql, &values, |row| Ok(SubmissionId::from_uuid(id_from(row.blob(0)?, "submission")?)))
        });
        read.await
    }

    async fn rejudge(
        &self,
        submissions: Vec<RejudgeOne>,
        package: ContentHash,
        judges: Needs,
        now: Timestamp,
    ) -> Result<RejudgedRuns, StoreError> {
        self.write(Rejudge { submissions, package, judges, now }).await
    }

    async fn runs_of(&self, submission: SubmissionId, limit: u64) -> Result<Vec<RunSummary>, StoreError> {
        self.read_runs(submission, limit).await
    }

    async fn standing(&self, problem: ProblemId, user: UserId) -> Result<Option<Standing>, StoreError> {
        let read = self.read("read a standing", move |db| {
            let sql = concat!(
                "SELECT ",
                own_standing_columns!(),
                " FROM problems p LEFT JOIN problem_results r ON r.problem = p.id AND r.\"user\" = ?2 \
                  LEFT JOIN withheld_results w ON w.problem = p.id AND w.\"user\" = ?2 WHERE p.id = ?1"
            );
            let (problem, user) = (bytes(problem.as_uuid()), bytes(user.as_uuid()));
            Ok(db.one(sql, values![problem, user], |row| standing_of(row, 0))?.flatten())
        });
        read.await
    }

    async fn board(&self, problem: ProblemId, offset: u64, limit: u64) -> Result<(Vec<BoardLine>, u64), StoreError> {
        let read = self.read("read the leaderboard of a problem", move |db| {
            let id = bytes(problem.as_uuid());
            let sql = "SELECT count(*) FROM problem_results WHERE problem = ? AND rank_score IS NOT NULL \
                       AND \"user\" NOT IN (SELECT id FROM users WHERE in_leaderboards = 0)";
            let total = db.count(sql, values![id])?;
            let sql = concat!(
                "SELECT ",
                standing_columns!(),
                ", r.\"user\", u.username, t.language, t.memory FROM problem_results r JOIN users u ON u.id = r.\"user\" \
                 JOIN problem_submissions t ON t.submission = r.best \
                 WHERE r.problem = ? AND r.rank_score IS NOT NULL AND u.in_leaderboards = 1 \
                 ORDER BY r.rank_score, r.rank_time, r.solved_at NULLS FIRST, r.\"user\" LIMIT ? OFFSET ?"
            );
            let [limit, skip] = page_of(offset, limit);
            let mut place = offset;
            let lines = db.all(sql, values![id, limit, skip], |row| {
                let memory: Option<i64> = row.get(9)?;
                place += 1;
                Ok(BoardLine {
                    place,
                    user: UserId::from_uuid(id_from(row.blob(6)?, "user")?),
                    username: row.get(7)?,
                    language: language_of(row.text(8)?)?,
                    standing: standing_of(row, 0)?.ok_or(bad("solved"))?,
                    memory: memory.and_then(|n| u64::try_from(n).ok()).map(Bytes::new).map(RoundedMemory::of),
                })
            })?;
            Ok((lines, total))
        });
        read.await
    }

    async fn solved_figures(
        &self,
        problem: ProblemId,
        language: Option<LanguageId>,
        submissions_max: u64,
    ) -> Result<Vec<SolvedFigures>, StoreError> {
        let most = i64::try_from(submissions_max).unwrap_or(i64::MAX);
        let read = self.read("read the figures of a problem's solutions", move |db| {
            let id = bytes(problem.as_uuid());
            let sql = "SELECT owner, min(cpu_time_us), min(memory) FROM (SELECT owner, language, solves, withheld, cpu_time_us, memory \
                       FROM problem_submissions WHERE problem = ? ORDER BY submission DESC LIMIT ?) AS latest \
                       WHERE solves = 1 AND withheld = 0";
            let of = |row: Row<'_>| {
                let user = UserId::from_uuid(id_from(row.blob(0)?, "owner")?);
                figures_of(row, 1, user)
            };
            match &language {
                Some(language) => {
                    let sql = format!("{sql} AND language = ? GROUP BY owner");
                    db.all(&sql, values![id, most, language.as_str()], of)
                }
                None => db.all(&format!("{sql} GROUP BY owner"), values![id, most], of),
            }
        });
        read.await
    }

    async fn own_solved_figures(
        &self,
        problem: ProblemId,
        language: Option<LanguageId>,
        user: UserId,
    ) -> Result<Option<SolvedFigures>, StoreError> {
        let read = self.read("read the figures of a user's solutions", move |db| {
            let (id, owner) = (bytes(problem.as_uuid()), bytes(user.as_uuid()));
            let sql = "SELECT min(cpu_time_us), min(memory) FROM problem_submissions \
                       WHERE problem = ? AND owner = ? AND solves = 1";
            let of = |row: Row<'_>| figures_of(row, 0, user);
            let found = match &language {
                Some(language) => {
                    db.one(&format!("{sql} AND language = ?"), values![id, owner, language.as_str()], of)?
                }
                None => db.one(sql, values![id, owner], of)?,
            };
            // An aggregate has a row even without solutions.
            Ok(found.filter(|found| found.cpu_time.is_some() || found.memory.is_some()))
        });
        read.await
    }

    async fn progress(&self, user: UserId) -> Result<Progress, StoreError> {
        let read = self.read("read the solved problems of a user", move |db| {
            let user = bytes(user.as_uuid());
            let withheld = "SELECT 1 FROM withheld_results WHERE \"user\" = ?";
            let progress = if db.exists(withheld, values![user])? {
                db.one(OWN_PROGRESS, values![user], |row| progress_of(row, 0))?
            } else {
                let sql =
                    "SELECT easy, medium, hard, solved, attempted, last_solved_at FROM user_progress WHERE \"user\" = ?";
                db.one(sql, values![user], |row| progress_of(row, 0))?
            };
            Ok(progress.unwrap_or_default())
        });
        read.await
    }

    async fn activity(&self, user: UserId, since: Timestamp, tags_max: u64) -> Result<Activity, StoreError> {
        let read = self.read("read what a user has solved by day and tag", move |db| {
            let user = bytes(user.as_uuid());
            let number = |row: Row<'_>, at| -> Result<u64, SqlFault> {
                Ok(u64::try_from(row.get::<i64>(at)?).map_err(|_| bad("count"))?)
            };
            let days = db.all(OWN_DAYS, values![user, to_us(since)], |row| Ok((row.get(0)?, number(row, 1)?)))?;
            let sql = "SELECT count(*) FILTER (WHERE difficulty = 0), count(*) FILTER (WHERE difficulty = 1), \
                       count(*) FILTER (WHERE difficulty = 2) FROM problems WHERE visibility = 2";
            let problems = db.one(sql, values![], |row| Ok([number(row, 0)?, number(row, 1)?, number(row, 2)?]))?;
            let [tags_max, _] = page_of(0, tags_max);
            let tags = db.all(OWN_TAGS, values![user, tags_max], |row| {
                Ok(TagProgress { tag: row.get(0)?, solved: number(row, 1)?, problems: number(row, 2)? })
            })?;
            Ok(Activity { days, problems: problems.unwrap_or_default(), tags })
        });
        read.await
    }

    async fn ranks(&self, offset: u64, limit: u64) -> Result<(Vec<RankLine>, u64), StoreError> {
        let read = self.read("read the global leaderboard", move |db| {
            let sql = "SELECT count(*) FROM user_progress WHERE solved > 0 \
                       AND \"user\" NOT IN (SELECT id FROM users WHERE in_leaderboards = 0)";
            let total = db.count(sql, values![])?;
            let sql = "SELECT g.easy, g.medium, g.hard, g.solved, g.attempted, g.last_solved_at, g.\"user\", u.username \
                       FROM user_progress g JOIN users u ON u.id = g.\"user\" WHERE g.solved > 0 AND u.in_leaderboards = 1 \
                       ORDER BY g.solved DESC, g.last_solved_at NULLS FIRST, g.\"user\" LIMIT ? OFFSET ?";
            let [limit, skip] = page_of(offset, limit);
            let mut place = offset;
            let lines = db.all(sql, values![limit, skip], |row| {
                place += 1;
                Ok(RankLine {
                    place,
                    user: UserId::from_uuid(id_from(row.blob(6)?, "user")?),
                    username: row.get(7)?,
                    progress: progress_of(row, 0)?,
                })
            })?;
            Ok((lines, total))
        });
        read.await
    }
}

/// `LIMIT` and `OFFSET` parameters. Values above `i64::MAX` are clamped.
pub(crate) fn page_of(offset: u64, limit: u64) -> [i64; 2] {
    [limit, offset].map(|n| i64::try_from(n).unwrap_or(i64::MAX))
}

/// An id as a parameter that is bound later.
pub(crate) fn blob_of(id: &uuid::Uuid) -> Value<'_> {
    Value::Blob(Cow::Borrowed(id.as_bytes()))
}

pub(crate) fn count_of(total: i64) -> u64 {
    u64::try_from(total).unwrap_or(0)
}

const fn difficulty_number(difficulty: Difficulty) -> i64 {
    match difficulty {
        Difficulty::Easy => 0,
        Difficulty::Medium => 1,
        Difficulty::Hard => 2,
    }
}

const fn visibility_number(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Draft => 0,
        Visibility::Private => 1,
        Visibility::Public => 2,
    }
}

fn user_of(row: Row<'_>, column: usize) -> Result<Option<UserId>, SqlFault> {
    let id: Option<&[u8]> = row.get(column)?;
    Ok(id.map(|id| id_from(id, "user").map(UserId::from_uuid)).transpose()?)
}

fn problem_of(row: Row<'_>) -> Result<ProblemRecord, SqlFault> {
    let difficulty: Option<i64> = row.get(4)?;
    let difficulty = difficulty.map(|number| {
        Difficulty::ALL.into_iter().find(|one| difficulty_number(*one) == number).ok_or(bad("difficulty"))
    });
    let tags: Vec<String> = serde_json::from_str(row.text(5)?).map_err(|_| bad("tags"))?;
    let visibility: i64 = row.get(6)?;
    let count = |column| Ok::<u64, SqlFault>(count_of(row.get(column)?));
    Ok(ProblemRecord {
        id: ProblemId::from_uuid(id_from(row.blob(0)?, "id")?),
        slug: row.text(1)?.parse().map_err(|_| bad("slug"))?,
        owner: user_of(row, 2)?,
        title: row.get(3)?,
        difficulty: difficulty.transpose()?,
        tags: tags.iter().map(|tag| tag.parse::<Tag>()).collect::<Result<_, _>>().map_err(|_| bad("tags"))?,
        visibility: Visibility::ALL
            .into_iter()
            .find(|one| visibility_number(*one) == visibility)
            .ok_or(bad("visibility"))?,
        version: row.get(7)?,
        created_at: from_us(row.get(8)?, "created_at")?,
        updated_at: from_us(row.get(9)?, "updated_at")?,
        statistics: Statistics {
            submissions: count(10)?,
            accepted: count(11)?,
            attempted_by: count(12)?,
            solved_by: count(13)?,
        },
        package: hash_from(row.blob(14)?, "package")?,
        is_verified: row.get(15)?,
        time_limit: time_from(row, 16)?,
        limit_start: start_from(row, 17)?,
        lower_is_better: row.get::<i64>(18)? < 0,
    })
}

/// Reads six columns from `first`; `None` if they are NULL.
pub(crate) fn standing_of(row: Row<'_>, first: usize) -> Result<Option<Standing>, SqlFault> {
    let Some(is_solved) = row.get::<Option<bool>>(first)? else { return Ok(None) };
    let solved_at: Option<i64> = row.get(first + 5)?;
    Ok(Some(Standing {
        is_solved,
        tries: row.get(first + 1)?,
        best_submission: Some(SubmissionId::from_uuid(id_from(row.blob(first + 2)?, "best")?)),
        best_score: score_from(row.get(first + 3)?)?,
        best_time: time_from(row, first + 4)?.map(RoundedTime::of),
        solved_at: solved_at.map(|us| from_us(us, "solved_at")).transpose()?,
    }))
}

/// Reads six columns from `first`.
fn progress_of(row: Row<'_>, first: usize) -> Result<Progress, SqlFault> {
    let count = |at: usize| Ok::<u64, SqlFault>(count_of(row.get(first + at)?));
    let last: Option<i64> = row.get(first + 5)?;
    Ok(Progress {
        easy: count(0)?,
        medium: count(1)?,
        hard: count(2)?,
        solved: count(3)?,
        attempted: count(4)?,
        last_solved_at: last.map(|us| from_us(us, "last_solved_at")).transpose()?,
    })
}
