//! Guests: temporary accounts, which are deleted with everything they own.
//!
//! The column `guest_until` distinguishes a guest from other users. Its `role` is that of an ordinary user, so that a
//! node of an earlier version, which does not know the column, gives it no more rights than that.

use cupel_core::accounts::{NewUser, RefreshSession};
use cupel_types::UserId;
use jiff::Timestamp;

use super::accounts::{InsertSession, InsertUser};
use super::fault::SqlFault;
use super::membership::DeleteUser;
use super::{Sql, Write, values};
use crate::rows::{id_from, to_us};

/// Number of guests that one step ends.
const ENDED_MAX: u32 = 100;
/// Number of submissions that one step deletes.
const SUBMISSIONS_MAX: u32 = 50;
/// Number of bytes in their sources, inputs and outputs, unless the first submission has more. SQLite reads all of them
/// to delete them, while its other writes wait.
const BYTES_MAX: u64 = 4 << 20;

pub(super) struct InsertGuest {
    pub(super) guest: NewUser,
    pub(super) session: RefreshSession,
}

impl Write for InsertGuest {
    type Output = ();
    const OPERATION: &'static str = "insert a guest";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        // The name contains the new id, so no other user has it.
        InsertUser(self.guest.clone()).insert(db, Some(self.session.expires_at))?;
        InsertSession { session: self.session.clone(), password_hash: None }.apply(db)?;
        Ok(())
    }
}

/// The guest of this session ends with it: it submits nothing more, and its submissions are cancelled.
pub(super) const END_WITH_SESSION: &str = "UPDATE users SET guest_until = ?1, \
     disabled_at = coalesce(disabled_at, ?1), cancel_since = ?1 WHERE guest_until > ?1 \
     AND id = (SELECT s.\"user\" FROM refresh_sessions s WHERE s.id = ?2)";

/// Deletions of what a guest can own, except its submissions: `?1` is the guest. An earlier version may have let the
/// guest create API keys, drafts and shared programs.
const OF_GUEST: [&str; 7] = [
    "DELETE FROM idempotency_keys WHERE owner = ?1",
    "DELETE FROM refresh_sessions WHERE \"user\" = ?1",
    "DELETE FROM stream_tickets WHERE \"user\" = ?1",
    "DELETE FROM password_links WHERE \"user\" = ?1",
    "DELETE FROM api_keys WHERE owner = ?1",
    "DELETE FROM drafts WHERE owner = ?1",
    "DELETE FROM snippets WHERE owner = ?1",
];

/// The first submissions of a guest, with the number of bytes in the submission and its results.
const FIRST: &str = "SELECT s.id, length(s.data) + coalesce((SELECT sum(length(e.data)) FROM runs r \
     JOIN execution_results e ON e.run = r.id WHERE r.submission = s.id), 0) \
     FROM code_submissions s WHERE s.owner = ? ORDER BY s.id LIMIT ?";

/// Deletions of a submission, referring rows first: `?1` is the submission.
const OF_SUBMISSION: [&str; 6] = [
    "DELETE FROM execution_results WHERE run IN (SELECT id FROM runs WHERE submission = ?1)",
    "DELETE FROM failed_attempts WHERE submission = ?1",
    "DELETE FROM dead_letters WHERE submission = ?1",
    "DELETE FROM webhook_deliveries WHERE submission = ?1",
    "DELETE FROM runs WHERE submission = ?1",
    "DELETE FROM code_submissions WHERE id = ?1",
];

/// Whether other users see something of the guest, which an earlier version let it do: a submission that counts, a
/// contest, a problem. Such rows are kept, as those of a deleted user.
const IS_SEEN: &str = "SELECT 1 FROM problem_submissions p JOIN code_submissions s ON s.id = p.submission WHERE s.owner = ?1 \
     UNION ALL SELECT 1 FROM problem_results WHERE \"user\" = ?1 \
     UNION ALL SELECT 1 FROM user_progress WHERE \"user\" = ?1 \
     UNION ALL SELECT 1 FROM contest_participants WHERE \"user\" = ?1 \
     UNION ALL SELECT 1 FROM clarifications WHERE asker = ?1 \
     UNION ALL SELECT 1 FROM contests WHERE owner = ?1 \
     UNION ALL SELECT 1 FROM problem_members WHERE \"user\" = ?1 \
     UNION ALL SELECT 1 FROM problem_versions WHERE created_by = ?1 \
     UNION ALL SELECT 1 FROM problems WHERE owner = ?1 LIMIT 1";

/// One step of the removal of guests whose time is over.
pub(super) struct ForgetGuests {
    pub(super) now: Timestamp,
}

impl Write for ForgetGuests {
    type Output = u64;
    const OPERATION: &'static str = "delete guests that have ended";
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<u64, SqlFault> {
        let now = to_us(self.now);
        let sql = "UPDATE users SET disabled_at = ?1, cancel_since = ?1 WHERE id IN \
                   (SELECT id FROM users WHERE guest_until <= ?1 AND disabled_at IS NULL ORDER BY guest_until LIMIT ?2)";
        let ended = db.execute(sql, values![now, ENDED_MAX])?;
        let sql = "SELECT id FROM users WHERE guest_until <= ? AND disabled_at IS NOT NULL AND cancel_since IS NULL \
                   ORDER BY guest_until LIMIT 1";
        let Some(guest) = db.one(sql, values![now], |row| Ok(row.blob(0)?.to_vec()))? else { return Ok(ended) };
        let id = guest.as_slice();
        if db.exists(IS_SEEN, values![id])? {
            DeleteUser { user: UserId::from_uuid(id_from(id, "id")?), now: self.now }.apply(db)?;
            return Ok(ended + db.execute("UPDATE users SET guest_until = NULL WHERE id = ?", values![id])?);
        }
        let first = db.all(FIRST, values![id, SUBMISSIONS_MAX], |row| {
            Ok((row.blob(0)?.to_vec(), row.get::<i64>(1)?.unsigned_abs()))
        })?;
        let mut bytes = 0;
        let mut deleted = 0;
        for (submission, length) in &first {
            bytes += length;
            if deleted > 0 && bytes > BYTES_MAX {
                break;
            }
            for sql in OF_SUBMISSION {
                db.execute(sql, values![submission.as_slice()])?;
            }
            deleted += 1;
        }
        if first.is_empty() {
            for sql in OF_GUEST {
                db.execute(sql, values![id])?;
            }
            deleted += db.execute("DELETE FROM users WHERE id = ?", values![id])?;
        }
        Ok(ended + deleted)
    }
}
