//! `SnippetStore`: shared programs.

use async_trait::async_trait;
use cupel_core::snippets::{OwnSnippet, SharedSnippet, SnippetId, TooManySnippets};
use cupel_core::{SnippetStore, StoreError};
use cupel_types::UserId;

use super::fault::SqlFault;
use super::membership::lock_user;
use super::{Sql, SqlStore, Write, bytes, values};
use crate::rows::{decode_snippet, encode_snippet, from_us, id_from, to_us};

/// A page of a user's snippets, the newest first. An index has this order, so programs outside the page are not read.
pub(crate) const OWN: &str = "SELECT id, program, shared_at FROM snippets WHERE owner = ? \
     ORDER BY shared_at DESC, id LIMIT ? OFFSET ?";

#[async_trait]
impl SnippetStore for SqlStore {
    async fn share_snippet(
        &self,
        id: SnippetId,
        owner: UserId,
        shared: SharedSnippet,
        per_user_max: u64,
    ) -> Result<Result<(), TooManySnippets>, StoreError> {
        self.write(ShareSnippet { id, owner, shared, per_user_max }).await
    }

    async fn snippet(&self, id: SnippetId) -> Result<Option<SharedSnippet>, StoreError> {
        let read = self.read("read a snippet", move |db| {
            let sql = "SELECT program, shared_at FROM snippets WHERE id = ? ORDER BY shared_at DESC LIMIT 1";
            db.one(sql, values![bytes(id.as_uuid())], |row| {
                Ok(SharedSnippet {
                    snippet: decode_snippet(row.text(0)?)?,
                    shared_at: from_us(row.get(1)?, "shared_at")?,
                })
            })
        });
        read.await
    }

    async fn own_snippets(&self, owner: UserId, skip: u64, most: u64) -> Result<(Vec<OwnSnippet>, u64), StoreError> {
        let (skip, most) = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(most).unwrap_or(i64::MAX));
        let read = self.read("read a user's snippets", move |db| {
            let owner = bytes(owner.as_uuid());
            let total = db.count("SELECT count(*) FROM snippets WHERE owner = ?", values![owner])?;
            let listed = db.all(OWN, values![owner, most, skip], |row| {
                let shared = SharedSnippet {
                    snippet: decode_snippet(row.text(1)?)?,
                    shared_at: from_us(row.get(2)?, "shared_at")?,
                };
                Ok(OwnSnippet::of(SnippetId::from_uuid(id_from(row.blob(0)?, "id")?), &shared))
            })?;
            Ok((listed, total))
        });
        read.await
    }

    async fn remove_snippet(&self, id: SnippetId, owner: UserId) -> Result<bool, StoreError> {
        self.write(RemoveSnippet { id, owner }).await
    }
}

struct RemoveSnippet {
    id: SnippetId,
    owner: UserId,
}

impl Write for RemoveSnippet {
    type Output = bool;
    const OPERATION: &'static str = "remove a snippet";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let (id, owner) = (bytes(self.id.as_uuid()), bytes(self.owner.as_uuid()));
        Ok(db.execute("DELETE FROM snippets WHERE id = ? AND owner = ?", values![id, owner])? > 0)
    }
}

struct ShareSnippet {
    id: SnippetId,
    owner: UserId,
    shared: SharedSnippet,
    per_user_max: u64,
}

impl Write for ShareSnippet {
    type Output = Result<(), TooManySnippets>;
    const OPERATION: &'static str = "store a snippet";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let (id, owner, at) = (bytes(self.id.as_uuid()), bytes(self.owner.as_uuid()), to_us(self.shared.shared_at));
        // Concurrent requests of one user are counted one after another.
        if !lock_user(db, owner)? {
            return Ok(Ok(()));
        }
        let sql = "UPDATE snippets SET shared_at = ? WHERE id = ? AND owner = ?";
        if db.execute(sql, values![at, id, owner])? > 0 {
            return Ok(Ok(()));
        }
        if db.count("SELECT count(*) FROM snippets WHERE owner = ?", values![owner])? >= self.per_user_max {
            return Ok(Err(TooManySnippets));
        }
        let program = encode_snippet(&self.shared.snippet)?;
        let sql = "INSERT INTO snippets (id, owner, program, shared_at) VALUES (?, ?, ?, ?)";
        db.execute(sql, values![id, owner, program.as_str(), at])?;
        Ok(Ok(()))
    }
}
