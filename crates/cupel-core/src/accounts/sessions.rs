//! Login and sessions: one session per login, whose refresh token is replaced at every use.

use cupel_types::{SessionId, UserId};
use jiff::{SignedDuration, Timestamp};

use super::tokens::{REFRESH, Token};
use super::{AccountError, Accounts, RefreshSession, Session, User};
use crate::StoreError;
use crate::accounts::PasswordError;

/// A session with the token that refreshes it.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub user: User,
    /// The session; access tokens carry its id and end with it.
    pub session: SessionId,
    /// The refresh token: shown once, valid for one use.
    pub refresh_token: String,
    /// When the session expires.
    pub expires_at: Timestamp,
}

/// A user whose password was right, without a session.
pub struct VerifiedLogin {
    user: User,
    /// The hash of the password.
    hash: Option<String>,
}

impl VerifiedLogin {
    /// The user.
    pub fn user(&self) -> UserId {
        self.user.id
    }
}

/// Why a login was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The user does not exist, or the password is wrong. The client does not learn which.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The password is right, but the account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Failure of Cupel.
    #[error(transparent)]
    Failed(#[from] AccountError),
}

/// Why a session was not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is malformed, unknown or already used (a second use ends the session), or the session has ended.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Failure of Cupel.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        LoginError::Failed(error.into())
    }
}

impl From<PasswordError> for LoginError {
    fn from(error: PasswordError) -> Self {
        LoginError::Failed(error.into())
    }
}

/// Placeholder for the hash of a user without a password. It matches no password.
pub(super) const NO_PASSWORD: &str = "!";

/// The hash, or `None` if the user has no password. In that case, a login is refused after the same amount of work.
pub(super) fn usable(hash: String) -> Option<String> {
    (hash != NO_PASSWORD).then_some(hash)
}

/// Maximum length of a stored `User-Agent`, in characters.
const USER_AGENT_MAX: usize = 200;

/// The part of a `User-Agent` that is stored: its beginning, without control characters. `None`: nothing remains.
fn kept_user_agent(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect();
    (!kept.trim().is_empty()).then_some(kept)
}

impl Accounts {
    /// Opens a session. `login` is the e-mail address or the user name. If the user does not exist, the work and the
    /// answer are the same as for a wrong password.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(&self, login: &str, password: &str) -> Result<Login, LoginError> {
        let verified = self.verify_login(login, password).await?;
        self.open_verified(verified, None).await
    }

    /// The first half of [`Accounts::login`]: checks the password.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn verify_login(&self, login: &str, password: &str) -> Result<VerifiedLogin, LoginError> {
        // Input that is too long for any account is truncated, and then handled like other input.
        let login: String = login.chars().take(254).collect();
        let fits = password.chars().count() <= 256;
        let password: String = password.chars().take(256).collect();
        let found = self.inner.store.user_by_login(&login).await?;
        let (user, hash) = found.unzip();
        let hash = hash.and_then(usable);
        let right = self.inner.passwords.verify(&password, hash.clone()).await?;
        match user {
            Some(user) if right && fits && user.disabled_at.is_some() => Err(LoginError::Disabled),
            Some(user) if right && fits => Ok(VerifiedLogin { user, hash }),
            _ => Err(LoginError::Wrong),
        }
    }

    /// The second half of [`Accounts::login`]: opens the session. `user_agent`: the client's `User-Agent`, for the list
    /// of sessions.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] if the password was changed or the account disabled after the check;
    /// [`LoginError::Failed`].
    pub async fn open_verified(&self, login: VerifiedLogin, user_agent: Option<&str>) -> Result<Login, LoginError> {
        self.open(login.user, login.hash.as_deref(), user_agent).await?.ok_or(LoginError::Wrong)
    }

    /// Opens a session without a password, for the command line: a caller with access to the database could act as any
    /// user anyway. `None`: the user is disabled or deleted.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn open_session(&self, user: User) -> Result<Option<Login>, StoreError> {
        self.open(user, None, None).await
    }

    async fn open(
        &self,
        user: User,
        password_hash: Option<&str>,
        user_agent: Option<&str>,
    ) -> Result<Option<Login>, StoreError> {
        let now = self.now();
        let session = SessionId::from_uuid(self.inner.ids.next(now));
        let token = Token::new(*session.as_uuid());
        let length = SignedDuration::try_from(self.inner.settings.session).unwrap_or(SignedDuration::MAX);
        let expires_at = now.saturating_add(length).unwrap_or(now);
        let user_agent = user_agent.and_then(kept_user_agent);
        let (id, token_hash) = (session, token.hash());
        let row = RefreshSession { id, user: user.id, token_hash, created_at: now, expires_at, user_agent };
        let opened = self.inner.store.insert_session(row, password_hash).await?;
        Ok(opened.then(|| Login { user, session, refresh_token: token.text(REFRESH), expires_at }))
    }

    /// The session id in a refresh token, not yet verified. `None`: the text does not have the form of a refresh token.
    pub fn session_claimed(refresh_token: &str) -> Option<SessionId> {
        Token::parse(REFRESH, refresh_token).map(|token| SessionId::from_uuid(token.id))
    }

    /// Exchanges a refresh token for a new refresh token. If the token was exchanged before, it counts as stolen, and
    /// the session ends for all holders.
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<Login, RefreshError> {
        let old = Token::parse(REFRESH, refresh_token).ok_or(RefreshError::Invalid)?;
        let session = SessionId::from_uuid(old.id);
        let next = Token::new(old.id);
        let rotated = self.inner.store.rotate_session(session, old.hash(), next.hash(), self.now()).await?;
        // From here on, nothing may fail transiently: the client would repeat the request with a used token.
        let rotated = rotated.filter(|rotated| rotated.user.disabled_at.is_none()).ok_or(RefreshError::Invalid)?;
        let refresh_token = next.text(REFRESH);
        Ok(Login { user: rotated.user, session, refresh_token, expires_at: rotated.expires_at })
    }

    /// Ends a session; repeated calls change nothing.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn logout(&self, session: SessionId) -> Result<(), StoreError> {
        self.inner.store.end_session(session, self.now()).await
    }

    /// The user's sessions that have not ended, newest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.inner.store.sessions(user, self.now()).await
    }

    /// Ends a session of this user. `false`: there is no such session, or it has ended.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<bool, StoreError> {
        self.inner.store.end_session_of(user, session, self.now()).await
    }

    /// Whether access tokens of this session are still valid.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn session_alive(&self, session: SessionId) -> Result<bool, StoreError> {
        self.inner.store.session_alive(session, self.now()).await
    }
}
