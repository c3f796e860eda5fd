//! Commands that change contests.

use super::*;
use crate::sql::freezes;

pub(crate) struct InsertContest {
    pub(crate) new: NewContest,
    /// Maximum number of the owner's contests that have not ended.
    pub(crate) open_max: u64,
    pub(crate) now: Timestamp,
}

impl Write for InsertContest {
    type Output = Result<(), RefusedContest>;
    const OPERATION: &'static str = "insert a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let InsertContest { new, open_max, now } = self;
        let sql = "SELECT 1 FROM contests WHERE slug = ?";
        if db.exists(sql, values![new.slug.as_str()])? {
            return Ok(Err(RefusedContest::SlugTaken));
        }
        let owner = bytes(new.owner.as_uuid());
        // Concurrent requests of one user are counted one after another.
        db.lock(Lock::User, owner)?;
        let sql = "SELECT count(*) FROM contests WHERE owner = ? AND starts_at + length_us > ?";
        let open = db.one(sql, values![owner, to_us(*now)], |row| row.get::<i64>(0))?;
        if u64::try_from(open.unwrap_or_default()).unwrap_or_default() >= *open_max {
            return Ok(Err(RefusedContest::TooMany));
        }
        let id = bytes(new.id.as_uuid());
        let (style, penalty) = style_columns(new.style);
        let sql = "INSERT INTO contests (id, slug, title, description, owner, style, penalty_us, starts_at, length_us, freeze_us, \
                   unfrozen, public, join_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)";
        db.execute(
            sql,
            values![
                id,
                new.slug.as_str(),
                new.title,
                new.description,
                owner,
                style,
                penalty,
                to_us(new.starts_at),
                span_to_us(new.length),
                new.freeze.map(span_to_us),
                new.is_public,
                new.join_code.as_str()
            ],
        )?;
        set_problems(db, id, &new.problems)?;
        Ok(Ok(()))
    }
}

fn set_problems(db: &dyn Sql, contest: &[u8], problems: &[ProblemId]) -> Result<(), SqlFault> {
    db.execute("DELETE FROM contest_problems WHERE contest = ?", values![contest])?;
    let sql = "INSERT INTO contest_problems (contest, place, problem) VALUES (?, ?, ?)";
    for (place, problem) in problems.iter().enumerate() {
        db.put(sql, values![contest, i64::try_from(place).unwrap_or(i64::MAX), bytes(problem.as_uuid())])?;
    }
    Ok(())
}

/// Keeps questions and announcements with their problems when a contest gets other problems. Those about a problem that
/// it no longer has are about the whole contest from then on. Called before [`set_problems`].
fn move_clarifications(db: &dyn Sql, contest: &[u8], problems: &[ProblemId]) -> Result<(), SqlFault> {
    let sql = "SELECT place, problem FROM contest_problems WHERE contest = ?";
    let place_and_problem =
        |row: Row<'_>| Ok((row.get::<i64>(0)?, ProblemId::from_uuid(id_from(row.blob(1)?, "problem")?)));
    let before = db.all(sql, values![contest], place_and_problem)?;
    // An old place is stored as -1 - place, so that it differs from the new places.
    let sql = "UPDATE clarifications SET place = -1 - place WHERE contest = ? AND place IS NOT NULL";
    db.execute(sql, values![contest])?;
    for (old, problem) in before {
        if let Some(new) = problems.iter().position(|one| *one == problem) {
            let sql = "UPDATE clarifications SET place = ? WHERE contest = ? AND place = ?";
            db.execute(sql, values![i64::try_from(new).unwrap_or(i64::MAX), contest, -1 - old])?;
        }
    }
    db.execute("UPDATE clarifications SET place = NULL WHERE contest = ? AND place < 0", values![contest])?;
    Ok(())
}

pub(crate) struct ChangeContest {
    pub(crate) contest: ContestId,
    pub(crate) change: ContestChange,
}

impl Write for ChangeContest {
    type Output = bool;
    const OPERATION: &'static str = "change a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let change = &self.change;
        let withholds = change.starts_at.is_some()
            || change.length.is_some()
            || change.freeze.is_some()
            || change.is_unfrozen.is_some()
            || change.problems.is_some();
        if !withholds {
            return self.write(db);
        }
        let problems = change.problems.iter().flatten().map(|problem| bytes(problem.as_uuid()).to_vec());
        freezes::changing(db, bytes(self.contest.as_uuid()), None, problems, || self.write(db))
    }
}

impl ChangeContest {
    fn write(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let (id, change) = (bytes(self.contest.as_uuid()), &self.change);
        let style = change.style.map(style_columns);
        let sql = "UPDATE contests SET title = coalesce(?2, title), description = coalesce(?3, description), \
                   style = coalesce(?4, style), penalty_us = coalesce(?5, penalty_us), starts_at = coalesce(?6, starts_at), \
                   length_us = coalesce(?7, length_us), freeze_us = CASE WHEN ?8 = 1 THEN ?9 ELSE freeze_us END, \
                   unfrozen = coalesce(?10, unfrozen), public = coalesce(?11, public), join_code = coalesce(?12, join_code) \
                   WHERE id = ?1";
        let changed = db.execute(
            sql,
            values![
                id,
                change.title,
                change.description,
                style.map(|(style, _)| style),
                style.map(|(_, penalty)| penalty),
                change.starts_at.map(to_us),
                change.length.map(span_to_us),
                change.freeze.is_some(),
                change.freeze.flatten().map(span_to_us),
                change.is_unfrozen,
                change.is_public,
                change.join_code.as_ref().map(JoinCode::as_str)
            ],
        )?;
        if let Some(starts_at) = change.starts_at {
            let sql = "UPDATE contest_participants SET starts_at = ? WHERE contest = ? AND participation = ?";
            let official = participation_number(Participation::Official);
            db.execute(sql, values![to_us(starts_at), id, official])?;
        }
        if let Some(problems) = &change.problems {
            move_clarifications(db, id, problems)?;
            set_problems(db, id, problems)?;
        }
        Ok(changed > 0)
    }
}

pub(crate) struct DeleteContest {
    pub(crate) contest: ContestId,
    pub(crate) now: Timestamp,
}

impl Write for DeleteContest {
    type Output = DeletedContest;
    const OPERATION: &'static str = "delete a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<DeletedContest, SqlFault> {
        let id = bytes(self.contest.as_uuid());
        let sql = "SELECT c.starts_at <= ?2 AND EXISTS (SELECT 1 FROM contest_participants x WHERE x.contest = c.id) \
                   FROM contests c WHERE id = ?1";
        db.lock(Lock::Contest, id)?;
        let is_used = db.one(sql, values![id, to_us(self.now)], |row| row.get::<bool>(0))?;
        match is_used {
            None => Ok(DeletedContest::Missing),
            Some(true) => Ok(DeletedContest::InUse),
            Some(false) => {
                db.execute("DELETE FROM contests WHERE id = ?", values![id])?;
                Ok(DeletedContest::Gone)
            }
        }
    }
}

pub(crate) struct TakePart {
    pub(crate) contest: ContestId,
    pub(crate) user: UserId,
    pub(crate) virtual_start: Option<Timestamp>,
}

impl Write for TakePart {
    type Output = bool;
    const OPERATION: &'static str = "add a participant to a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        if self.virtual_start.is_some() {
            return self.write(db);
        }
        // Submissions that the user sent before joining become attempts, and the freeze may hide them.
        let (contest, user) = (bytes(self.contest.as_uuid()), bytes(self.user.as_uuid()));
        freezes::changing(db, contest, Some(user), [], || self.write(db))
    }
}

impl TakePart {
    fn write(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        // The lock keeps two transactions from giving the same number to two participants. The statement reads the
        // contest's start itself, because it may have changed since the caller read it.
        db.lock(Lock::Contest, bytes(self.contest.as_uuid()))?;
        let sql = "INSERT INTO contest_participants (contest, \"user\", participation, starts_at, number) \
                   SELECT ?1, ?2, ?3, coalesce(?4, starts_at), \
                   coalesce((SELECT max(number) + 1 FROM contest_participants WHERE contest = ?1), 0) \
                   FROM contests WHERE id = ?1 ON CONFLICT DO NOTHING";
        let participation = self.virtual_start.map_or(Participation::Official, |_from| Participation::Virtual);
        let written = db.execute(
            sql,
            values![
                bytes(self.contest.as_uuid()),
                bytes(self.user.as_uuid()),
                participation_number(participation),
                self.virtual_start.map(to_us)
            ],
        )?;
        Ok(written > 0)
    }
}

pub(crate) struct Withdraw {
    pub(crate) contest: ContestId,
    pub(crate) user: UserId,
}

impl Write for Withdraw {
    type Output = bool;
    const OPERATION: &'static str = "remove a participant from a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let sql = "DELETE FROM contest_participants WHERE contest = ? AND \"user\" = ?";
        let gone = db.execute(sql, values![bytes(self.contest.as_uuid()), bytes(self.user.as_uuid())])?;
        Ok(gone > 0)
    }
}

pub(crate) struct Ask {
    pub(crate) new: NewClarification,
    pub(crate) per_asker_max: u32,
}

impl Write for Ask {
    type Output = bool;
    const OPERATION: &'static str = "insert a question about a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let Ask { new, per_asker_max } = self;
        // Locked, because the asker's questions are counted.
        db.lock(Lock::Contest, bytes(new.contest.as_uuid()))?;
        let sql = "INSERT INTO clarifications (id, contest, asker, place, question, answer, public, asked_at, answered_at, announced) \
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?7 \
                   WHERE (SELECT count(*) FROM clarifications WHERE contest = ?2 AND asker = ?3 AND announced = ?7) < ?10";
        let (question, answer) =
            if new.is_announcement { ("", Some(new.text.as_str())) } else { (new.text.as_str(), None) };
        let written = db.execute(
            sql,
            values![
                bytes(new.id.as_uuid()),
                bytes(new.contest.as_uuid()),
                bytes(new.asker.as_uuid()),
                new.place.map(|place| i64::try_from(place).unwrap_or(i64::MAX)),
                question,
                answer,
                new.is_announcement,
                to_us(new.asked_at),
                new.is_announcement.then(|| to_us(new.asked_at)),
                per_asker_max
            ],
        )?;
        Ok(written > 0)
    }
}

pub(crate) struct Answer {
    pub(crate) contest: ContestId,
    pub(crate) id: ClarificationId,
    pub(crate) answer: String,
    pub(crate) is_public: Option<bool>,
    pub(crate) now: Timestamp,
}

impl Write for Answer {
    type Output = bool;
    const OPERATION: &'static str = "answer a question about a contest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let sql = "UPDATE clarifications SET answer = ?, public = CASE WHEN announced = 1 THEN 1 ELSE coalesce(?, public) END, \
                   answered_at = ? WHERE id = ? AND contest = ?";
        let written = db.execute(
            sql,
            values![
                self.answer,
                self.is_public,
                to_us(self.now),
                bytes(self.id.as_uuid()),
                bytes(self.contest.as_uuid())
            ],
        )?;
        Ok(written > 0)
    }
}
