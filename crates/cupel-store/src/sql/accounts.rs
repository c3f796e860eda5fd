//! `AccountStore`: users, API keys, refresh sessions.

use std::borrow::Cow;
use std::cmp::Reverse;

use async_trait::async_trait;
use cupel_core::accounts::{
    AccessChange, AccessEnded, AccountChange, ApiKey, CredentialId, KeyBounds, KeyRefused, NewUser, RefreshSession,
    Role, Scope, Tier, User,
};
use cupel_core::{AccountStore, Rotated, StoreError, UserTaken};
use cupel_types::{ApiKeyId, SessionId, UserId};
use jiff::Timestamp;

use super::fault::SqlFault;
use super::guests::{END_WITH_SESSION, ForgetGuests, InsertGuest};
use super::membership::refused;
use super::{Lock, Row, Sql, SqlStore, Value, Write, bytes, values};
use crate::rows::{bad, from_us, id_from, to_us};

/// Columns of a user, in the order of [`user_of`].
macro_rules! user_columns {
    () => {
        "id, username, email, role, tier, created_at, disabled_at, in_leaderboards, guest_until"
    };
}

/// Number of columns in `user_columns!`.
const USER_COLUMNS: usize = 9;

const USER: &str = concat!("SELECT ", user_columns!(), " FROM users WHERE id = ? AND deleted_at IS NULL");
const USER_WITH_SESSION: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", (SELECT count(*) FROM refresh_sessions s WHERE s.id = ? AND s.\"user\" = users.id AND s.ended_at IS NULL \
     AND s.expires_at > ?) FROM users WHERE id = ? AND deleted_at IS NULL"
);
const USER_WITH_KEY: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", (SELECT count(*) FROM api_keys k WHERE k.id = ? AND k.owner = users.id AND k.revoked_at IS NULL \
     AND (k.expires_at IS NULL OR k.expires_at > ?)) FROM users WHERE id = ? AND deleted_at IS NULL"
);
const USER_BY_LOGIN: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", password_hash FROM users WHERE (username_key = ?1 OR email_key = ?1) AND deleted_at IS NULL \
     AND guest_until IS NULL"
);
const USERS: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM users WHERE deleted_at IS NULL AND guest_until IS NULL ORDER BY created_at, id LIMIT ? OFFSET ?"
);
const KEY: &str = "SELECT id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at \
     FROM api_keys WHERE id = ?";
const KEYS: &str = "SELECT id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at \
     FROM api_keys WHERE owner = ?1 \
     ORDER BY CASE WHEN revoked_at IS NOT NULL OR expires_at <= ?2 THEN 1 ELSE 0 END, id DESC LIMIT ?3";

/// Maximum number of keys that one insertion deletes. Versions without the bound on stored keys may have left many.
const KEYS_DELETED_AT_ONCE: u64 = 1000;

#[async_trait]
impl AccountStore for SqlStore {
    async fn insert_user(&self, user: NewUser) -> Result<Result<User, UserTaken>, StoreError> {
        self.write(InsertUser(user)).await
    }

    async fn insert_guest(&self, guest: NewUser, session: RefreshSession) -> Result<(), StoreError> {
        self.write(InsertGuest { guest, session }).await
    }

    async fn forget_guests(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(ForgetGuests { now }).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let read = self.read("read a user", move |db| db.one(USER, values![bytes(id.as_uuid())], user_of));
        read.await
    }

    async fn user_with(
        &self,
        id: UserId,
        credential: CredentialId,
        now: Timestamp,
    ) -> Result<Option<(User, bool)>, StoreError> {
        self.read("read a user and a credential", move |db| user_with(db, id, credential, now)).await
    }

    async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, StoreError> {
        let login = login.to_lowercase();
        let read = self.read("find a user", move |db| {
            db.one(USER_BY_LOGIN, values![login], |row| Ok((user_of(row)?, row.get(USER_COLUMNS)?)))
        });
        read.await
    }

    async fn users_named(&self, names: &[String]) -> Result<Vec<(UserId, String, Role)>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let read = self.read("find users", move |db| {
            let places = vec!["?"; names.len()].join(", ");
            let sql = format!(
                "SELECT id, username, role FROM users WHERE username_key IN ({places}) AND guest_until IS NULL"
            );
            let values: Vec<Value<'_>> = names.iter().map(|name| Value::Text(Cow::Borrowed(name))).collect();
            db.all(&sql, &values, |row| {
                let id = UserId::from_uuid(id_from(row.blob(0)?, "user")?);
                Ok((id, row.get(1)?, Role::granted(row.text(2)?).ok_or(bad("role"))?))
            })
        });
        read.await
    }

    async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError> {
        let read = self.read("read a webhook secret", move |db| {
            db.one("SELECT webhook_secret FROM users WHERE id = ?", values![bytes(id.as_uuid())], |row| {
                hash_from(row.blob(0)?, "webhook_secret")
            })
        });
        read.await
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError> {
        // Values above `i64::MAX` are clamped.
        let [limit, offset] = [limit, offset].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let read = self.read("list users", move |db| db.all(USERS, values![limit, offset], user_of));
        read.await
    }

    async fn change_access(
        &self,
        id: UserId,
        change: AccessChange,
        now: Timestamp,
    ) -> Result<AccountChange, StoreError> {
        self.write(ChangeAccess { id, change, now }).await
    }

    async fn set_in_leaderboards(&self, id: UserId, in_leaderboards: bool) -> Result<bool, StoreError> {
        self.write(SetInLeaderboards { id, in_leaderboards }).await
    }

    async fn count_users(&self) -> Result<u64, StoreError> {
        let read = self.read("count users", |db| {
            let sql = "SELECT count(*) FROM users WHERE deleted_at IS NULL AND guest_until IS NULL";
            db.count(sql, values![])
        });
        read.await
    }

    async fn insert_key(
        &self,
        key: ApiKey,
        creator: Option<CredentialId>,
        bounds: KeyBounds,
    ) -> Result<Result<(), KeyRefused>, StoreError> {
        self.write(InsertKey { key, creator, bounds }).await
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let read = self.read("read an API key", move |db| db.one(KEY, values![bytes(id.as_uuid())], key_of));
        read.await
    }

    async fn keys(&self, owner: UserId, most: u64, now: Timestamp) -> Result<Vec<ApiKey>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = self.read("list API keys", move |db| {
            let mut keys = db.all(KEYS, values![bytes(owner.as_uuid()), to_us(now), most], key_of)?;
            keys.sort_by_key(|key| Reverse(key.id));
            Ok(keys)
        });
        read.await
    }

    async fn revoke_key(&self, owner: UserId, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(RevokeKey { owner, id, now }).await
    }

    async fn touch_key(&self, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        self.write(TouchKey { id, now }).await
    }

    async fn insert_session(&self, session: RefreshSession, password_hash: Option<&str>) -> Result<bool, StoreError> {
        self.write(InsertSession { session, password_hash: password_hash.map(str::to_owned) }).await
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        old_hash: [u8; 32],
        new_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Rotated>, StoreError> {
        self.write(RotateSession { id, old_hash, new_hash, now }).await
    }

    async fn end_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.write(EndSession { id, now }).await
    }

    async fn session_alive(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let read = self.read("find a session", move |db| {
            let sql = "SELECT 1 FROM refresh_sessions WHERE id = ? AND ended_at IS NULL AND expires_at > ?";
            db.exists(sql, values![bytes(id.as_uuid()), to_us(now)])
        });
        read.await
    }
}

pub(super) struct InsertUser(pub(super) NewUser);

impl InsertUser {
    /// Which unique value of the user, the name or the e-mail address, another account already has.
    pub(super) fn taken(&self, db: &dyn Sql) -> Result<Option<UserTaken>, SqlFault> {
        // A login name must identify one user. A user name cannot be an e-mail address, so two queries suffice.
        let taken = [
            ("SELECT 1 FROM users WHERE username_key = ?", self.0.user.username.to_lowercase(), UserTaken::Username),
            ("SELECT 1 FROM users WHERE email_key = ?", self.email_key(), UserTaken::Email),
        ];
        for (sql, key, taken) in taken {
            if db.exists(sql, values![key])? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    /// Unique key for the e-mail address. The key of a user without an address is not an e-mail address.
    fn email_key(&self) -> String {
        let user = &self.0.user;
        if user.email.is_empty() { format!("id:{}", user.id.as_uuid().as_simple()) } else { user.email.to_lowercase() }
    }

    /// Inserts the user; as a guest until this time, if there is one.
    pub(super) fn insert(&self, db: &dyn Sql, guest_until: Option<Timestamp>) -> Result<(), SqlFault> {
        let InsertUser(NewUser { user, password_hash, webhook_secret }) = self;
        let (username_key, email_key) = (user.username.to_lowercase(), self.email_key());
        let role = if user.role == Role::Guest { Role::User } else { user.role };
        let sql = "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, tier, webhook_secret, created_at, \
                   guest_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        db.execute(
            sql,
            values![
                bytes(user.id.as_uuid()),
                user.username,
                username_key,
                user.email,
                email_key,
                password_hash,
                role.as_str(),
                user.tier.0.as_str(),
                webhook_secret,
                to_us(user.created_at),
                guest_until.map(to_us),
            ],
        )?;
        Ok(())
    }
}

impl Write for InsertUser {
    type Output = Result<User, UserTaken>;
    const OPERATION: &'static str = "insert a user";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        if let Some(taken) = self.taken(db)? {
            return Ok(Err(taken));
        }
        self.insert(db, None)?;
        Ok(Ok(self.0.user.clone()))
    }
}

struct ChangeAccess {
    id: UserId,
    change: AccessChange,
    now: Timestamp,
}

impl Write for ChangeAccess {
    type Output = AccountChange;
    const OPERATION: &'static str = "change a user's role, tier or state";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<AccountChange, SqlFault> {
        let AccessChange { role, tier, disabled } = &self.change;
        let stops_administering = *disabled == Some(true) || role.is_some_and(|role| role != Role::Admin);
        if stops_administering && let Some(refused) = refused(db, self.id)? {
            return Ok(refused);
        }
        let (id, now) = (bytes(self.id.as_uuid()), to_us(self.now));
        let sql =
            "UPDATE users SET role = coalesce(?, role), tier = coalesce(?, tier) WHERE id = ? AND deleted_at IS NULL";
        let tier = tier.as_ref().map(|tier| tier.0.as_str());
        if db.execute(sql, values![role.map(Role::as_str), tier, id])? == 0 {
            return Ok(AccountChange::NoSuchUser);
        }
        match disabled {
            None => {}
            Some(false) => {
                db.put("UPDATE users SET disabled_at = NULL, cancel_since = NULL WHERE id = ?", values![id])?;
            }
            Some(true) => {
                let sql = "UPDATE users SET disabled_at = coalesce(disabled_at, ?1), cancel_since = ?1 WHERE id = ?2";
                db.put(sql, values![now, id])?;
                let sql = "UPDATE users SET guest_until = ?1 WHERE id = ?2 AND guest_until > ?1";
                db.execute(sql, values![now, id])?;
                let sql = "UPDATE refresh_sessions SET ended_at = coalesce(ended_at, ?) WHERE \"user\" = ?";
                db.execute(sql, values![now, id])?;
                db.execute("DELETE FROM stream_tickets WHERE \"user\" = ?", values![id])?;
            }
        }
        Ok(AccountChange::Done)
    }
}

struct SetInLeaderboards {
    id: UserId,
    in_leaderboards: bool,
}

impl Write for SetInLeaderboards {
    type Output = bool;
    const OPERATION: &'static str = "show or hide a user in leaderboards";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let sql = "UPDATE users SET in_leaderboards = ? WHERE id = ? AND deleted_at IS NULL";
        let changed = db.execute(sql, values![i64::from(self.in_leaderboards), bytes(self.id.as_uuid())])?;
        Ok(changed == 1)
    }
}

struct InsertKey {
    key: ApiKey,
    creator: Option<CredentialId>,
    bounds: KeyBounds,
}

impl Write for InsertKey {
    type Output = Result<(), KeyRefused>;
    const OPERATION: &'static str = "insert an API key";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let InsertKey { key, creator, bounds } = self;
        let (owner, now) = (bytes(key.owner.as_uuid()), to_us(key.created_at));
        // Concurrent insertions for one owner are counted one after another. A command that ends the credential or
        // disables the owner either precedes this command or follows it.
        db.lock(Lock::User, owner)?;
        if let Some(credential) = *creator {
            let found = user_with(db, key.owner, credential, key.created_at)?;
            if let Some(ended) = AccessEnded::of(found.as_ref(), credential) {
                return Ok(Err(KeyRefused::NoAccess(ended)));
            }
        }
        let stored = db.count("SELECT count(*) FROM api_keys WHERE owner = ?", values![owner])?;
        let sql = "SELECT count(*) FROM api_keys WHERE owner = ? AND (revoked_at IS NOT NULL OR expires_at <= ?)";
        let ended = db.count(sql, values![owner, now])?;
        if stored.saturating_sub(ended) >= bounds.live_max {
            return Ok(Err(KeyRefused::TooMany));
        }
        let excess = (stored + 1).saturating_sub(bounds.stored_max).min(KEYS_DELETED_AT_ONCE);
        if excess > 0 {
            let sql = "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys \
                       WHERE owner = ? AND (revoked_at IS NOT NULL OR expires_at <= ?) ORDER BY id LIMIT ?)";
            db.execute(sql, values![owner, now, i64::try_from(excess).unwrap_or(i64::MAX)])?;
        }
        let scopes: Vec<&str> = key.scopes.iter().map(|s| s.as_str()).collect();
        let sql = "INSERT INTO api_keys (id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        db.execute(
            sql,
            values![
                bytes(key.id.as_uuid()),
                owner,
                key.name,
                key.secret_hash,
                scopes.join(" "),
                to_us(key.created_at),
                key.expires_at.map(to_us),
                key.last_used_at.map(to_us),
                key.revoked_at.map(to_us),
            ],
        )?;
        Ok(Ok(()))
    }
}

struct RevokeKey {
    owner: UserId,
    id: ApiKeyId,
    now: Timestamp,
}

impl Write for RevokeKey {
    type Output = bool;
    const OPERATION: &'static str = "revoke an API key";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let owner = bytes(self.owner.as_uuid());
        // No key that a request with this key creates is committed after this command.
        db.lock(Lock::User, owner)?;
        let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? AND owner = ?";
        let changed = db.execute(sql, values![to_us(self.now), bytes(self.id.as_uuid()), owner])?;
        Ok(changed == 1)
    }
}

struct TouchKey {
    id: ApiKeyId,
    now: Timestamp,
}

impl Write for TouchKey {
    type Output = ();
    const OPERATION: &'static str = "record the use of an API key";
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        db.execute(
            "UPDATE api_keys SET last_used_at = ? WHERE id = ?",
            values![to_us(self.now), bytes(self.id.as_uuid())],
        )?;
        Ok(())
    }
}

pub(super) struct InsertSession {
    pub(super) session: RefreshSession,
    pub(super) password_hash: Option<String>,
}

impl Write for InsertSession {
    type Output = bool;
    const OPERATION: &'static str = "create a session";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let InsertSession { session, password_hash } = self;
        let user = bytes(session.user.as_uuid());
        // A concurrent password change or disabling either precedes this command, or follows it and ends the session.
        db.lock(Lock::User, user)?;
        let sql = "SELECT password_hash FROM users WHERE id = ? AND disabled_at IS NULL AND deleted_at IS NULL";
        let Some(now) = db.one(sql, values![user], |row| row.get::<String>(0))? else {
            return Ok(false);
        };
        if password_hash.as_ref().is_some_and(|verified| *verified != now) {
            return Ok(false);
        }
        let sql = "INSERT INTO refresh_sessions (id, \"user\", token_hash, created_at, expires_at, user_agent) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        db.execute(
            sql,
            values![
                bytes(session.id.as_uuid()),
                user,
                session.token_hash,
                to_us(session.created_at),
                to_us(session.expires_at),
                session.user_agent,
            ],
        )?;
        Ok(true)
    }
}

struct RotateSession {
    id: SessionId,
    old_hash: [u8; 32],
    new_hash: [u8; 32],
    now: Timestamp,
}

impl Write for RotateSession {
    type Output = Option<Rotated>;
    const OPERATION: &'static str = "refresh a session";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Option<Rotated>, SqlFault> {
        let id = bytes(self.id.as_uuid());
        let sql = "UPDATE refresh_sessions SET token_hash = ?, last_used_at = ? \
                   WHERE id = ? AND token_hash = ? AND ended_at IS NULL AND expires_at > ? RETURNING \"user\", expires_at";
        let now = to_us(self.now);
        let rotated = db.one(sql, values![self.new_hash, now, id, self.old_hash, now], |row| {
            Ok((row.blob(0)?.to_vec(), from_us(row.get(1)?, "expires_at")?))
        })?;
        if let Some((user, expires_at)) = rotated {
            let sql = "INSERT INTO refresh_tokens_used (session, token_hash) VALUES (?, ?)";
            db.execute(sql, values![id, self.old_hash])?;
            // Read here, because a failed read after the commit would lose the new token.
            return Ok(db.one(USER, values![user], user_of)?.map(|user| Rotated { user, expires_at }));
        }
        // A token that was valid earlier and is presented again has been copied, so the session ends. A token that was
        // never valid does not end the session, because then anyone with a session's id could end that session.
        let sql = "UPDATE refresh_sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL \
                   AND EXISTS (SELECT 1 FROM refresh_tokens_used u WHERE u.session = refresh_sessions.id AND u.token_hash = ?)";
        db.execute(sql, values![to_us(self.now), id, self.old_hash])?;
        Ok(None)
    }
}

struct EndSession {
    id: SessionId,
    now: Timestamp,
}

impl Write for EndSession {
    type Output = ();
    const OPERATION: &'static str = "end a session";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let (id, now) = (bytes(self.id.as_uuid()), to_us(self.now));
        let sql = "SELECT \"user\" FROM refresh_sessions WHERE id = ?";
        if let Some(user) = db.one(sql, values![id], |row| Ok(row.blob(0)?.to_vec()))? {
            // No key that a request of this session creates is committed after this command.
            db.lock(Lock::User, &user)?;
        }
        db.execute("UPDATE refresh_sessions SET ended_at = coalesce(ended_at, ?) WHERE id = ?", values![now, id])?;
        db.execute(END_WITH_SESSION, values![now, id])?;
        Ok(())
    }
}

/// A user, and whether the user has this credential and it is valid.
fn user_with(
    db: &dyn Sql,
    id: UserId,
    credential: CredentialId,
    now: Timestamp,
) -> Result<Option<(User, bool)>, SqlFault> {
    let (sql, credential) = match credential {
        CredentialId::Session(session) => (USER_WITH_SESSION, *session.as_uuid()),
        CredentialId::Key(key) => (USER_WITH_KEY, *key.as_uuid()),
        CredentialId::Keyless => {
            return Ok(db.one(USER, values![bytes(id.as_uuid())], user_of)?.map(|user| (user, true)));
        }
    };
    let is_valid = |row: Row<'_>| Ok((user_of(row)?, row.get::<i64>(USER_COLUMNS)? == 1));
    db.one(sql, values![bytes(&credential), to_us(now), bytes(id.as_uuid())], is_valid)
}

fn user_of(row: Row<'_>) -> Result<User, SqlFault> {
    Ok(User {
        id: UserId::from_uuid(id_from(row.blob(0)?, "id")?),
        username: row.get(1)?,
        email: row.get(2)?,
        role: if row.get::<Option<i64>>(8)?.is_some() {
            Role::Guest
        } else {
            Role::granted(row.text(3)?).ok_or(bad("role"))?
        },
        tier: Tier(row.get(4)?),
        created_at: from_us(row.get(5)?, "created_at")?,
        disabled_at: row.get::<Option<i64>>(6)?.map(|us| from_us(us, "disabled_at")).transpose()?,
        in_leaderboards: row.get::<i64>(7)? == 1,
    })
}

fn key_of(row: Row<'_>) -> Result<ApiKey, SqlFault> {
    let time = |i: usize, column| {
        let us: Option<i64> = row.get(i)?;
        Ok::<_, SqlFault>(us.map(|us| from_us(us, column)).transpose()?)
    };
    let scopes = row.text(4)?.split_whitespace().map(|name| Scope::from_name(name).ok_or(bad("scopes")));
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(id_from(row.blob(0)?, "id")?),
        owner: UserId::from_uuid(id_from(row.blob(1)?, "owner")?),
        name: row.get(2)?,
        secret_hash: hash_from(row.blob(3)?, "secret_hash")?,
        scopes: scopes.collect::<Result<_, _>>()?,
        created_at: from_us(row.get(5)?, "created_at")?,
        expires_at: time(6, "expires_at")?,
        last_used_at: time(7, "last_used_at")?,
        revoked_at: time(8, "revoked_at")?,
    })
}

fn hash_from(bytes: &[u8], column: &'static str) -> Result<[u8; 32], SqlFault> {
    Ok(bytes.try_into().map_err(|_| bad(column))?)
}
