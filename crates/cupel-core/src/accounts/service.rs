//! [`Accounts`]: registration, and the administration of users.

use std::sync::Arc;
use std::time::Duration;

use cupel_types::UserId;
use jiff::{Timestamp, TimestampRound, Unit};

use super::passwords::{PasswordCost, PasswordError, Passwords};
use super::{AccessChange, AccountChange, KeyBounds, NewUser, Role, Tier, User};
use crate::fault::{InputFault, InputFaultKind};
use crate::ids::IdGenerator;
use crate::{Clock, Store, StoreError, UserTaken};

/// The use cases around users, passwords, sessions and keys. Access tokens (JWT) belong to the API.
#[derive(Clone)]
pub struct Accounts {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    pub(super) settings: AccountSettings,
    pub(super) passwords: Passwords,
    pub(super) ids: IdGenerator,
}

/// Settings of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// How long after the login a session can be refreshed.
    pub session: Duration,
    /// Bounds on the keys of one user.
    pub keys: KeyBounds,
    /// Cost of one password hash.
    pub password_cost: PasswordCost,
}

impl Default for AccountSettings {
    fn default() -> AccountSettings {
        AccountSettings {
            session: Duration::from_secs(30 * 24 * 3600),
            keys: KeyBounds::default(),
            password_cost: PasswordCost::default(),
        }
    }
}

/// A registration.
#[derive(Clone)]
pub struct NewAccount {
    /// 3 to 32 characters out of `A-Z a-z 0-9 _ . -`.
    pub username: String,
    /// An e-mail address, at most 254 characters. `None` is accepted only with a join code.
    pub email: Option<String>,
    /// 8 to 256 characters.
    pub password: String,
}

/// A failure of Cupel in an account operation.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A password could not be hashed or checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The input is invalid; the pointers are `/username`, `/email` and `/password`.
    #[error("the registration has {} fault(s)", .0.len())]
    Invalid(Vec<InputFault>),
    /// The name or address is taken.
    #[error("the name or address is taken")]
    Taken(UserTaken),
    /// The join code does not exist, has expired, was ended by an administrator, or is used up.
    #[error("the join code is not valid")]
    NoSuchCode,
    /// Failure of Cupel.
    #[error(transparent)]
    Failed(#[from] AccountError),
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        RegisterError::Failed(error.into())
    }
}

impl From<PasswordError> for RegisterError {
    fn from(error: PasswordError) -> Self {
        RegisterError::Failed(error.into())
    }
}

impl Accounts {
    /// Creates the use cases from a store, a clock and settings.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: AccountSettings) -> Accounts {
        let passwords = Passwords::new(settings.password_cost);
        Accounts { inner: Arc::new(Inner { store, clock, settings, passwords, ids: IdGenerator::default() }) }
    }

    /// Creates a user: always [`Role::User`] in the tier `basic`. [`Accounts::set_access`] grants more.
    ///
    /// # Errors
    /// [`RegisterError`]; no account was created.
    pub async fn register(&self, new: NewAccount) -> Result<User, RegisterError> {
        let new = self.ordinary_user(new, EmailRule::Required).await?;
        self.inner.store.insert_user(new).await?.map_err(RegisterError::Taken)
    }

    /// Validates a registration, and hashes the password. The result is a user with [`Role::User`] in the tier `basic`,
    /// not yet stored.
    pub(super) async fn ordinary_user(&self, new: NewAccount, email: EmailRule) -> Result<NewUser, RegisterError> {
        let faults = faults_of(&new, email);
        if !faults.is_empty() {
            return Err(RegisterError::Invalid(faults));
        }
        self.check_free(&new).await?;
        let password_hash = self.inner.passwords.hash(&new.password).await?;
        let now = self.now();
        let user = User {
            id: UserId::from_uuid(self.inner.ids.next(now)),
            username: new.username,
            email: new.email.unwrap_or_default(),
            role: Role::User,
            tier: Tier::default(),
            created_at: now,
            disabled_at: None,
            in_leaderboards: true,
        };
        Ok(NewUser { user, password_hash, webhook_secret: crate::ids::secret() })
    }

    /// Refuses a taken name or address early, to avoid hashing. The store makes the final decision.
    pub(super) async fn check_free(&self, new: &NewAccount) -> Result<(), RegisterError> {
        let logins = [(Some(&new.username), UserTaken::Username), (new.email.as_ref(), UserTaken::Email)];
        for (login, taken) in logins {
            let Some(login) = login else { continue };
            if self.inner.store.user_by_login(login).await?.is_some() {
                return Err(RegisterError::Taken(taken));
            }
        }
        Ok(())
    }

    /// A user by id.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.inner.store.user(id).await
    }

    /// A user by name or e-mail address; for administrators and the command line.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn find_user(&self, login: &str) -> Result<Option<User>, StoreError> {
        Ok(self.inner.store.user_by_login(login).await?.map(|(user, _)| user))
    }

    /// Number of users.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn count_users(&self) -> Result<u64, StoreError> {
        self.inner.store.count_users().await
    }

    /// A page of all users, oldest first; for administrators and the command line.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError> {
        self.inner.store.users(offset, limit).await
    }

    /// Changes a user's role and tier. The only administrator who can log in keeps the role.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn set_access(&self, id: UserId, role: Role, tier: Tier) -> Result<AccountChange, StoreError> {
        self.change_access(id, AccessChange { role: Some(role), tier: Some(tier), disabled: None }).await
    }

    /// Applies all parts of the change or none. Disabling a user ends all of the user's sessions; logins, keys and
    /// tokens are then refused. The sweeper cancels the user's submissions.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn change_access(&self, id: UserId, change: AccessChange) -> Result<AccountChange, StoreError> {
        let concerns_internal = change.disabled == Some(true) || change.role.is_some_and(|role| role != Role::User);
        if concerns_internal && self.is_internal(id).await? {
            return Ok(AccountChange::Internal);
        }
        // A guest can be disabled, but gets neither a role nor a tier.
        if id.is_guest() && (change.role.is_some() || change.tier.is_some()) {
            return Ok(AccountChange::NoSuchUser);
        }
        self.inner.store.change_access(id, change, self.now()).await
    }

    /// Sets a user's password, and ends all of the user's sessions. `false`: there is no such user.
    ///
    /// # Errors
    /// [`RegisterError::Invalid`] or [`RegisterError::Failed`]; nothing has changed.
    pub async fn set_password(&self, id: UserId, password: &str) -> Result<bool, RegisterError> {
        if id.is_guest() {
            return Ok(false);
        }
        let Some(user) = self.inner.store.user(id).await? else { return Ok(false) };
        if let Some(fault) = fault_of_password(password, &user.username, &user.email) {
            return Err(RegisterError::Invalid(vec![fault]));
        }
        if self.is_internal(id).await? {
            let detail =
                "accounts whose names begin with `~` are internal accounts of Cupel; nobody can log in to them";
            return Err(RegisterError::Invalid(vec![fault("/username", InputFaultKind::ReservedUsername, detail)]));
        }
        let password_hash = self.inner.passwords.hash(password).await?;
        Ok(self.inner.store.change_password(id, None, password_hash, None, self.now()).await?)
    }

    /// Disables or enables a user. Disabling a user ends all of the user's sessions; logins, keys and tokens are then
    /// refused.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<AccountChange, StoreError> {
        self.change_access(id, AccessChange { disabled: Some(disabled), ..AccessChange::default() }).await
    }

    /// Shows the user in leaderboards, or omits the user from them. `false`: there is no such user.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn set_in_leaderboards(&self, id: UserId, in_leaderboards: bool) -> Result<bool, StoreError> {
        self.inner.store.set_in_leaderboards(id, in_leaderboards).await
    }

    /// Deletes a user: personal data is removed, submissions stay under an anonymous name. The sweeper cancels those
    /// that have not ended.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn delete(&self, id: UserId) -> Result<AccountChange, StoreError> {
        if self.is_internal(id).await? {
            return Ok(AccountChange::Internal);
        }
        self.inner.store.delete_user(id, self.now()).await
    }

    /// The key that signs webhooks for this user; shown to the user only.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError> {
        self.inner.store.webhook_secret(id).await
    }

    /// The current time, truncated to microseconds.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.inner.clock.now();
        now.round(TimestampRound::new().smallest(Unit::Microsecond).mode(jiff::RoundMode::Trunc)).unwrap_or(now)
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

pub(super) fn fault(pointer: &str, kind: InputFaultKind, detail: &str) -> InputFault {
    InputFault { index: None, pointer: pointer.into(), kind, detail: detail.into() }
}

/// Whether a registration needs an e-mail address.
#[derive(Clone, Copy, Debug)]
pub(super) enum EmailRule {
    Required,
    Optional,
}

pub(super) fn faults_of(new: &NewAccount, rule: EmailRule) -> Vec<InputFault> {
    let mut faults = Vec::new();
    faults.extend(fault_of_username(&new.username));
    faults.extend(match (&new.email, rule) {
        (None, EmailRule::Optional) => None,
        (None, EmailRule::Required) => {
            let detail = "an e-mail address is required; with a join code, it is optional";
            Some(fault("/email", InputFaultKind::Missing, detail))
        }
        (Some(email), _) if plausible_email(email) => None,
        (Some(_), _) => {
            let detail = "an e-mail address is NAME@DOMAIN with at most 254 characters";
            Some(fault("/email", InputFaultKind::BadEmail, detail))
        }
    });
    faults.extend(fault_of_password(&new.password, &new.username, new.email.as_deref().unwrap_or_default()));
    faults
}

/// Prefix of the names of deleted users.
const DELETED_PREFIX: &str = "deleted-";

pub(super) fn fault_of_username(name: &str) -> Option<InputFault> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"_.-".contains(&c);
    let is_good = (3..=32).contains(&name.len()) && name.bytes().all(is_plain);
    let detail = "a user name has 3 to 32 characters from A-Z a-z 0-9 _ . -";
    if !is_good {
        return Some(fault("/username", InputFaultKind::BadUsername, detail));
    }
    // Keeps users from posing as a deleted account.
    let is_reserved = name.to_ascii_lowercase().starts_with(DELETED_PREFIX);
    let detail = "names that begin with `deleted-` are reserved for deleted accounts";
    is_reserved.then(|| fault("/username", InputFaultKind::ReservedUsername, detail))
}

/// `username` and `email` belong to the account; the password must differ from both. Source: NIST SP 800-63B, section
/// 5.1.1.2 (context-specific words).
pub(super) fn fault_of_password(password: &str, username: &str, email: &str) -> Option<InputFault> {
    let fault = |kind, detail| Some(fault("/password", kind, detail));
    if !(8..=256).contains(&password.chars().count()) || password.contains('\0') {
        return fault(InputFaultKind::BadPassword, "a password has 8 to 256 characters, none of them NUL");
    }
    let lower = password.to_lowercase();
    if [username, email].iter().any(|name| name.to_lowercase() == lower) {
        let detail = "the password must differ from the user name and the e-mail address";
        return fault(InputFaultKind::PasswordIsName, detail);
    }
    None
}

/// Whether the text is a plausible mail address: one `@` with text on both sides, a domain of dot-separated labels,
/// nothing that breaks a header line. Only sending a message would show whether the mailbox exists. The lengths are
/// those of RFC 5321, section 4.5.3.1, in characters, so that a pattern of the OpenAPI document can express them.
pub(super) fn plausible_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[]\\,;:\"@\u{feff}".contains(c);
    let in_domain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || (!c.is_ascii() && plain(c));
    let label = |l: &str| (1..=63).contains(&l.chars().count()) && !l.starts_with('-') && !l.ends_with('-');
    text.chars().count() <= 254
        && (1..=64).contains(&name.chars().count())
        && name.chars().all(plain)
        && domain.chars().all(in_domain)
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invalid_field_of_a_registration_is_reported_with_its_pointer() {
        let new = NewAccount { username: "a b".into(), email: Some("nowhere".into()), password: "short\0".into() };
        let places: Vec<_> = faults_of(&new, EmailRule::Required).into_iter().map(|f| f.pointer).collect();
        assert_eq!(places, ["/username", "/email", "/password"]);
    }

    #[test]
    fn length_bounds_of_names_and_passwords_are_inclusive() {
        let faults = |username: &str, password: &str| {
            faults_of(
                &NewAccount { username: username.into(), email: Some("a@b.example".into()), password: password.into() },
                EmailRule::Required,
            )
            .len()
        };
        assert_eq!(faults("abc", "12345678"), 0);
        assert_eq!(faults(&"x".repeat(32), &"ü".repeat(256)), 0);
        assert_eq!(faults("ab", "1234567"), 2);
        assert_eq!(faults(&"x".repeat(33), &"x".repeat(257)), 2);
        assert_eq!(faults("nul\0name", "12345678"), 1);
        assert_eq!(faults("Deleted-0123456789abcdef", "12345678"), 1);
        assert_eq!(faults("deleted", "12345678"), 0);
    }

    #[test]
    fn a_password_is_not_a_name_of_its_account() {
        let is_good = |password| fault_of_password(password, "ada.lovelace", "ada@b.example").is_none();
        assert!(is_good("ada.lovelace1"));
        for name in ["ada.lovelace", "Ada.Lovelace", "ADA@b.example"] {
            assert!(!is_good(name), "{name}");
        }
    }

    #[test]
    fn only_plausible_mail_addresses_are_accepted() {
        for good in ["a@b.example", "a.b+c@x-y.example", "ü@exämple.example"] {
            assert!(plausible_email(good), "{good}");
        }
        let long = format!("{}@{}.example", "a".repeat(64), "b.".repeat(95));
        for bad in [
            "",
            "@",
            "a@",
            "@b.example",
            "a@b",
            "a b@c.example",
            "a@b..example",
            "a@-b.example",
            "a\n@b.example",
            "a@b@c.example",
            "a\0@b.example",
            &long,
        ] {
            assert!(!plausible_email(bad), "{bad:?}");
        }
    }
}
