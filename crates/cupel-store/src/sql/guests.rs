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

/// Number of guests that one command deletes.
const GUESTS_MAX: u32 = 100;

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

/// The guest of this session ends with it.
pub(super) const END_WITH_SESSION: &str = "UPDATE users SET guest_until = ?1 WHERE guest_until > ?1 \
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

/// The first `?2` submissions of the guest `?1`.
macro_rules! first_of_guest {
    () => {
        "(SELECT s.id FROM code_submissions s WHERE s.owner = ?1 ORDER BY s.id LIMIT ?2)"
    };
}

/// Deletions of a guest's first submissions, referring rows first. The last one deletes the submissions, so all of them
/// concern the same ones.
const SUBMISSIONS: [&str; 5] = [
    concat!(
        "DELETE FROM execution_results WHERE run IN (SELECT r.id FROM runs r WHERE r.submission IN ",
        first_of_guest!(),
        ")"
    ),
    concat!("DELETE FROM failed_attempts WHERE submission IN ", first_of_guest!()),
    concat!("DELETE FROM dead_letters WHERE submission IN ", first_of_guest!()),
    concat!("DELETE FROM webhook_deliveries WHERE submission IN ", first_of_guest!()),
    concat!("DELETE FROM runs WHERE submission IN ", first_of_guest!()),
];
const SUBMISSIONS_THEMSELVES: &str = concat!("DELETE FROM code_submissions WHERE id IN ", first_of_guest!());

/// Whether the guest, with an earlier version, has submitted a solution that counts, or has entered a contest. Such
/// rows are kept, as those of a deleted user.
const COUNTS: &str = "SELECT 1 FROM problem_submissions p JOIN code_submissions s ON s.id = p.submission WHERE s.owner = ?1 \
     UNION ALL SELECT 1 FROM contest_participants c WHERE c.\"user\" = ?1 LIMIT 1";

/// Ends guests whose time is over, and deletes guests whose submissions have been cancelled, with at most `limit` of
/// their submissions. Returns the number of deleted guests and submissions.
pub(super) fn forget(db: &dyn Sql, now: Timestamp, limit: u32) -> Result<u64, SqlFault> {
    let until = to_us(now);
    let sql = "UPDATE users SET disabled_at = ?1, cancel_since = ?1 WHERE id IN \
               (SELECT id FROM users WHERE guest_until <= ?1 AND disabled_at IS NULL ORDER BY guest_until LIMIT ?2)";
    db.execute(sql, values![until, limit])?;
    let sql = "SELECT id FROM users WHERE guest_until <= ? AND disabled_at IS NOT NULL AND cancel_since IS NULL \
               ORDER BY guest_until LIMIT ?";
    let guests = db.all(sql, values![until, GUESTS_MAX], |row| Ok(row.blob(0)?.to_vec()))?;
    let mut forgotten = 0;
    for guest in guests {
        let id = guest.as_slice();
        if db.exists(COUNTS, values![id])? {
            DeleteUser { user: UserId::from_uuid(id_from(id, "id")?), now }.apply(db)?;
            db.execute("UPDATE users SET guest_until = NULL WHERE id = ?", values![id])?;
            continue;
        }
        let left = u64::from(limit).saturating_sub(forgotten).cast_signed();
        for sql in SUBMISSIONS {
            db.execute(sql, values![id, left])?;
        }
        forgotten += db.execute(SUBMISSIONS_THEMSELVES, values![id, left])?;
        if db.exists("SELECT 1 FROM code_submissions WHERE owner = ? LIMIT 1", values![id])? {
            break;
        }
        for sql in OF_GUEST {
            db.execute(sql, values![id])?;
        }
        forgotten += db.execute("DELETE FROM users WHERE id = ?", values![id])?;
    }
    Ok(forgotten)
}
