//! The administrator of an empty database: made before anything listens, so that whoever finds the server ready
//! finds somebody to ask for keys.

use anyhow::{Context, anyhow};
use cupel_core::accounts::{Accounts, NewAccount, NewKey, RegisterError, Role, Scope, Tier};

/// The first administrator's name.
pub(crate) const ADMIN: &str = "admin";

/// What is told once.
pub(crate) struct FirstAccount {
    pub(crate) password: String,
    pub(crate) key: String,
}

/// Makes the first administrator, if there is nobody at all.
///
/// # Errors
/// When the store fails.
pub(crate) async fn make(accounts: &Accounts) -> anyhow::Result<Option<FirstAccount>> {
    if accounts.count_users().await? > 0 {
        return Ok(None);
    }
    let password = random_password();
    let new =
        NewAccount { username: ADMIN.to_owned(), email: "admin@cupel.invalid".to_owned(), password: password.clone() };
    let user = match accounts.register(new).await {
        Ok(user) => user,
        // `cupel user add` was quicker.
        Err(RegisterError::Taken(_)) => return Ok(None),
        Err(error) => return Err(anyhow!(error).context("cannot make the first administrator")),
    };
    accounts.set_access(user.id, Role::Admin, Tier::default()).await?;
    let user = accounts.user(user.id).await?.context("the first administrator has vanished")?;
    let new = NewKey { name: "first start".to_owned(), scopes: Scope::ALL.to_vec(), expires_at: None };
    let (_, key) = accounts.create_key(&user, new).await?;
    Ok(Some(FirstAccount { password, key }))
}

/// A password that nobody has to remember: 120 bits, without characters that a shell or an eye mistakes.
pub(crate) fn random_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random: [u8; 24] = rand::random();
    random.iter().map(|byte| LETTERS[usize::from(byte % 32)] as char).collect()
}
