//! Creates the first administrator of an empty database before the server listens. So a new server that is ready has an
//! administrator who can issue keys.

use std::time::Duration;

use anyhow::{Context, anyhow};
use cupel_core::accounts::{Accounts, NewAccount, NewKey, RegisterError, Role, Scope, Tier};

/// The first administrator's name.
pub(crate) const ADMIN: &str = "admin";

/// Credentials that are printed once.
pub(crate) struct FirstAccount {
    pub(crate) password: String,
    pub(crate) key: String,
    /// Token of a one-time link for setting a password.
    pub(crate) link: String,
}

/// Lifetime of the link.
const LINK_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Creates the first administrator if there are no users.
///
/// # Errors
/// The store fails.
pub(crate) async fn make(accounts: &Accounts) -> anyhow::Result<Option<FirstAccount>> {
    if accounts.count_users().await? > 0 {
        return Ok(None);
    }
    let password = random_password();
    let new = NewAccount {
        username: ADMIN.to_owned(),
        email: Some("admin@cupel.invalid".to_owned()),
        password: password.clone(),
    };
    let user = match accounts.register(new).await {
        Ok(user) => user,
        // `cupel user add` has created an administrator in the meantime.
        Err(RegisterError::Taken(_)) => return Ok(None),
        Err(error) => return Err(anyhow!(error).context("cannot create the first administrator")),
    };
    accounts.set_access(user.id, Role::Admin, Tier::default()).await?;
    let user = accounts.user(user.id).await?.context("the first administrator no longer exists")?;
    let new = NewKey { name: "first start".to_owned(), scopes: Scope::ALL.to_vec(), expires_at: None };
    let (_, key) = accounts.create_key(&user, new).await?;
    let link = accounts.make_link(user.id, LINK_LIFETIME).await?.context("the first administrator no longer exists")?;
    Ok(Some(FirstAccount { password, key, link: link.token }))
}

/// Returns a random password of 120 bits, without characters that are special to a shell or easily confused.
pub(crate) fn random_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random: [u8; 24] = rand::random();
    random.iter().map(|byte| LETTERS[usize::from(byte % 32)] as char).collect()
}
