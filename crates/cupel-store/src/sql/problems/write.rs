//! Commands that change problems.

use super::*;

pub(crate) struct InsertProblem(pub(crate) NewProblem);

impl Write for InsertProblem {
    type Output = Result<(), SlugTaken>;
    const OPERATION: &'static str = "insert a problem";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let InsertProblem(new) = self;
        if is_taken(db, new.slug.as_str(), None)? {
            return Ok(Err(SlugTaken));
        }
        let (id, version) = (bytes(new.id.as_uuid()), &new.version);
        let sql = "INSERT INTO problems (id, slug, owner, title, title_key, tags, visibility, version, better, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, '', '', '[]', ?4, 1, 1, ?5, ?5)";
        db.execute(
            sql,
            values![
                id,
                new.slug.as_str(),
                new.owner.as_ref().map(|owner| bytes(owner.as_uuid())),
                visibility_number(new.visibility),
                to_us(version.at)
            ],
        )?;
        insert_version(db, id, 1, version)?;
        make_current(db, id, 1, version)?;
        Ok(Ok(()))
    }
}

pub(crate) struct AddVersion {
    pub(crate) problem: ProblemId,
    pub(crate) version: NewVersion,
    pub(crate) only_if_draft: bool,
}

impl Write for AddVersion {
    /// `None`: the problem is not a draft, and must be one.
    type Output = Option<bool>;
    const OPERATION: &'static str = "add a version of a problem";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Option<bool>, SqlFault> {
        let (id, version) = (bytes(self.problem.as_uuid()), &self.version);
        db.lock(Lock::Problem, id)?;
        let Some(before) = Current::read(db, id)? else { return Ok(Some(false)) };
        if self.only_if_draft && !before.is_draft {
            return Ok(None);
        }
        let StagedVersion { number, .. } = number_of(db, id, version)?;
        if number == before.version {
            set_shipped(db, version)?;
            return Ok(Some(false));
        }
        make_current(db, id, number, version)?;
        let Some(after) = Current::read(db, id)? else { return Ok(Some(false)) };
        if after.better != before.better {
            compute_results_of_all(db, id, after.better)?;
        }
        if after.is_public && after.difficulty != before.difficulty {
            compute_progress_of_all(db, id)?;
        }
        Ok(Some(true))
    }
}

/// The properties of a problem that depend on its current version, and who may see it.
struct Current {
    version: u32,
    difficulty: Option<i64>,
    better: i64,
    is_draft: bool,
    is_public: bool,
}

impl Current {
    fn read(db: &dyn Sql, problem: &[u8]) -> Result<Option<Current>, SqlFault> {
        let sql = "SELECT version, difficulty, better, visibility = 0, visibility = 2 FROM problems WHERE id = ?";
        db.one(sql, values![problem], |row| {
            let (version, difficulty) = (row.get(0)?, row.get(1)?);
            Ok(Current { version, difficulty, better: row.get(2)?, is_draft: row.get(3)?, is_public: row.get(4)? })
        })
    }
}

pub(crate) struct StageVersion {
    pub(crate) problem: ProblemId,
    pub(crate) version: NewVersion,
}

impl Write for StageVersion {
    type Output = Option<StagedVersion>;
    const OPERATION: &'static str = "stage a version of a problem";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Option<StagedVersion>, SqlFault> {
        let id = bytes(self.problem.as_uuid());
        db.lock(Lock::Problem, id)?;
        if !db.exists("SELECT 1 FROM problems WHERE id = ?", values![id])? {
            return Ok(None);
        }
        number_of(db, id, &self.version).map(Some)
    }
}

pub(crate) struct AddException {
    pub(crate) problem: ProblemId,
    pub(crate) exception: VersionException,
}

impl Write for AddException {
    type Output = ();
    const OPERATION: &'static str = "record an exception for a version";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let VersionException { number, by, username, at, reason } = &self.exception;
        let sql = "INSERT INTO version_exceptions (problem, number, given_at, given_by, username, reason) \
                   SELECT id, ?, ?, ?, ?, ? FROM problems WHERE id = ? ON CONFLICT DO NOTHING";
        let (by, problem) = (bytes(by.as_uuid()), bytes(self.problem.as_uuid()));
        db.execute(sql, values![*number, to_us(*at), by, username, reason, problem])?;
        Ok(())
    }
}

/// The number of a version; inserts the version if it is new.
fn number_of(db: &dyn Sql, problem: &[u8], version: &NewVersion) -> Result<StagedVersion, SqlFault> {
    let sql = "SELECT number FROM problem_versions WHERE problem = ? AND package = ?";
    let known = db.one(sql, values![problem, version.package.as_bytes()], |row| row.get::<u32>(0))?;
    if let Some(number) = known {
        return Ok(StagedVersion { number, is_new: false });
    }
    let sql = "SELECT max(number) + 1 FROM problem_versions WHERE problem = ?";
    let number = db.one(sql, values![problem], |row| row.get::<u32>(0))?.ok_or(bad("number"))?;
    insert_version(db, problem, number, version)?;
    Ok(StagedVersion { number, is_new: true })
}

fn insert_version(db: &dyn Sql, problem: &[u8], number: u32, version: &NewVersion) -> Result<(), SqlFault> {
    let sql = "INSERT INTO problem_versions (problem, number, package, format, created_by, created_at, verified, bytes) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    db.execute(
        sql,
        values![
            problem,
            number,
            version.package.as_bytes(),
            version.format,
            version.by.as_ref().map(|by| bytes(by.as_uuid())),
            to_us(version.at),
            version.is_verified,
            i64::try_from(version.bytes.get()).unwrap_or(i64::MAX)
        ],
    )?;
    Ok(())
}

fn make_current(db: &dyn Sql, problem: &[u8], number: u32, version: &NewVersion) -> Result<(), SqlFault> {
    let tags: Vec<&str> = version.tags.iter().map(Tag::as_str).collect();
    let sql = "UPDATE problems SET title = ?, title_key = ?, difficulty = ?, tags = ?, version = ?, better = ?, updated_at = ? \
               WHERE id = ?";
    db.execute(
        sql,
        values![
            version.title,
            version.title.to_lowercase(),
            version.difficulty.map(difficulty_number),
            serde_json::to_string(&tags).map_err(|_| bad("tags"))?,
            number,
            if version.lower_is_better { -1i64 } else { 1 },
            to_us(version.at),
            problem
        ],
    )?;
    db.execute("DELETE FROM problem_tags WHERE problem = ?", values![problem])?;
    let sql = "INSERT INTO problem_tags (tag, problem) VALUES (?, ?) ON CONFLICT DO NOTHING";
    for tag in tags {
        db.execute(sql, values![tag, problem])?;
    }
    set_shipped(db, version)
}

fn set_shipped(db: &dyn Sql, version: &NewVersion) -> Result<(), SqlFault> {
    match &version.shipped {
        Some((slug, archive)) => SetShipped { slug: slug.clone(), archive: *archive }.apply(db),
        None => Ok(()),
    }
}

pub(crate) struct SetShipped {
    pub(crate) slug: String,
    pub(crate) archive: [u8; 32],
}

impl Write for SetShipped {
    type Output = ();
    const OPERATION: &'static str = "record a shipped problem";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let sql = "INSERT INTO shipped_problems (slug, archive) VALUES (?, ?) ON CONFLICT (slug) DO UPDATE SET archive = excluded.archive";
        db.execute(sql, values![self.slug, self.archive])?;
        Ok(())
    }
}

/// Whether a problem other than `but` has the slug.
fn is_taken(db: &dyn Sql, slug: &str, but: Option<&[u8]>) -> Result<bool, SqlFault> {
    let sql = "SELECT 1 FROM problems WHERE slug = ? AND id IS DISTINCT FROM ?";
    db.exists(sql, values![slug, but])
}

pub(crate) struct ChangeProblem {
    pub(crate) problem: ProblemId,
    pub(crate) change: ProblemChange,
    pub(crate) now: Timestamp,
}

impl Write for ChangeProblem {
    type Output = Result<bool, SlugTaken>;
    const OPERATION: &'static str = "change a problem";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let (id, change) = (bytes(self.problem.as_uuid()), &self.change);
        db.lock(Lock::Problem, id)?;
        if let Some(slug) = &change.slug
            && is_taken(db, slug.as_str(), Some(id))?
        {
            return Ok(Err(SlugTaken));
        }
        let before = Current::read(db, id)?;
        let sql = "UPDATE problems SET visibility = coalesce(?, visibility), slug = coalesce(?, slug), updated_at = ? WHERE id = ? AND version = coalesce(?, version)";
        let changed = db.execute(
            sql,
            values![
                change.visibility.map(visibility_number),
                change.slug.as_ref().map(|slug| slug.as_str()),
                to_us(self.now),
                id,
                change.of_version
            ],
        )?;
        if changed == 0 {
            return Ok(Ok(false));
        }
        // A user has one part, and an author is never only a reader. Ids that belong to no user are ignored.
        let authors = "INSERT INTO problem_members (problem, \"user\", part) SELECT ?, id, ? FROM users WHERE id = ? \
                       ON CONFLICT (problem, \"user\") DO UPDATE SET part = excluded.part";
        let readers = "INSERT INTO problem_members (problem, \"user\", part) SELECT ?, id, ? FROM users WHERE id = ? \
                       ON CONFLICT (problem, \"user\") DO NOTHING";
        for (part, members, insert) in
            [(Part::Author, &change.authors, authors), (Part::Reader, &change.readers, readers)]
        {
            let Some(members) = members else { continue };
            db.execute("DELETE FROM problem_members WHERE problem = ? AND part = ?", values![id, part.as_str()])?;
            for user in members {
                db.execute(insert, values![id, part.as_str(), bytes(user.as_uuid())])?;
            }
        }
        // Progress counts public problems only. A site may send an unchanged visibility together with other changes.
        let will_be_public = change.visibility.map(|visibility| visibility == Visibility::Public);
        if will_be_public.is_some_and(|is| before.is_some_and(|before| before.is_public != is)) {
            compute_progress_of_all(db, id)?;
        }
        Ok(Ok(true))
    }
}

pub(crate) struct DeleteProblem(pub(crate) ProblemId);

impl Write for DeleteProblem {
    type Output = Deleted;
    const OPERATION: &'static str = "delete a problem";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Deleted, SqlFault> {
        let id = bytes(self.0.as_uuid());
        let sql = "SELECT visibility = 0 AND NOT EXISTS (SELECT 1 FROM problem_submissions t WHERE t.problem = p.id) \
                   AND NOT EXISTS (SELECT 1 FROM contest_problems e WHERE e.problem = p.id) FROM problems p WHERE id = ?";
        db.lock(Lock::Problem, id)?;
        let may_go = db.one(sql, values![id], |row| row.get::<bool>(0))?;
        match may_go {
            None => Ok(Deleted::Missing),
            Some(false) => Ok(Deleted::InUse),
            Some(true) => {
                db.execute("DELETE FROM drafts WHERE problem = ?", values![id])?;
                db.execute("DELETE FROM problems WHERE id = ?", values![id])?;
                Ok(Deleted::Gone)
            }
        }
    }
}
