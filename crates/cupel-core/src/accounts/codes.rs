//! Join codes for accounts. A group, such as a class behind one IP address, registers with such a code.

use cupel_types::JoinCodeId;
use jiff::Timestamp;

use super::service::{EmailRule, fault};
use super::{Accounts, CodeRefused, NewAccount, RegisterError, RegistrationCode, User};
use crate::StoreError;
use crate::contests::JoinCode;
use crate::fault::{InputFault, InputFaultKind};

/// Maximum number of registrations with one code.
pub const CODE_USES_MAX: u32 = 10_000;

/// A code to create.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Display name; 1 to 100 characters.
    pub name: String,
    /// Maximum number of registrations; 1 to [`CODE_USES_MAX`].
    pub uses_max: u32,
    /// Time at which the code expires. Must be in the future.
    pub expires_at: Timestamp,
}

/// Why a code was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateCodeError {
    /// The input is invalid; the pointers are `/name`, `/uses_max` and `/expires_at`.
    #[error("the code has {} fault(s)", .0.len())]
    Invalid(Vec<InputFault>),
    /// Failure of Cupel.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Creates a code.
    ///
    /// # Errors
    /// [`CreateCodeError`].
    pub async fn create_code(&self, new: NewCode) -> Result<RegistrationCode, CreateCodeError> {
        let now = self.now();
        let mut faults = Vec::new();
        if !(1..=100).contains(&new.name.chars().count()) || new.name.chars().any(char::is_control) {
            let detail = "a code's name must have 1 to 100 characters and no control characters";
            faults.push(fault("/name", InputFaultKind::BadName, detail));
        }
        if !(1..=CODE_USES_MAX).contains(&new.uses_max) {
            faults.push(fault("/uses_max", InputFaultKind::TooMany, "a code must allow 1 to 10000 registrations"));
        }
        if new.expires_at <= now {
            faults.push(fault("/expires_at", InputFaultKind::BadExpiry, "this time has passed"));
        }
        if !faults.is_empty() {
            return Err(CreateCodeError::Invalid(faults));
        }
        let code = RegistrationCode {
            id: JoinCodeId::from_uuid(self.inner.ids.next(now)),
            code: JoinCode::random().as_str().to_owned(),
            name: new.name,
            created_at: now,
            expires_at: new.expires_at,
            uses_max: new.uses_max,
            uses: 0,
            ended_at: None,
        };
        self.inner.store.insert_code(code.clone()).await?;
        Ok(code)
    }

    /// All codes, newest first; at most 1000.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn codes(&self) -> Result<Vec<RegistrationCode>, StoreError> {
        self.inner.store.codes().await
    }

    /// Ends a code, so that it can no longer be used. Returns `false` if there is no such code.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn end_code(&self, id: JoinCodeId) -> Result<bool, StoreError> {
        self.inner.store.end_code(id, self.now()).await
    }

    /// Whether registration with this code is possible now.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn is_code_good(&self, written: &str) -> Result<bool, StoreError> {
        match JoinCode::read(written) {
            Some(code) => self.inner.store.is_code_good(code.as_str(), self.now()).await,
            None => Ok(false),
        }
    }

    /// Like [`Accounts::register`], but also consumes one use of a join code. The account needs no e-mail address,
    /// because a class may have none.
    ///
    /// # Errors
    /// [`RegisterError`]; no account was created and no use was consumed.
    pub async fn register_with_code(&self, new: NewAccount, written: &str) -> Result<User, RegisterError> {
        let code = JoinCode::read(written).ok_or(RegisterError::NoSuchCode)?;
        if !self.inner.store.is_code_good(code.as_str(), self.now()).await? {
            return Err(RegisterError::NoSuchCode);
        }
        let new = self.ordinary_user(new, EmailRule::Optional).await?;
        let inserted = self.inner.store.insert_user_with_code(new, code.as_str(), self.now()).await?;
        inserted.map_err(|refused| match refused {
            CodeRefused::NotGood => RegisterError::NoSuchCode,
            CodeRefused::Taken(which) => RegisterError::Taken(which),
        })
    }
}
