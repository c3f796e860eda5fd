//! `MembershipStore`: passwords, one-time links, deletion of accounts, sessions, join codes, and stream tickets.

use async_trait::async_trait;
use cupel_core::StoreError;
use cupel_core::accounts::{
    AccountChange, CodeRefused, CredentialId, MembershipStore, NewUser, RegistrationCode, Session, StreamTicket, User,
};
use cupel_types::{ApiKeyId, JoinCodeId, SessionId, SubmissionId, TicketId, UserId};
use jiff::Timestamp;
use uuid::Uuid;

use super::accounts::InsertUser;
use super::fault::SqlFault;
use super::{Lock, Row, Sql, SqlStore, Write, bytes, values};
use crate::rows::{bad, from_us, id_from, to_us};

const CODES: &str = "SELECT id, code, name, created_at, expires_at, uses_max, uses, ended_at FROM registration_codes \
     ORDER BY id DESC LIMIT 1000";

#[async_trait]
impl MembershipStore for SqlStore {
    async fn change_password(
        &self,
        user: UserId,
        verified: Option<&str>,
        password_hash: String,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(ChangePassword { user, verified: verified.map(str::to_owned), password_hash, keep, now }).await
    }

    async fn delete_user(&self, user: UserId, now: Timestamp) -> Result<AccountChange, StoreError> {
        self.write(DeleteUser { user, now }).await
    }

    async fn users_to_cancel(
        &self,
        after: Option<(Timestamp, UserId)>,
        limit: u32,
    ) -> Result<Vec<(Timestamp, UserId)>, StoreError> {
        let read = self.read("list users whose submissions are cancelled", move |db| {
            let sql = "SELECT cancel_since, id FROM users WHERE cancel_since IS NOT NULL AND (cancel_since, id) > (?, ?) \
                       ORDER BY cancel_since, id LIMIT ?";
            let (since, id) = after.map_or((i64::MIN, Uuid::nil()), |(since, id)| (to_us(since), *id.as_uuid()));
            let user_of = |row: Row<'_>| {
                Ok((from_us(row.get(0)?, "cancel_since")?, UserId::from_uuid(id_from(row.blob(1)?, "id")?)))
            };
            db.all(sql, values![since, bytes(&id), limit], user_of)
        });
        read.await
    }

    async fn end_cancelling(&self, user: UserId, since: Timestamp) -> Result<(), StoreError> {
        self.write(EndCancelling { user, since }).await
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let read = self.read("list sessions", move |db| {
            let sql = "SELECT id, created_at, last_used_at, expires_at, user_agent FROM refresh_sessions \
                       WHERE \"user\" = ? AND ended_at IS NULL AND expires_at > ? ORDER BY id DESC LIMIT 1000";
            db.all(sql, values![bytes(user.as_uuid()), to_us(now)], session_of)
        });
        read.await
    }

    async fn end_session_of(&self, user: UserId, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(EndSessionOf { user, id, now }).await
    }

    async fn put_link(
        &self,
        user: UserId,
        secret_hash: [u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(PutLink { user, secret_hash, now, expires_at }).await
    }

    async fn is_link_good(&self, user: UserId, secret_hash: [u8; 32], now: Timestamp) -> Result<bool, StoreError> {
        let read = self.read("find a one-time link", move |db| {
            let sql = "SELECT 1 FROM password_links WHERE \"user\" = ? AND secret_hash = ? AND expires_at > ?";
            db.exists(sql, values![bytes(user.as_uuid()), secret_hash, to_us(now)])
        });
        read.await
    }

    async fn use_link(
        &self,
        user: UserId,
        secret_hash: [u8; 32],
        password_hash: String,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let change = ChangePassword { user, verified: None, password_hash, keep: None, now };
        self.write(UseLink { secret_hash, change }).await
    }

    async fn insert_code(&self, code: RegistrationCode) -> Result<(), StoreError> {
        self.write(InsertCode(code)).await
    }

    async fn codes(&self) -> Result<Vec<RegistrationCode>, StoreError> {
        self.read("list join codes", |db| db.all(CODES, values![], code_of)).await
    }

    async fn end_code(&self, id: JoinCodeId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(EndCode { id, now }).await
    }

    async fn is_code_good(&self, code: &str, now: Timestamp) -> Result<bool, StoreError> {
        let code = code.to_owned();
        let read = self.read("find a join code", move |db| {
            let sql = "SELECT 1 FROM registration_codes WHERE code = ? AND uses < uses_max AND expires_at > ? \
                       AND ended_at IS NULL";
            db.exists(sql, values![code, to_us(now)])
        });
        read.await
    }

    async fn insert_user_with_code(
        &self,
        user: NewUser,
        code: &str,
        now: Timestamp,
    ) -> Result<Result<User, CodeRefused>, StoreError> {
        self.write(InsertUserWithCode { insert: InsertUser(user), code: code.to_owned(), now }).await
    }

    async fn put_ticket(&self, ticket: StreamTicket, most: u32, now: Timestamp) -> Result<bool, StoreError> {
        self.write(PutTicket { ticket, most, now }).await
    }

    async fn ticket(
        &self,
        id: TicketId,
        secret_hash: [u8; 32],
        submission: SubmissionId,
        now: Timestamp,
    ) -> Result<Option<StreamTicket>, StoreError> {
        let look = TakeTicket { id, secret_hash, submission, now };
        let read = self.read("find a ticket", move |db| {
            let sql = "SELECT \"user\", as_admin, expires_at, session, api_key FROM stream_tickets \
                       WHERE id = ? AND secret_hash = ? AND submission = ? AND expires_at > ?";
            look.run(db, sql)
        });
        read.await
    }

    async fn take_ticket(
        &self,
        id: TicketId,
        secret_hash: [u8; 32],
        submission: SubmissionId,
        now: Timestamp,
    ) -> Result<Option<StreamTicket>, StoreError> {
        self.write(TakeTicket { id, secret_hash, submission, now }).await
    }
}

struct ChangePassword {
    user: UserId,
    verified: Option<String>,
    password_hash: String,
    keep: Option<SessionId>,
    now: Timestamp,
}

impl Write for ChangePassword {
    type Output = bool;
    const OPERATION: &'static str = "change a password";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let id = bytes(self.user.as_uuid());
        db.lock(Lock::User, id)?;
        // Under the lock: a concurrent change either precedes this command, which then changes nothing, or follows it.
        let sql = "SELECT password_hash FROM users WHERE id = ? AND deleted_at IS NULL";
        let current = db.one(sql, values![id], |row| row.get::<String>(0))?;
        if current.is_none() || (self.verified.is_some() && current != self.verified) {
            return Ok(false);
        }
        db.execute("UPDATE users SET password_hash = ? WHERE id = ?", values![self.password_hash, id])?;
        let session_kept = self.keep.map_or(uuid::Uuid::nil(), |keep| *keep.as_uuid());
        let sql = "UPDATE refresh_sessions SET ended_at = coalesce(ended_at, ?) WHERE \"user\" = ? AND id <> ?";
        db.execute(sql, values![to_us(self.now), id, bytes(&session_kept)])?;
        db.execute("DELETE FROM password_links WHERE \"user\" = ?", values![id])?;
        db.execute("DELETE FROM stream_tickets WHERE \"user\" = ?", values![id])?;
        Ok(true)
    }
}

/// The reason why this user cannot lose the administrator role: the user does not exist, or is an administrator and
/// no other administrator is enabled and has a password. Locks the user and all administrators, so that two
/// administrators cannot remove each other concurrently.
pub(super) fn refused(db: &dyn Sql, user: UserId) -> Result<Option<AccountChange>, SqlFault> {
    let id = bytes(user.as_uuid());
    let sql = "SELECT id FROM users WHERE (role = 'admin' AND deleted_at IS NULL) OR id = ? ORDER BY id";
    for one in db.all(sql, values![id], |row| Ok(row.blob(0)?.to_vec()))? {
        db.lock(Lock::User, &one)?;
    }
    let sql = "SELECT role FROM users WHERE id = ? AND deleted_at IS NULL";
    let Some(role) = db.one(sql, values![id], |row| row.get::<String>(0))? else {
        return Ok(Some(AccountChange::NoSuchUser));
    };
    // A user with the password hash `!` has no password. The link for the first password may have expired.
    let others = "SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL AND deleted_at IS NULL \
                  AND password_hash <> '!' AND id <> ? LIMIT 1";
    if role == "admin" && !db.exists(others, values![id])? {
        return Ok(Some(AccountChange::LastAdministrator));
    }
    Ok(None)
}

/// Locks a user. Returns `false` if the user was deleted: a command that adds data of the user then adds nothing, so
/// that a deleted account leaves no data, even if the command was sent before the deletion.
pub(super) fn lock_user(db: &dyn Sql, user: &[u8]) -> Result<bool, SqlFault> {
    db.lock(Lock::User, user)?;
    db.exists("SELECT 1 FROM users WHERE id = ? AND deleted_at IS NULL", values![user])
}

/// Removals of a user's data: `?` is the user. Each finds its rows by an index, because SQLite accepts no other write
/// meanwhile (`sqlite/migrate.rs` has the test).
pub(crate) const OF_USER: [&str; 9] = [
    "DELETE FROM refresh_sessions WHERE \"user\" = ?",
    "DELETE FROM api_keys WHERE owner = ?",
    "DELETE FROM password_links WHERE \"user\" = ?",
    "DELETE FROM stream_tickets WHERE \"user\" = ?",
    "DELETE FROM idempotency_keys WHERE owner = ?",
    "DELETE FROM snippets WHERE owner = ?",
    "DELETE FROM drafts WHERE owner = ?",
    "UPDATE runs SET webhook = NULL WHERE owner = ? AND webhook IS NOT NULL AND state < 2",
    "DELETE FROM webhook_deliveries WHERE owner = ? AND next_at IS NOT NULL",
];

/// Removals of the rest, of which a user may have any number: `?1` is the user, `?2` the number of rows of one step.
/// Nothing uses the webhooks of runs that have ended, because a new run of a deleted user gets none
/// ([`webhook_of_new_run!`](super::commands::webhook_of_new_run)).
pub(crate) const OF_DELETED: [&str; 2] = [
    "UPDATE runs SET webhook = NULL WHERE id IN \
     (SELECT id FROM runs WHERE owner = ?1 AND webhook IS NOT NULL LIMIT ?2)",
    "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE owner = ?1 LIMIT ?2)",
];

/// Number of rows that one step removes from each table.
const REMOVED_MAX: u32 = 500;

pub(super) struct DeleteUser {
    pub(super) user: UserId,
    pub(super) now: Timestamp,
}

impl Write for DeleteUser {
    type Output = AccountChange;
    const OPERATION: &'static str = "delete a user";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<AccountChange, SqlFault> {
        if let Some(refused) = refused(db, self.user)? {
            return Ok(refused);
        }
        let (id, now) = (bytes(self.user.as_uuid()), to_us(self.now));
        // The suffix ends with the random part of the id, so it is unique and does not identify the user. With 34
        // characters, the name is longer than a user name may be, so no other user has that name.
        let name = format!("deleted-{}", &self.user.as_uuid().as_simple().to_string()[6..]);
        let email_key = format!("id:{}", self.user.as_uuid().as_simple());
        let sql = "UPDATE users SET username = ?1, username_key = ?1, email = '', email_key = ?2, password_hash = '!', \
                   role = 'user', tier = 'basic', webhook_secret = ?3, disabled_at = coalesce(disabled_at, ?4), deleted_at = ?4, \
                   cancel_since = ?4, guest_until = CASE WHEN guest_until > ?4 THEN ?4 ELSE guest_until END WHERE id = ?5";
        db.execute(sql, values![name, email_key, [0u8; 32], now, id])?;
        for sql in OF_USER {
            db.execute(sql, values![id])?;
        }
        Ok(AccountChange::Done)
    }
}

struct EndCancelling {
    user: UserId,
    since: Timestamp,
}

impl Write for EndCancelling {
    type Output = ();
    const OPERATION: &'static str = "record that a user's submissions are cancelled";
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let user = bytes(self.user.as_uuid());
        if db.exists("SELECT 1 FROM users WHERE id = ? AND deleted_at IS NOT NULL", values![user])? {
            let mut may_have_more = false;
            for sql in OF_DELETED {
                may_have_more |= db.execute(sql, values![user, REMOVED_MAX])? >= u64::from(REMOVED_MAX);
            }
            if may_have_more {
                return Ok(());
            }
        }
        let sql = "UPDATE users SET cancel_since = NULL WHERE id = ? AND cancel_since = ?";
        db.execute(sql, values![user, to_us(self.since)])?;
        Ok(())
    }
}

struct EndSessionOf {
    user: UserId,
    id: SessionId,
    now: Timestamp,
}

impl Write for EndSessionOf {
    type Output = bool;
    const OPERATION: &'static str = "end a session";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let user = bytes(self.user.as_uuid());
        // No key that a request of this session creates is committed after this command.
        db.lock(Lock::User, user)?;
        let sql = "UPDATE refresh_sessions SET ended_at = ? WHERE id = ? AND \"user\" = ? AND ended_at IS NULL";
        let ended = db.execute(sql, values![to_us(self.now), bytes(self.id.as_uuid()), user])?;
        Ok(ended == 1)
    }
}

struct PutLink {
    user: UserId,
    secret_hash: [u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
}

impl Write for PutLink {
    type Output = bool;
    const OPERATION: &'static str = "create a one-time link";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let id = bytes(self.user.as_uuid());
        if !lock_user(db, id)? {
            return Ok(false);
        }
        db.execute("DELETE FROM password_links WHERE \"user\" = ?", values![id])?;
        let sql = "INSERT INTO password_links (\"user\", secret_hash, created_at, expires_at) VALUES (?, ?, ?, ?)";
        db.execute(sql, values![id, self.secret_hash, to_us(self.now), to_us(self.expires_at)])?;
        Ok(true)
    }
}

struct UseLink {
    secret_hash: [u8; 32],
    change: ChangePassword,
}

impl Write for UseLink {
    type Output = bool;
    const OPERATION: &'static str = "use a one-time link";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let id = bytes(self.change.user.as_uuid());
        db.lock(Lock::User, id)?;
        let sql = "DELETE FROM password_links WHERE \"user\" = ? AND secret_hash = ? AND expires_at > ?";
        let used = db.execute(sql, values![id, self.secret_hash, to_us(self.change.now)])?;
        if used == 0 { Ok(false) } else { self.change.apply(db) }
    }
}

struct InsertCode(RegistrationCode);

impl Write for InsertCode {
    type Output = ();
    const OPERATION: &'static str = "create a join code";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let InsertCode(code) = self;
        let sql = "INSERT INTO registration_codes (id, code, name, created_at, expires_at, uses_max, uses, ended_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        db.execute(
            sql,
            values![
                bytes(code.id.as_uuid()),
                code.code,
                code.name,
                to_us(code.created_at),
                to_us(code.expires_at),
                i64::from(code.uses_max),
                i64::from(code.uses),
                code.ended_at.map(to_us),
            ],
        )?;
        Ok(())
    }
}

struct EndCode {
    id: JoinCodeId,
    now: Timestamp,
}

impl Write for EndCode {
    type Output = bool;
    const OPERATION: &'static str = "end a join code";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let sql = "UPDATE registration_codes SET ended_at = coalesce(ended_at, ?) WHERE id = ?";
        Ok(db.execute(sql, values![to_us(self.now), bytes(self.id.as_uuid())])? == 1)
    }
}

struct InsertUserWithCode {
    insert: InsertUser,
    code: String,
    now: Timestamp,
}

impl Write for InsertUserWithCode {
    type Output = Result<User, CodeRefused>;
    const OPERATION: &'static str = "insert a user with a join code";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        if let Some(taken) = self.insert.taken(db)? {
            return Ok(Err(CodeRefused::Taken(taken)));
        }
        // One statement, so that concurrent registrations cannot exceed the maximum.
        let sql = "UPDATE registration_codes SET uses = uses + 1 WHERE code = ? AND uses < uses_max AND expires_at > ? \
                   AND ended_at IS NULL";
        if db.execute(sql, values![self.code, to_us(self.now)])? == 0 {
            return Ok(Err(CodeRefused::NotGood));
        }
        let inserted = self.insert.apply(db)?;
        if inserted.is_err() {
            // Another transaction has taken the name while this one waited for the code. This transaction is committed.
            db.put("UPDATE registration_codes SET uses = uses - 1 WHERE code = ?", values![self.code])?;
        }
        Ok(inserted.map_err(CodeRefused::Taken))
    }
}

struct PutTicket {
    ticket: StreamTicket,
    most: u32,
    now: Timestamp,
}

impl Write for PutTicket {
    type Output = bool;
    const OPERATION: &'static str = "create a ticket";
    // If a power failure loses the ticket, the ticket is invalid and the client requests another ticket.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let ticket = &self.ticket;
        let user = bytes(ticket.user.as_uuid());
        // Concurrent requests of one user are counted one after another.
        if !lock_user(db, user)? {
            return Ok(true);
        }
        db.execute("DELETE FROM stream_tickets WHERE expires_at <= ?", values![to_us(self.now)])?;
        if db.count("SELECT count(*) FROM stream_tickets WHERE \"user\" = ?", values![user])? >= u64::from(self.most) {
            return Ok(false);
        }
        let (session, key) = match &ticket.credential {
            CredentialId::Session(session) => (Some(bytes(session.as_uuid())), None),
            CredentialId::Key(key) => (None, Some(bytes(key.as_uuid()))),
            CredentialId::Keyless => (None, None),
        };
        let sql = "INSERT INTO stream_tickets (id, secret_hash, \"user\", submission, as_admin, expires_at, session, \
                   api_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        db.execute(
            sql,
            values![
                bytes(ticket.id.as_uuid()),
                ticket.secret_hash,
                user,
                bytes(ticket.submission.as_uuid()),
                i64::from(ticket.as_admin),
                to_us(ticket.expires_at),
                session,
                key,
            ],
        )?;
        Ok(true)
    }
}

struct TakeTicket {
    id: TicketId,
    secret_hash: [u8; 32],
    submission: SubmissionId,
    now: Timestamp,
}

impl Write for TakeTicket {
    type Output = Option<StreamTicket>;
    const OPERATION: &'static str = "use a ticket";
    // If a power failure restores the ticket, it can be used a second time, but only until it expires: at most a
    // minute after its creation.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<Option<StreamTicket>, SqlFault> {
        let sql = "DELETE FROM stream_tickets WHERE id = ? AND secret_hash = ? AND submission = ? AND expires_at > ? \
                   RETURNING \"user\", as_admin, expires_at, session, api_key";
        self.run(db, sql)
    }
}

impl TakeTicket {
    /// Runs `sql` with the ticket's id, secret and submission and the time as parameters, and returns the ticket found.
    fn run(&self, db: &dyn Sql, sql: &str) -> Result<Option<StreamTicket>, SqlFault> {
        let (id, submission) = (bytes(self.id.as_uuid()), bytes(self.submission.as_uuid()));
        db.one(sql, values![id, self.secret_hash, submission, to_us(self.now)], |row| {
            let (session, key) = (row.get::<Option<&[u8]>>(3)?, row.get::<Option<&[u8]>>(4)?);
            let credential = match (session, key) {
                (Some(id), _) => CredentialId::Session(SessionId::from_uuid(id_from(id, "session")?)),
                (None, Some(id)) => CredentialId::Key(ApiKeyId::from_uuid(id_from(id, "api_key")?)),
                // Also a ticket that a node of an earlier version created.
                (None, None) => CredentialId::Keyless,
            };
            Ok(StreamTicket {
                id: self.id,
                secret_hash: self.secret_hash,
                user: UserId::from_uuid(id_from(row.blob(0)?, "user")?),
                submission: self.submission,
                as_admin: row.get::<i64>(1)? == 1,
                credential,
                expires_at: from_us(row.get(2)?, "expires_at")?,
            })
        })
    }
}

fn session_of(row: Row<'_>) -> Result<Session, SqlFault> {
    let last: Option<i64> = row.get(2)?;
    Ok(Session {
        id: SessionId::from_uuid(id_from(row.blob(0)?, "id")?),
        created_at: from_us(row.get(1)?, "created_at")?,
        last_used_at: last.map(|us| from_us(us, "last_used_at")).transpose()?,
        expires_at: from_us(row.get(3)?, "expires_at")?,
        user_agent: row.get(4)?,
    })
}

fn code_of(row: Row<'_>) -> Result<RegistrationCode, SqlFault> {
    let ended: Option<i64> = row.get(7)?;
    let number = |i: usize| Ok::<_, SqlFault>(u32::try_from(row.get::<i64>(i)?).map_err(|_| bad("uses"))?);
    Ok(RegistrationCode {
        id: JoinCodeId::from_uuid(id_from(row.blob(0)?, "id")?),
        code: row.get(1)?,
        name: row.get(2)?,
        created_at: from_us(row.get(3)?, "created_at")?,
        expires_at: from_us(row.get(4)?, "expires_at")?,
        uses_max: number(5)?,
        uses: number(6)?,
        ended_at: ended.map(|us| from_us(us, "ended_at")).transpose()?,
    })
}
