//! `DraftStore`: the texts in users' editors. Each row is one revision of a draft.

use async_trait::async_trait;
use cupel_core::drafts::{Draft, DraftBounds, DraftChanged, DraftKey, DraftSave, DraftStep, Newest, Revision};
use cupel_core::{DraftStore, StoreError};
use cupel_types::Bytes;
use uuid::Uuid;

use super::fault::SqlFault;
use super::membership::lock_user;
use super::{Row, Sql, SqlStore, Write, bytes, values};
use crate::rows::{bad, from_us, to_us};

/// Maximum number of a user's drafts or revisions that are removed in one pass. There are as many passes as necessary.
const REMOVED_AT_ONCE: i64 = 100;

#[async_trait]
impl DraftStore for SqlStore {
    async fn save_draft(
        &self,
        key: DraftKey,
        save: DraftSave,
        bounds: DraftBounds,
    ) -> Result<Result<Revision, DraftChanged>, StoreError> {
        self.write(SaveDraft { key, save, bounds }).await
    }

    async fn draft(&self, key: DraftKey, number: Option<u64>) -> Result<Option<Draft>, StoreError> {
        let number = number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let read = self.read("read a draft", move |db| {
            let of = place(&key);
            let of_row = |row: Row<'_>| Ok(Draft { revision: revision(row)?, text: text(row, 3)?.to_owned() });
            let columns =
                "SELECT number, saved_at, bytes, text FROM drafts WHERE owner = ? AND problem = ? AND language = ?";
            let (owner, problem) = (bytes(key.owner.as_uuid()), bytes(of));
            match number {
                Some(number) => {
                    let sql = format!("{columns} AND number = ?");
                    db.one(&sql, values![owner, problem, key.language.as_str(), number], of_row)
                }
                None => {
                    let sql = format!("{columns} ORDER BY number DESC LIMIT 1");
                    db.one(&sql, values![owner, problem, key.language.as_str()], of_row)
                }
            }
        });
        read.await
    }

    async fn draft_revisions(&self, key: DraftKey, most: u64) -> Result<Vec<Revision>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = self.read("read the revisions of a draft", move |db| {
            let sql = "SELECT number, saved_at, bytes FROM drafts WHERE owner = ? AND problem = ? AND language = ?
                       ORDER BY number DESC LIMIT ?";
            let (owner, problem) = (bytes(key.owner.as_uuid()), bytes(place(&key)));
            db.all(sql, values![owner, problem, key.language.as_str(), most], revision)
        });
        read.await
    }

    async fn remove_draft(&self, key: DraftKey) -> Result<bool, StoreError> {
        self.write(RemoveDraft { key }).await
    }
}

/// The problem's id; for the playground, the nil id, which no problem has.
fn place(key: &DraftKey) -> &Uuid {
    const PLAYGROUND: &Uuid = &Uuid::nil();
    key.problem.as_ref().map_or(PLAYGROUND, |problem| problem.as_uuid())
}

/// Reads a revision from the first three columns.
fn revision(row: Row<'_>) -> Result<Revision, SqlFault> {
    Ok(Revision {
        number: unsigned(row.get(0)?, "number")?,
        saved_at: from_us(row.get(1)?, "saved_at")?,
        bytes: Bytes::new(unsigned(row.get(2)?, "bytes")?),
    })
}

fn unsigned(value: i64, column: &'static str) -> Result<u64, SqlFault> {
    Ok(u64::try_from(value).map_err(|_| bad(column))?)
}

/// A text is stored as bytes, because a text of PostgreSQL cannot contain NUL.
fn text(row: Row<'_>, column: usize) -> Result<&str, SqlFault> {
    Ok(std::str::from_utf8(row.blob(column)?).map_err(|_| bad("text"))?)
}

struct RemoveDraft {
    key: DraftKey,
}

impl Write for RemoveDraft {
    type Output = bool;
    const OPERATION: &'static str = "remove a draft";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let (owner, problem) = (bytes(self.key.owner.as_uuid()), bytes(place(&self.key)));
        let sql = "DELETE FROM drafts WHERE owner = ? AND problem = ? AND language = ?";
        Ok(db.execute(sql, values![owner, problem, self.key.language.as_str()])? > 0)
    }
}

struct SaveDraft {
    key: DraftKey,
    save: DraftSave,
    bounds: DraftBounds,
}

impl Write for SaveDraft {
    type Output = Result<Revision, DraftChanged>;
    const OPERATION: &'static str = "save a draft";
    // A user's editor saves every few seconds while they type, and the browser has the text as well.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let (owner, problem) = (bytes(self.key.owner.as_uuid()), bytes(place(&self.key)));
        let language = self.key.language.as_str();
        // Concurrent requests of one user are applied one after another.
        let is_account_kept = lock_user(db, owner)?;
        let sql = "SELECT number, saved_at, bytes, text, begun_at FROM drafts
                   WHERE owner = ? AND problem = ? AND language = ? ORDER BY number DESC LIMIT 1";
        let found = db.one(sql, values![owner, problem, language], |row| {
            let newest = revision(row)?;
            let begun_at = from_us(row.get(4)?, "begun_at")?;
            Ok((newest, self.save.step(Some(Newest { number: newest.number, text: text(row, 3)?, begun_at }))))
        })?;
        let (newest, step) = found.map_or_else(|| (None, self.save.step(None)), |(newest, step)| (Some(newest), step));
        let (number, begins) = match (step, newest) {
            (Err(changed), _) => return Ok(Err(changed)),
            (Ok(DraftStep::Unchanged), Some(newest)) => return Ok(Ok(newest)),
            // A draft without a revision cannot be unchanged.
            (Ok(DraftStep::Unchanged), None) => return Err(bad("number").into()),
            (Ok(DraftStep::Continue(number)), _) => (number, false),
            (Ok(DraftStep::Begin(number)), _) => (number, true),
        };
        let revision = Revision { number, saved_at: self.save.at, bytes: Bytes::new(self.save.text.len() as u64) };
        let stored = i64::try_from(number).map_err(|_| bad("number"))?;
        let (at, text) = (to_us(self.save.at), self.save.text.as_bytes());
        let size = i64::try_from(text.len()).map_err(|_| bad("bytes"))?;
        if !is_account_kept {
            return Ok(Ok(revision));
        }
        match newest.filter(|_| !begins) {
            Some(newest) => {
                let before = i64::try_from(newest.number).map_err(|_| bad("number"))?;
                let sql = "UPDATE drafts SET number = ?, saved_at = ?, bytes = ?, text = ?
                           WHERE owner = ? AND problem = ? AND language = ? AND number = ?";
                db.execute(sql, values![stored, at, size, text, owner, problem, language, before])?;
            }
            None => {
                let sql = "INSERT INTO drafts (owner, problem, language, number, begun_at, saved_at, bytes, text)
                           VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
                db.execute(sql, values![owner, problem, language, stored, at, at, size, text])?;
                self.remove_old_revisions(db)?;
                if newest.is_none() {
                    self.remove_old_drafts(db)?;
                }
            }
        }
        self.remove_excess_bytes(db, stored)?;
        Ok(Ok(revision))
    }
}

impl SaveDraft {
    /// Removes the revisions of this draft beyond their maximum number.
    fn remove_old_revisions(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let (owner, problem) = (bytes(self.key.owner.as_uuid()), bytes(place(&self.key)));
        let language = self.key.language.as_str();
        let kept_max = i64::try_from(self.bounds.revisions_max.max(1)).unwrap_or(i64::MAX);
        let sql = "DELETE FROM drafts WHERE owner = ?1 AND problem = ?2 AND language = ?3 AND number <
                   (SELECT min(number) FROM (SELECT number FROM drafts WHERE owner = ?1 AND problem = ?2 AND language = ?3
                   ORDER BY number DESC LIMIT ?4) AS newest)";
        db.execute(sql, values![owner, problem, language, kept_max])?;
        Ok(())
    }

    /// Removes the drafts beyond their maximum number: those whose last save is the longest ago.
    fn remove_old_drafts(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let owner = bytes(self.key.owner.as_uuid());
        let kept_max = i64::try_from(self.bounds.per_user_max.max(1)).unwrap_or(i64::MAX);
        let sql = "SELECT problem, language FROM drafts WHERE owner = ? GROUP BY problem, language
                   ORDER BY max(number) DESC, problem, language LIMIT ? OFFSET ?";
        loop {
            let old = db.all(sql, values![owner, REMOVED_AT_ONCE, kept_max], |row| {
                Ok((row.get::<Vec<u8>>(0)?, row.get::<String>(1)?))
            })?;
            if old.is_empty() {
                return Ok(());
            }
            for (problem, language) in old {
                let sql = "DELETE FROM drafts WHERE owner = ? AND problem = ? AND language = ?";
                db.execute(sql, values![owner, problem, language])?;
            }
        }
    }

    /// Removes the oldest revisions of the user until the rest has at most the permitted size. `saved`: number of the
    /// revision just saved, which stays.
    fn remove_excess_bytes(&self, db: &dyn Sql, saved: i64) -> Result<(), SqlFault> {
        let (owner, problem) = (bytes(self.key.owner.as_uuid()), bytes(place(&self.key)));
        let language = self.key.language.as_str();
        let mut total =
            db.count("SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM drafts WHERE owner = ?", values![owner])?;
        let most = self.bounds.bytes_per_user_max.get();
        while total > most {
            let sql = "SELECT problem, language, number, bytes FROM drafts
                       WHERE owner = ?1 AND NOT (problem = ?2 AND language = ?3 AND number = ?4)
                       ORDER BY saved_at, number LIMIT ?5";
            let old = db.all(sql, values![owner, problem, language, saved, REMOVED_AT_ONCE], |row| {
                Ok((row.get::<Vec<u8>>(0)?, row.get::<String>(1)?, row.get::<i64>(2)?, unsigned(row.get(3)?, "bytes")?))
            })?;
            if old.is_empty() {
                break;
            }
            for (problem, language, number, size) in old {
                if total <= most {
                    break;
                }
                let sql = "DELETE FROM drafts WHERE owner = ? AND problem = ? AND language = ? AND number = ?";
                db.execute(sql, values![owner, problem, language, number])?;
                total = total.saturating_sub(size);
            }
        }
        Ok(())
    }
}
