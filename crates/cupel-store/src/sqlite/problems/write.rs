//! The changes to problems.

use super::*;

pub(super) struct InsertProblem(pub(super) NewProblem);

impl Write for InsertProblem {
    type Output = Result<(), SlugTaken>;
    const OPERATION: &'static str = "insert a problem";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Self::Output, Fault> {
        let InsertProblem(new) = self;
        if is_taken(connection, new.slug.as_str(), None)? {
            return Ok(Err(SlugTaken));
        }
        let (id, version) = (bytes(new.id.as_uuid()), &new.version);
        let sql = "INSERT INTO problems (id, slug, owner, title, title_key, tags, visibility, version, better, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, '', '', '[]', ?4, 1, 1, ?5, ?5)";
        connection.prepare_cached(sql)?.execute(params![
            id,
            new.slug.as_str(),
            new.owner.as_ref().map(|owner| bytes(owner.as_uuid())),
            visibility_number(new.visibility),
            to_us(version.at)
        ])?;
        insert_version(connection, id, 1, version)?;
        make_current(connection, id, 1, version)?;
        Ok(Ok(()))
    }
}

pub(super) struct AddVersion {
    pub(super) problem: ProblemId,
    pub(super) version: NewVersion,
}

impl Write for AddVersion {
    type Output = bool;
    const OPERATION: &'static str = "add a version of a problem";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let (id, version) = (bytes(self.problem.as_uuid()), &self.version);
        let current = connection
            .prepare_cached("SELECT version FROM problems WHERE id = ?")?
            .query_row([id], |row| row.get::<_, u32>(0))
            .optional()?;
        let Some(current) = current else { return Ok(false) };
        let sql = "SELECT number FROM problem_versions WHERE problem = ? AND package = ?";
        let known = connection
            .prepare_cached(sql)?
            .query_row(params![id, version.package.as_bytes()], |row| row.get::<_, u32>(0))
            .optional()?;
        let number = match known {
            Some(number) => number,
            None => {
                let sql = "SELECT max(number) + 1 FROM problem_versions WHERE problem = ?";
                let next = connection.prepare_cached(sql)?.query_row([id], |row| row.get::<_, u32>(0))?;
                insert_version(connection, id, next, version)?;
                next
            }
        };
        if number == current {
            set_shipped(connection, version)?;
            return Ok(false);
        }
        make_current(connection, id, number, version)?;
        // Of another difficulty, perhaps.
        compute_progress_of_all(connection, id)?;
        Ok(true)
    }
}

fn insert_version(connection: &Connection, problem: &[u8], number: u32, version: &NewVersion) -> Result<(), Fault> {
    let sql = "INSERT INTO problem_versions (problem, number, package, format, created_by, created_at, verified, bytes) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![
        problem,
        number,
        version.package.as_bytes(),
        version.format,
        version.by.as_ref().map(|by| bytes(by.as_uuid())),
        to_us(version.at),
        version.is_verified,
        i64::try_from(version.bytes.get()).unwrap_or(i64::MAX)
    ])?;
    Ok(())
}

fn make_current(connection: &Connection, problem: &[u8], number: u32, version: &NewVersion) -> Result<(), Fault> {
    let tags: Vec<&str> = version.tags.iter().map(Tag::as_str).collect();
    let sql = "UPDATE problems SET title = ?, title_key = ?, difficulty = ?, tags = ?, version = ?, better = ?, updated_at = ? \
               WHERE id = ?";
    connection.prepare_cached(sql)?.execute(params![
        version.title,
        version.title.to_lowercase(),
        version.difficulty.map(difficulty_number),
        serde_json::to_string(&tags).map_err(|_| bad("tags"))?,
        number,
        if version.lower_is_better { -1 } else { 1 },
        to_us(version.at),
        problem
    ])?;
    connection.prepare_cached("DELETE FROM problem_tags WHERE problem = ?")?.execute([problem])?;
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO problem_tags (tag, problem) VALUES (?, ?)")?;
    for tag in tags {
        insert.execute(params![tag, problem])?;
    }
    set_shipped(connection, version)
}

fn set_shipped(connection: &Connection, version: &NewVersion) -> Result<(), Fault> {
    match &version.shipped {
        Some((slug, archive)) => SetShipped { slug: slug.clone(), archive: *archive }.apply(connection),
        None => Ok(()),
    }
}

pub(super) struct SetShipped {
    pub(super) slug: String,
    pub(super) archive: [u8; 32],
}

impl Write for SetShipped {
    type Output = ();
    const OPERATION: &'static str = "note a problem that comes with Cupel";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let sql = "INSERT OR REPLACE INTO shipped_problems (slug, archive) VALUES (?, ?)";
        connection.prepare_cached(sql)?.execute(params![self.slug, self.archive])?;
        Ok(())
    }
}

/// Whether a problem other than `but` has the slug.
fn is_taken(connection: &Connection, slug: &str, but: Option<&[u8]>) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM problems WHERE slug = ? AND id IS NOT ?";
    Ok(connection.prepare_cached(sql)?.exists(params![slug, but])?)
}

pub(super) struct ChangeProblem {
    pub(super) problem: ProblemId,
    pub(super) change: ProblemChange,
    pub(super) now: Timestamp,
}

impl Write for ChangeProblem {
    type Output = Result<bool, SlugTaken>;
    const OPERATION: &'static str = "change a problem";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Self::Output, Fault> {
        let (id, change) = (bytes(self.problem.as_uuid()), &self.change);
        if let Some(slug) = &change.slug
            && is_taken(connection, slug.as_str(), Some(id))?
        {
            return Ok(Err(SlugTaken));
        }
        let sql = "UPDATE problems SET visibility = coalesce(?, visibility), slug = coalesce(?, slug), updated_at = ? WHERE id = ?";
        let changed = connection.prepare_cached(sql)?.execute(params![
            change.visibility.map(visibility_number),
            change.slug.as_ref().map(|slug| slug.as_str()),
            to_us(self.now),
            id
        ])?;
        if changed == 0 {
            return Ok(Ok(false));
        }
        if let Some(members) = &change.members {
            connection.prepare_cached("DELETE FROM problem_members WHERE problem = ?")?.execute([id])?;
            // Who is no user has no part.
            let sql =
                "INSERT OR REPLACE INTO problem_members (problem, user, part) SELECT ?, id, ? FROM users WHERE id = ?";
            let mut insert = connection.prepare_cached(sql)?;
            for (user, part) in members {
                insert.execute(params![id, part.as_str(), bytes(user.as_uuid())])?;
            }
        }
        if change.visibility.is_some() {
            compute_progress_of_all(connection, id)?;
        }
        Ok(Ok(true))
    }
}

pub(super) struct DeleteProblem(pub(super) ProblemId);

impl Write for DeleteProblem {
    type Output = Deleted;
    const OPERATION: &'static str = "delete a problem";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Deleted, Fault> {
        let id = bytes(self.0.as_uuid());
        let sql = "SELECT visibility = 0 AND NOT EXISTS (SELECT 1 FROM problem_submissions t WHERE t.problem = p.id) \
                   AND NOT EXISTS (SELECT 1 FROM contest_problems e WHERE e.problem = p.id) FROM problems p WHERE id = ?";
        let may_go = connection.prepare_cached(sql)?.query_row([id], |row| row.get::<_, bool>(0)).optional()?;
        match may_go {
            None => Ok(Deleted::Missing),
            Some(false) => Ok(Deleted::InUse),
            Some(true) => {
                connection.prepare_cached("DELETE FROM problems WHERE id = ?")?.execute([id])?;
                Ok(Deleted::Gone)
            }
        }
    }
}
