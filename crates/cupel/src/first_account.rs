//! Creates the first administrator of an empty database before the server listens. So a new server that is ready has an
//! administrator who can issue keys.
//!
//! The account is created with its role in one write. If the process is killed afterwards, the administrator exists
//! without a password that anybody knows; `cupel user link` then sets one.

use std::time::Duration;

use anyhow::{Context, anyhow};
use cupel_core::accounts::{Accounts, Imported, NewKey, Person, Role, Scope, Tier};

/// The first administrator's name.
pub(crate) const ADMIN: &str = "admin";

/// The first administrator's e-mail address, which receives no mail.
const EMAIL: &str = "admin@cupel.invalid";

/// Result of creating the first administrator.
pub(crate) enum FirstAccount {
    Created(Credentials),
    /// The first administrator existed already, and is the only user.
    IsAlone,
    /// There are other users, or this process creates no accounts.
    HasOthers,
}

/// Credentials that are printed once.
pub(crate) struct Credentials {
    pub(crate) password: String,
    pub(crate) key: String,
    /// Token of a one-time link for setting a password.
    pub(crate) link: String,
}

/// Lifetime of the link.
const LINK_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Number of users that are read to find one who is not an internal account. There are fewer internal accounts.
const USERS_READ: u64 = 16;

/// Creates the first administrator if there are no users except internal accounts.
///
/// # Errors
/// The store fails.
pub(crate) async fn make(accounts: &Accounts) -> anyhow::Result<FirstAccount> {
    let mut users = accounts.users(0, USERS_READ).await?;
    users.retain(|user| !user.is_internal());
    match &users[..] {
        [] => {}
        [only] if only.username == ADMIN => return Ok(FirstAccount::IsAlone),
        _ => return Ok(FirstAccount::HasOthers),
    }
    let person = Person {
        line: 1,
        username: ADMIN.to_owned(),
        email: EMAIL.to_owned(),
        role: Role::Admin,
        tier: Tier::default(),
    };
    match accounts.import(vec![person], LINK_LIFETIME).await?.pop() {
        Some((_, Imported::Created(_))) => {}
        // Another node or `cupel user add` has created the account in the meantime.
        _ => return Ok(FirstAccount::HasOthers),
    }
    let deleted = "the first administrator no longer exists";
    let user = accounts.find_user(ADMIN).await?.context(deleted)?;
    let password = random_password();
    let changed = accounts.set_password(user.id, &password).await;
    changed.map_err(|error| anyhow!(error).context("cannot set the first administrator's password"))?;
    let new = NewKey { name: "first start".to_owned(), scopes: Scope::ALL.to_vec(), expires_at: None };
    let (_, key) = accounts.create_key(&user, new).await?;
    let link = accounts.make_link(user.id, LINK_LIFETIME).await?.context(deleted)?;
    Ok(FirstAccount::Created(Credentials { password, key, link: link.token }))
}

/// Returns a random password of 120 bits, without characters that are special to a shell or easily confused.
pub(crate) fn random_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random: [u8; 24] = rand::random();
    random.iter().map(|byte| LETTERS[usize::from(byte % 32)] as char).collect()
}
