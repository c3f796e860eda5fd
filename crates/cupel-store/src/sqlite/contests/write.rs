//! The changes to contests.

use super::*;

pub(super) struct InsertContest(pub(super) NewContest);

impl Write for InsertContest {
    type Output = Result<(), TakenContestSlug>;
    const OPERATION: &'static str = "insert a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Self::Output, Fault> {
        let InsertContest(new) = self;
        let sql = "SELECT 1 FROM contests WHERE slug = ?";
        if connection.prepare_cached(sql)?.exists([new.slug.as_str()])? {
            return Ok(Err(TakenContestSlug));
        }
        let id = bytes(new.id.as_uuid());
        let (style, penalty) = style_columns(new.style);
        let sql = "INSERT INTO contests (id, slug, title, description, owner, style, penalty_us, starts_at, length_us, freeze_us, \
                   unfrozen, public, join_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![
            id,
            new.slug.as_str(),
            new.title,
            new.description,
            bytes(new.owner.as_uuid()),
            style,
            penalty,
            to_us(new.starts_at),
            span_to_us(new.length),
            new.freeze.map(span_to_us),
            new.is_public,
            new.join_code.as_str()
        ])?;
        set_problems(connection, id, &new.problems)?;
        Ok(Ok(()))
    }
}

fn set_problems(connection: &Connection, contest: &[u8], problems: &[ProblemId]) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM contest_problems WHERE contest = ?")?.execute([contest])?;
    let mut insert =
        connection.prepare_cached("INSERT INTO contest_problems (contest, place, problem) VALUES (?, ?, ?)")?;
    for (place, problem) in problems.iter().enumerate() {
        insert.execute(params![contest, i64::try_from(place).unwrap_or(i64::MAX), bytes(problem.as_uuid())])?;
    }
    Ok(())
}

pub(super) struct ChangeContest {
    pub(super) contest: ContestId,
    pub(super) change: ContestChange,
}

impl Write for ChangeContest {
    type Output = bool;
    const OPERATION: &'static str = "change a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let (id, change) = (bytes(self.contest.as_uuid()), &self.change);
        let style = change.style.map(style_columns);
        let sql = "UPDATE contests SET title = coalesce(?2, title), description = coalesce(?3, description), \
                   style = coalesce(?4, style), penalty_us = coalesce(?5, penalty_us), starts_at = coalesce(?6, starts_at), \
                   length_us = coalesce(?7, length_us), freeze_us = iif(?8, ?9, freeze_us), \
                   unfrozen = coalesce(?10, unfrozen), public = coalesce(?11, public), join_code = coalesce(?12, join_code) \
                   WHERE id = ?1";
        let changed = connection.prepare_cached(sql)?.execute(params![
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
        ])?;
        if let Some(starts_at) = change.starts_at {
            let sql = "UPDATE contest_participants SET starts_at = ? WHERE contest = ? AND participation = ?";
            let official = participation_number(Participation::Official);
            connection.prepare_cached(sql)?.execute(params![to_us(starts_at), id, official])?;
        }
        if let Some(problems) = &change.problems {
            set_problems(connection, id, problems)?;
        }
        Ok(changed > 0)
    }
}

pub(super) struct DeleteContest {
    pub(super) contest: ContestId,
    pub(super) now: Timestamp,
}

impl Write for DeleteContest {
    type Output = DeletedContest;
    const OPERATION: &'static str = "delete a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<DeletedContest, Fault> {
        let id = bytes(self.contest.as_uuid());
        let sql = "SELECT c.starts_at <= ?2 AND EXISTS (SELECT 1 FROM contest_participants x WHERE x.contest = c.id) \
                   FROM contests c WHERE id = ?1";
        let mut query = connection.prepare_cached(sql)?;
        let is_used = query.query_row(params![id, to_us(self.now)], |row| row.get::<_, bool>(0)).optional()?;
        match is_used {
            None => Ok(DeletedContest::Missing),
            Some(true) => Ok(DeletedContest::InUse),
            Some(false) => {
                connection.prepare_cached("DELETE FROM contests WHERE id = ?")?.execute([id])?;
                Ok(DeletedContest::Gone)
            }
        }
    }
}

pub(super) struct TakePart {
    pub(super) contest: ContestId,
    pub(super) user: UserId,
    pub(super) virtual_start: Option<Timestamp>,
}

impl Write for TakePart {
    type Output = bool;
    const OPERATION: &'static str = "take part in a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        // The contest may have been moved since somebody looked when it begins.
        let sql = "INSERT INTO contest_participants (contest, user, participation, starts_at, number) \
                   SELECT ?1, ?2, ?3, coalesce(?4, starts_at), \
                   coalesce((SELECT max(number) + 1 FROM contest_participants WHERE contest = ?1), 0) \
                   FROM contests WHERE id = ?1 ON CONFLICT DO NOTHING";
        let participation = self.virtual_start.map_or(Participation::Official, |_from| Participation::Virtual);
        let written = connection.prepare_cached(sql)?.execute(params![
            bytes(self.contest.as_uuid()),
            bytes(self.user.as_uuid()),
            participation_number(participation),
            self.virtual_start.map(to_us)
        ])?;
        Ok(written > 0)
    }
}

pub(super) struct Withdraw {
    pub(super) contest: ContestId,
    pub(super) user: UserId,
}

impl Write for Withdraw {
    type Output = bool;
    const OPERATION: &'static str = "withdraw from a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let sql = "DELETE FROM contest_participants WHERE contest = ? AND user = ?";
        let gone =
            connection.prepare_cached(sql)?.execute([bytes(self.contest.as_uuid()), bytes(self.user.as_uuid())])?;
        Ok(gone > 0)
    }
}

pub(super) struct Ask {
    pub(super) new: NewClarification,
    pub(super) per_asker_max: u32,
}

impl Write for Ask {
    type Output = bool;
    const OPERATION: &'static str = "ask about a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let Ask { new, per_asker_max } = self;
        let sql = "INSERT INTO clarifications (id, contest, asker, place, question, public, asked_at) \
                   SELECT ?1, ?2, ?3, ?4, ?5, 0, ?6 \
                   WHERE (SELECT count(*) FROM clarifications WHERE contest = ?2 AND asker = ?3) < ?7";
        let written = connection.prepare_cached(sql)?.execute(params![
            bytes(new.id.as_uuid()),
            bytes(new.contest.as_uuid()),
            bytes(new.asker.as_uuid()),
            new.place.map(|place| i64::try_from(place).unwrap_or(i64::MAX)),
            new.question,
            to_us(new.asked_at),
            per_asker_max
        ])?;
        Ok(written > 0)
    }
}

pub(super) struct Answer {
    pub(super) contest: ContestId,
    pub(super) id: ClarificationId,
    pub(super) answer: String,
    pub(super) is_public: bool,
    pub(super) now: Timestamp,
}

impl Write for Answer {
    type Output = bool;
    const OPERATION: &'static str = "answer a question about a contest";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let sql = "UPDATE clarifications SET answer = ?, public = ?, answered_at = ? WHERE id = ? AND contest = ?";
        let written = connection.prepare_cached(sql)?.execute(params![
            self.answer,
            self.is_public,
            to_us(self.now),
            bytes(self.id.as_uuid()),
            bytes(self.contest.as_uuid())
        ])?;
        Ok(written > 0)
    }
}
