//! `AccountStore`: users, keys, refresh sessions.

use async_trait::async_trait;
use cupel_core::accounts::{ApiKey, NewUser, RefreshSession, Role, Scope, Tier, User};
use cupel_core::{AccountStore, Rotated, StoreError, UserTaken};
use cupel_types::{ApiKeyId, SessionId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::commands::{blob, bytes, text};
use super::fault::Fault;
use super::writer::Write;
use crate::rows::{bad, from_us, id_from, to_us};

const USER: &str = "SELECT id, username, email, role, tier, created_at FROM users WHERE id = ?";
const USER_BY_LOGIN: &str = "SELECT id, username, email, role, tier, created_at, password_hash FROM users \
     WHERE username_key = ?1 OR email_key = ?1";
const USERS: &str =
    "SELECT id, username, email, role, tier, created_at FROM users ORDER BY created_at, id LIMIT ? OFFSET ?";
const KEY: &str = "SELECT id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at \
     FROM api_keys WHERE id = ?";
const KEYS: &str = "SELECT id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at \
     FROM api_keys WHERE owner = ? ORDER BY id DESC";

#[async_trait]
impl AccountStore for SqliteStore {
    async fn insert_user(&self, user: NewUser) -> Result<Result<User, UserTaken>, StoreError> {
        self.write(InsertUser(user)).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let read = self.readers.read("read a user", move |reader| {
            let mut query = reader.prepare_cached(USER)?;
            let mut rows = query.query([bytes(id.as_uuid())])?;
            rows.next()?.map(user_of).transpose()
        });
        read.await
    }

    async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, StoreError> {
        let login = login.to_lowercase();
        let read = self.readers.read("look for a user", move |reader| {
            let mut query = reader.prepare_cached(USER_BY_LOGIN)?;
            let mut rows = query.query([login])?;
            rows.next()?.map(|row| Ok((user_of(row)?, row.get(6)?))).transpose()
        });
        read.await
    }

    async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError> {
        let read = self.readers.read("read a webhook secret", move |reader| {
            let mut query = reader.prepare_cached("SELECT webhook_secret FROM users WHERE id = ?")?;
            let mut rows = query.query([bytes(id.as_uuid())])?;
            rows.next()?.map(|row| hash_from(blob(row, 0)?, "webhook_secret")).transpose()
        });
        read.await
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError> {
        // Numbers beyond what a row number can be mean an empty page.
        let [limit, offset] = [limit, offset].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let read = self.readers.read("list users", move |reader| {
            let mut query = reader.prepare_cached(USERS)?;
            let mut rows = query.query([limit, offset])?;
            let mut users = Vec::new();
            while let Some(row) = rows.next()? {
                users.push(user_of(row)?);
            }
            Ok(users)
        });
        read.await
    }

    async fn set_access(&self, id: UserId, role: Role, tier: Tier) -> Result<bool, StoreError> {
        self.write(SetAccess { id, role, tier }).await
    }

    async fn set_password(&self, id: UserId, password_hash: String, now: Timestamp) -> Result<bool, StoreError> {
        self.write(SetPassword { id, password_hash, now }).await
    }

    async fn count_users(&self) -> Result<u64, StoreError> {
        let read = self.readers.read("count users", |reader| {
            let mut query = reader.prepare_cached("SELECT count(*) FROM users")?;
            let count: i64 = query.query_row([], |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or(0))
        });
        read.await
    }

    async fn insert_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.write(InsertKey(key)).await
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let read = self.readers.read("read an API key", move |reader| {
            let mut query = reader.prepare_cached(KEY)?;
            let mut rows = query.query([bytes(id.as_uuid())])?;
            rows.next()?.map(key_of).transpose()
        });
        read.await
    }

    async fn keys(&self, owner: UserId) -> Result<Vec<ApiKey>, StoreError> {
        let read = self.readers.read("list API keys", move |reader| {
            let mut query = reader.prepare_cached(KEYS)?;
            let mut rows = query.query([bytes(owner.as_uuid())])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                keys.push(key_of(row)?);
            }
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

    async fn insert_session(&self, session: RefreshSession) -> Result<(), StoreError> {
        self.write(InsertSession(session)).await
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
        let read = self.readers.read("look for a session", move |reader| {
            let sql = "SELECT 1 FROM refresh_sessions WHERE id = ? AND ended_at IS NULL AND expires_at > ?";
            Ok(reader.prepare_cached(sql)?.exists(params![bytes(id.as_uuid()), to_us(now)])?)
        });
        read.await
    }
}

struct InsertUser(NewUser);

impl Write for InsertUser {
    type Output = Result<User, UserTaken>;
    const OPERATION: &'static str = "insert a user";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Self::Output, Fault> {
        let InsertUser(NewUser { user, password_hash, webhook_secret }) = self;
        let (username_key, email_key) = (user.username.to_lowercase(), user.email.to_lowercase());
        // One login text must never mean two users: a name cannot be an address, so two looks are enough.
        let taken = [
            ("SELECT 1 FROM users WHERE username_key = ?", &username_key, UserTaken::Username),
            ("SELECT 1 FROM users WHERE email_key = ?", &email_key, UserTaken::Email),
        ];
        for (sql, key, taken) in taken {
            if connection.prepare_cached(sql)?.exists([key])? {
                return Ok(Err(taken));
            }
        }
        let sql = "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, tier, webhook_secret, created_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![
            bytes(user.id.as_uuid()),
            user.username,
            username_key,
            user.email,
            email_key,
            password_hash,
            user.role.as_str(),
            user.tier.0.as_str(),
            webhook_secret,
            to_us(user.created_at),
        ])?;
        Ok(Ok(user.clone()))
    }
}

struct SetAccess {
    id: UserId,
    role: Role,
    tier: Tier,
}

impl Write for SetAccess {
    type Output = bool;
    const OPERATION: &'static str = "change what a user may do";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let mut update = connection.prepare_cached("UPDATE users SET role = ?, tier = ? WHERE id = ?")?;
        let changed = update.execute(params![self.role.as_str(), self.tier.0.as_str(), bytes(self.id.as_uuid())])?;
        Ok(changed == 1)
    }
}

struct SetPassword {
    id: UserId,
    password_hash: String,
    now: Timestamp,
}

impl Write for SetPassword {
    type Output = bool;
    const OPERATION: &'static str = "change a password";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let id = bytes(self.id.as_uuid());
        let mut update = connection.prepare_cached("UPDATE users SET password_hash = ? WHERE id = ?")?;
        let changed = update.execute(params![self.password_hash, id])?;
        let sql = "UPDATE refresh_sessions SET ended_at = coalesce(ended_at, ?) WHERE user = ?";
        connection.prepare_cached(sql)?.execute(params![to_us(self.now), id])?;
        Ok(changed == 1)
    }
}

struct InsertKey(ApiKey);

impl Write for InsertKey {
    type Output = ();
    const OPERATION: &'static str = "insert an API key";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let InsertKey(key) = self;
        let scopes: Vec<&str> = key.scopes.iter().map(|s| s.as_str()).collect();
        let sql = "INSERT INTO api_keys (id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![
            bytes(key.id.as_uuid()),
            bytes(key.owner.as_uuid()),
            key.name,
            key.secret_hash,
            scopes.join(" "),
            to_us(key.created_at),
            key.expires_at.map(to_us),
            key.last_used_at.map(to_us),
            key.revoked_at.map(to_us),
        ])?;
        Ok(())
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

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? AND owner = ?";
        let mut update = connection.prepare_cached(sql)?;
        let changed =
            update.execute(params![to_us(self.now), bytes(self.id.as_uuid()), bytes(self.owner.as_uuid())])?;
        Ok(changed == 1)
    }
}

struct TouchKey {
    id: ApiKeyId,
    now: Timestamp,
}

impl Write for TouchKey {
    type Output = ();
    const OPERATION: &'static str = "note the use of an API key";
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let mut update = connection.prepare_cached("UPDATE api_keys SET last_used_at = ? WHERE id = ?")?;
        update.execute(params![to_us(self.now), bytes(self.id.as_uuid())])?;
        Ok(())
    }
}

struct InsertSession(RefreshSession);

impl Write for InsertSession {
    type Output = ();
    const OPERATION: &'static str = "open a session";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let InsertSession(session) = self;
        let sql = "INSERT INTO refresh_sessions (id, user, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![
            bytes(session.id.as_uuid()),
            bytes(session.user.as_uuid()),
            session.token_hash,
            to_us(session.created_at),
            to_us(session.expires_at),
        ])?;
        Ok(())
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

    fn apply(&self, connection: &Connection) -> Result<Option<Rotated>, Fault> {
        let id = bytes(self.id.as_uuid());
        let sql = "UPDATE refresh_sessions SET token_hash = ? WHERE id = ? AND token_hash = ? AND ended_at IS NULL AND expires_at > ? \
                   RETURNING user, expires_at";
        let mut update = connection.prepare_cached(sql)?;
        let mut rows = update.query(params![self.new_hash, id, self.old_hash, to_us(self.now)])?;
        let rotated = match rows.next()? {
            Some(row) => Some(Rotated {
                user: UserId::from_uuid(id_from(blob(row, 0)?, "user")?),
                expires_at: from_us(row.get(1)?, "expires_at")?,
            }),
            None => None,
        };
        // Carried out in full before the next one.
        while rows.next()?.is_some() {}
        if let Some(rotated) = rotated {
            let sql = "INSERT INTO refresh_tokens_used (session, token_hash) VALUES (?, ?)";
            connection.prepare_cached(sql)?.execute(params![id, self.old_hash])?;
            return Ok(Some(rotated));
        }
        // Was it good once? Then somebody has a copy. A token that never was ends nothing: otherwise
        // whoever knows a session's id could end it.
        let sql = "UPDATE refresh_sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL \
                   AND EXISTS (SELECT 1 FROM refresh_tokens_used u WHERE u.session = refresh_sessions.id AND u.token_hash = ?)";
        connection.prepare_cached(sql)?.execute(params![to_us(self.now), id, self.old_hash])?;
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

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let sql = "UPDATE refresh_sessions SET ended_at = coalesce(ended_at, ?) WHERE id = ?";
        connection.prepare_cached(sql)?.execute(params![to_us(self.now), bytes(self.id.as_uuid())])?;
        Ok(())
    }
}

fn user_of(row: &Row<'_>) -> Result<User, Fault> {
    Ok(User {
        id: UserId::from_uuid(id_from(blob(row, 0)?, "id")?),
        username: row.get(1)?,
        email: row.get(2)?,
        role: Role::from_name(text(row, 3)?).ok_or(bad("role"))?,
        tier: Tier(row.get(4)?),
        created_at: from_us(row.get(5)?, "created_at")?,
    })
}

fn key_of(row: &Row<'_>) -> Result<ApiKey, Fault> {
    let time = |i: usize, column| {
        let us: Option<i64> = row.get(i)?;
        Ok::<_, Fault>(us.map(|us| from_us(us, column)).transpose()?)
    };
    let scopes = text(row, 4)?.split_whitespace().map(|name| Scope::from_name(name).ok_or(bad("scopes")));
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(id_from(blob(row, 0)?, "id")?),
        owner: UserId::from_uuid(id_from(blob(row, 1)?, "owner")?),
        name: row.get(2)?,
        secret_hash: hash_from(blob(row, 3)?, "secret_hash")?,
        scopes: scopes.collect::<Result<_, _>>()?,
        created_at: from_us(row.get(5)?, "created_at")?,
        expires_at: time(6, "expires_at")?,
        last_used_at: time(7, "last_used_at")?,
        revoked_at: time(8, "revoked_at")?,
    })
}

fn hash_from(bytes: &[u8], column: &'static str) -> Result<[u8; 32], Fault> {
    Ok(bytes.try_into().map_err(|_| bad(column))?)
}
