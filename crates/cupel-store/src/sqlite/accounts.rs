//! `AccountStore`: users, keys, refresh sessions.

use async_trait::async_trait;
use cupel_core::accounts::{ApiKey, NewUser, RefreshSession, Role, Scope, Tier, User};
use cupel_core::{AccountStore, Rotated, StoreError, UserTaken};
use cupel_types::{ApiKeyId, SessionId, UserId};
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Executor as _, Row as _};

use super::commands::bytes;
use super::fault::Fault;
use super::writer::Write;
use super::{SqliteStore, reading};
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
        reading("read a user", async {
            let row = (&self.readers).fetch_optional(sqlx::query(USER).bind(bytes(id.as_uuid()))).await?;
            row.as_ref().map(user_of).transpose()
        })
        .await
    }

    async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, StoreError> {
        reading("look for a user", async {
            let row = (&self.readers).fetch_optional(sqlx::query(USER_BY_LOGIN).bind(login.to_lowercase())).await?;
            row.map(|row| Ok((user_of(&row)?, row.try_get(6)?))).transpose()
        })
        .await
    }

    async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError> {
        reading("read a webhook secret", async {
            let query = sqlx::query("SELECT webhook_secret FROM users WHERE id = ?").bind(bytes(id.as_uuid()));
            let Some(row) = (&self.readers).fetch_optional(query).await? else { return Ok(None) };
            Ok(Some(hash_from(row.try_get(0)?, "webhook_secret")?))
        })
        .await
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError> {
        reading("list users", async {
            // Numbers beyond what a row number can be mean an empty page.
            let [limit, offset] = [limit, offset].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            let rows = (&self.readers).fetch_all(sqlx::query(USERS).bind(limit).bind(offset)).await?;
            rows.iter().map(user_of).collect()
        })
        .await
    }

    async fn set_access(&self, id: UserId, role: Role, tier: Tier) -> Result<bool, StoreError> {
        self.write(SetAccess { id, role, tier }).await
    }

    async fn count_users(&self) -> Result<u64, StoreError> {
        reading("count users", async {
            let count: i64 = (&self.readers).fetch_one(sqlx::query("SELECT count(*) FROM users")).await?.try_get(0)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
        .await
    }

    async fn insert_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.write(InsertKey(key)).await
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        reading("read an API key", async {
            let row = (&self.readers).fetch_optional(sqlx::query(KEY).bind(bytes(id.as_uuid()))).await?;
            row.as_ref().map(key_of).transpose()
        })
        .await
    }

    async fn keys(&self, owner: UserId) -> Result<Vec<ApiKey>, StoreError> {
        reading("list API keys", async {
            let rows = (&self.readers).fetch_all(sqlx::query(KEYS).bind(bytes(owner.as_uuid()))).await?;
            rows.iter().map(key_of).collect()
        })
        .await
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
        reading("look for a session", async {
            let sql = "SELECT 1 FROM refresh_sessions WHERE id = ? AND ended_at IS NULL AND expires_at > ?";
            let query = sqlx::query(sql).bind(bytes(id.as_uuid())).bind(to_us(now));
            Ok((&self.readers).fetch_optional(query).await?.is_some())
        })
        .await
    }
}

struct InsertUser(NewUser);

#[async_trait]
impl Write for InsertUser {
    type Output = Result<User, UserTaken>;
    const OPERATION: &'static str = "insert a user";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Output, Fault> {
        let InsertUser(NewUser { user, password_hash, webhook_secret }) = self;
        let (username_key, email_key) = (user.username.to_lowercase(), user.email.to_lowercase());
        // One login text must never mean two users: a name cannot be an address, so two looks are enough.
        let taken = [
            ("SELECT 1 FROM users WHERE username_key = ?", &username_key, UserTaken::Username),
            ("SELECT 1 FROM users WHERE email_key = ?", &email_key, UserTaken::Email),
        ];
        for (sql, key, taken) in taken {
            if connection.fetch_optional(sqlx::query(sql).bind(key.as_str())).await?.is_some() {
                return Ok(Err(taken));
            }
        }
        let query = sqlx::query(
            "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, tier, webhook_secret, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(bytes(user.id.as_uuid()))
        .bind(user.username.as_str())
        .bind(username_key)
        .bind(user.email.as_str())
        .bind(email_key)
        .bind(password_hash.as_str())
        .bind(user.role.as_str())
        .bind(user.tier.0.as_str())
        .bind(&webhook_secret[..])
        .bind(to_us(user.created_at));
        connection.execute(query).await?;
        Ok(Ok(user.clone()))
    }
}

struct SetAccess {
    id: UserId,
    role: Role,
    tier: Tier,
}

#[async_trait]
impl Write for SetAccess {
    type Output = bool;
    const OPERATION: &'static str = "change what a user may do";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Fault> {
        let query = sqlx::query("UPDATE users SET role = ?, tier = ? WHERE id = ?")
            .bind(self.role.as_str())
            .bind(self.tier.0.as_str())
            .bind(bytes(self.id.as_uuid()));
        Ok(connection.execute(query).await?.rows_affected() == 1)
    }
}

struct InsertKey(ApiKey);

#[async_trait]
impl Write for InsertKey {
    type Output = ();
    const OPERATION: &'static str = "insert an API key";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let InsertKey(key) = self;
        let scopes: Vec<&str> = key.scopes.iter().map(|s| s.as_str()).collect();
        let query = sqlx::query(
            "INSERT INTO api_keys (id, owner, name, secret_hash, scopes, created_at, expires_at, last_used_at, revoked_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(bytes(key.id.as_uuid()))
        .bind(bytes(key.owner.as_uuid()))
        .bind(key.name.as_str())
        .bind(&key.secret_hash[..])
        .bind(scopes.join(" "))
        .bind(to_us(key.created_at))
        .bind(key.expires_at.map(to_us))
        .bind(key.last_used_at.map(to_us))
        .bind(key.revoked_at.map(to_us));
        connection.execute(query).await?;
        Ok(())
    }
}

struct RevokeKey {
    owner: UserId,
    id: ApiKeyId,
    now: Timestamp,
}

#[async_trait]
impl Write for RevokeKey {
    type Output = bool;
    const OPERATION: &'static str = "revoke an API key";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Fault> {
        let query = sqlx::query("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? AND owner = ?")
            .bind(to_us(self.now))
            .bind(bytes(self.id.as_uuid()))
            .bind(bytes(self.owner.as_uuid()));
        Ok(connection.execute(query).await?.rows_affected() == 1)
    }
}

struct TouchKey {
    id: ApiKeyId,
    now: Timestamp,
}

#[async_trait]
impl Write for TouchKey {
    type Output = ();
    const OPERATION: &'static str = "note the use of an API key";
    const DURABLE: bool = false;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let query = sqlx::query("UPDATE api_keys SET last_used_at = ? WHERE id = ?")
            .bind(to_us(self.now))
            .bind(bytes(self.id.as_uuid()));
        connection.execute(query).await?;
        Ok(())
    }
}

struct InsertSession(RefreshSession);

#[async_trait]
impl Write for InsertSession {
    type Output = ();
    const OPERATION: &'static str = "open a session";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let InsertSession(session) = self;
        let query = sqlx::query(
            "INSERT INTO refresh_sessions (id, user, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(bytes(session.id.as_uuid()))
        .bind(bytes(session.user.as_uuid()))
        .bind(&session.token_hash[..])
        .bind(to_us(session.created_at))
        .bind(to_us(session.expires_at));
        connection.execute(query).await?;
        Ok(())
    }
}

struct RotateSession {
    id: SessionId,
    old_hash: [u8; 32],
    new_hash: [u8; 32],
    now: Timestamp,
}

#[async_trait]
impl Write for RotateSession {
    type Output = Option<Rotated>;
    const OPERATION: &'static str = "refresh a session";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Option<Rotated>, Fault> {
        let id = bytes(self.id.as_uuid());
        let sql = "UPDATE refresh_sessions SET token_hash = ? WHERE id = ? AND token_hash = ? AND ended_at IS NULL AND expires_at > ? \
                   RETURNING user, expires_at";
        let query =
            sqlx::query(sql).bind(&self.new_hash[..]).bind(id.clone()).bind(&self.old_hash[..]).bind(to_us(self.now));
        if let Some(row) = connection.fetch_optional(query).await? {
            let user = UserId::from_uuid(id_from(row.try_get(0)?, "user")?);
            let expires_at = from_us(row.try_get(1)?, "expires_at")?;
            let query = sqlx::query("INSERT INTO refresh_tokens_used (session, token_hash) VALUES (?, ?)")
                .bind(id)
                .bind(&self.old_hash[..]);
            connection.execute(query).await?;
            return Ok(Some(Rotated { user, expires_at }));
        }
        // Was it good once? Then somebody has a copy. A token that never was ends nothing: otherwise
        // whoever knows a session's id could end it.
        let sql = "UPDATE refresh_sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL \
                   AND EXISTS (SELECT 1 FROM refresh_tokens_used u WHERE u.session = refresh_sessions.id AND u.token_hash = ?)";
        connection.execute(sqlx::query(sql).bind(to_us(self.now)).bind(id).bind(&self.old_hash[..])).await?;
        Ok(None)
    }
}

struct EndSession {
    id: SessionId,
    now: Timestamp,
}

#[async_trait]
impl Write for EndSession {
    type Output = ();
    const OPERATION: &'static str = "end a session";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let query = sqlx::query("UPDATE refresh_sessions SET ended_at = coalesce(ended_at, ?) WHERE id = ?")
            .bind(to_us(self.now))
            .bind(bytes(self.id.as_uuid()));
        connection.execute(query).await?;
        Ok(())
    }
}

fn user_of(row: &SqliteRow) -> Result<User, Fault> {
    Ok(User {
        id: UserId::from_uuid(id_from(row.try_get(0)?, "id")?),
        username: row.try_get(1)?,
        email: row.try_get(2)?,
        role: Role::from_name(row.try_get(3)?).ok_or(bad("role"))?,
        tier: Tier(row.try_get(4)?),
        created_at: from_us(row.try_get(5)?, "created_at")?,
    })
}

fn key_of(row: &SqliteRow) -> Result<ApiKey, Fault> {
    let time = |i: usize, column| {
        let us: Option<i64> = row.try_get(i)?;
        Ok::<_, Fault>(us.map(|us| from_us(us, column)).transpose()?)
    };
    let scopes: &str = row.try_get(4)?;
    let scopes = scopes.split_whitespace().map(|name| Scope::from_name(name).ok_or(bad("scopes")));
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(id_from(row.try_get(0)?, "id")?),
        owner: UserId::from_uuid(id_from(row.try_get(1)?, "owner")?),
        name: row.try_get(2)?,
        secret_hash: hash_from(row.try_get(3)?, "secret_hash")?,
        scopes: scopes.collect::<Result<_, _>>()?,
        created_at: from_us(row.try_get(5)?, "created_at")?,
        expires_at: time(6, "expires_at")?,
        last_used_at: time(7, "last_used_at")?,
        revoked_at: time(8, "revoked_at")?,
    })
}

fn hash_from(bytes: &[u8], column: &'static str) -> Result<[u8; 32], Fault> {
    Ok(bytes.try_into().map_err(|_| bad(column))?)
}
