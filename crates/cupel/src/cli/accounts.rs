//! `cupel user` and `cupel key`: accounts, in the store itself. A server may run beside it.

use std::io::{IsTerminal, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, anyhow, bail};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use cupel_core::UserTaken;
use cupel_core::accounts::{
    Accounts, CreateKeyError, NewAccount, NewKey, RegisterError, Role, Scope, Tier, User as Account,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::args::{Key, KeyCommand, Settings, User, UserCommand};
use super::{CommandResult, Exit, Failure, OrExit};
use crate::compose;
use crate::compose::engines::{StoreAndClock, open_store};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::owner;
use crate::terminal::Table;

/// Users read at one time.
const USERS_PAGE: u64 = 1000;

pub(super) fn user(args: &User) -> CommandResult {
    // An administrator may be made before the first start.
    let may_make = matches!(args.command, UserCommand::Add { .. });
    in_store(&args.settings, may_make, async |place| match &args.command {
        UserCommand::Add { name, email, admin, password_stdin } => {
            place.add_user(name, email, *admin, *password_stdin).await
        }
        UserCommand::List { json } => place.list_users(*json).await,
        UserCommand::Token { name } => place.token(name).await,
        UserCommand::Role { name, role } => place.set_role(name, *role).await,
        UserCommand::Password { name, password_stdin } => place.set_password(name, *password_stdin).await,
    })
}

pub(super) fn key(args: &Key) -> CommandResult {
    in_store(&args.settings, false, async |place| match &args.command {
        KeyCommand::Create { name, user, scope, expires } => place.create_key(name, user, scope, *expires).await,
        KeyCommand::List { user, json } => place.list_keys(user, *json).await,
        KeyCommand::Revoke { id, user } => place.revoke_key(id, user).await,
    })
}

/// An opened store.
pub(super) struct Place {
    config: Config,
    data: DataDir,
    pub(super) store: StoreAndClock,
    accounts: Accounts,
}

/// `may_make`: a data directory that has no database yet gets one; otherwise it is the wrong directory.
pub(super) fn in_store(
    settings: &Settings,
    may_make: bool,
    act: impl AsyncFnOnce(&Place) -> CommandResult,
) -> CommandResult {
    let (config, _) = config::load(&settings.overrides(None)).or_exit(Exit::Usage)?;
    if !may_make && config.engines.store.is_none() && !DataDir::has_database(&config.data) {
        let directory = config.data.display();
        let hint = "name the server's directory with --data, or start `cupel serve` there once; where store.url is set, \
                    name the configuration with --config";
        return Err(anyhow!("there is no database in {directory}: {hint}")).or_exit(Exit::NotFound);
    }
    let data = DataDir::open(&config.data)?;
    // What is written here has to be the server's to write, too.
    owner::become_owner(&data)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let store = open_store(&config, &data).await?;
        let accounts = compose::accounts(&config, &store.0, &store.1);
        let place = Place { config, data, store, accounts };
        let result = act(&place).await;
        place.store.0.close().await;
        result
    })
}

impl Place {
    async fn find(&self, name: &str) -> Result<Account, Failure> {
        let found = self.accounts.find_user(name).await?;
        let hint = if name == crate::first_account::ADMIN {
            "; name another one with --user, or add one with `cupel user add`"
        } else {
            ""
        };
        found.ok_or_else(|| anyhow!("there is no user `{name}`{hint}")).or_exit(Exit::NotFound)
    }

    async fn add_user(&self, name: &str, email: &str, admin: bool, password_stdin: bool) -> CommandResult {
        let password = password_of(password_stdin)?;
        let new = NewAccount { username: name.to_owned(), email: email.to_owned(), password: password.clone() };
        let user = self.accounts.register(new).await.map_err(|error| match error {
            RegisterError::Taken(which) => {
                let taken = match which {
                    UserTaken::Username => format!("the name {name}"),
                    UserTaken::Email => format!("the address {email}"),
                };
                Failure { exit: Exit::Usage, error: anyhow!("{taken} is taken") }
            }
            error => refused(error),
        })?;
        if admin {
            self.accounts.set_access(user.id, Role::Admin, Tier::default()).await?;
        }
        anstream::println!("user {} added, with id {}", user.username, user.id);
        if !password_stdin {
            anstream::println!("password: {password} (shown this once)");
        }
        Ok(Exit::Ok)
    }

    async fn set_role(&self, name: &str, role: Role) -> CommandResult {
        let user = self.find(name).await?;
        self.accounts.set_access(user.id, role, user.tier).await?;
        let (name, role) = (user.username, role.as_str());
        anstream::println!("user {name} has the role {role}; a server that runs notices within five seconds");
        Ok(Exit::Ok)
    }

    async fn set_password(&self, name: &str, password_stdin: bool) -> CommandResult {
        let user = self.find(name).await?;
        let password = password_of(password_stdin)?;
        self.accounts.set_password(user.id, &password).await.map_err(refused)?;
        anstream::println!("user {} has another password, and is logged in nowhere", user.username);
        if !password_stdin {
            anstream::println!("password: {password} (shown this once)");
        }
        Ok(Exit::Ok)
    }

    async fn list_users(&self, as_json: bool) -> CommandResult {
        let mut users = Vec::new();
        loop {
            let page = self.accounts.users(users.len() as u64, USERS_PAGE).await?;
            let is_last = (page.len() as u64) < USERS_PAGE;
            users.extend(page);
            if is_last {
                break;
            }
        }
        if as_json {
            let users: Vec<Value> = users
                .iter()
                .map(|user| {
                    json!({
                        "id": user.id.to_string(), "username": user.username, "email": user.email,
                        "role": user.role.as_str(), "tier": user.tier.0, "created_at": time(user.created_at),
                    })
                })
                .collect();
            anstream::println!("{}", json!({ "users": users }));
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(&["NAME", "E-MAIL", "ROLE", "TIER", "CREATED"]);
        for user in users {
            table.row(vec![
                user.username,
                user.email,
                user.role.as_str().to_owned(),
                user.tier.0,
                time(user.created_at),
            ]);
        }
        table.print();
        Ok(Exit::Ok)
    }

    /// Access tokens are the API's to make: a session is opened here and exchanged there.
    async fn token(&self, name: &str) -> CommandResult {
        let login = self.accounts.open_session(self.find(name).await?).await?;
        let mut request = Request::post("/api/v1/auth/refresh")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "refresh_token": login.refresh_token }).to_string()))?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)));
        let response = compose::idle_api(&self.config, &self.data, &self.store).await?.oneshot(request).await?;
        let status = response.status();
        let body: Value = serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 64 << 10).await?)?;
        match body["access_token"].as_str() {
            Some(token) if status.is_success() => anstream::println!("{token}"),
            _ => return Err(anyhow!("the API refused to make a token ({status}): {}", body["detail"]).into()),
        }
        Ok(Exit::Ok)
    }

    async fn create_key(
        &self,
        name: &str,
        user: &str,
        scopes: &[String],
        expires: Option<std::time::Duration>,
    ) -> CommandResult {
        let parse = |text: &String| {
            let all = || Scope::ALL.map(Scope::as_str).join(", ");
            Scope::from_name(text).ok_or_else(|| anyhow!("there is no scope `{text}`; the scopes are {}", all()))
        };
        let mut scopes = scopes.iter().map(parse).collect::<Result<Vec<_>, _>>().or_exit(Exit::Usage)?;
        if scopes.is_empty() {
            scopes = vec![Scope::RunsRead, Scope::RunsWrite];
        }
        let expires_at = match expires {
            Some(after) => Some(self.store.1.now().checked_add(SignedDuration::try_from(after)?).or_exit(Exit::Usage)?),
            None => None,
        };
        let owner = self.find(user).await?;
        let (key, text) =
            self.accounts.create_key(&owner, NewKey { name: name.to_owned(), scopes, expires_at }).await.map_err(
                |error| match error {
                    CreateKeyError::Invalid(faults) => {
                        let said: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
                        Failure { exit: Exit::Usage, error: anyhow!(said.join("; ")) }
                    }
                    other => other.into(),
                },
            )?;
        anstream::eprintln!("key {} of {}; its text is shown this once:", key.id, owner.username);
        anstream::println!("{text}");
        Ok(Exit::Ok)
    }

    async fn list_keys(&self, user: &str, as_json: bool) -> CommandResult {
        let keys = self.accounts.keys(self.find(user).await?.id).await?;
        let scopes = |key: &cupel_core::accounts::ApiKey| key.scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>();
        let time = |at: Option<Timestamp>| at.map(time);
        if as_json {
            let keys: Vec<Value> = keys
                .iter()
                .map(|k| {
                    json!({
                        "id": k.id.to_string(), "name": k.name, "scopes": scopes(k), "created_at": time(Some(k.created_at)),
                        "expires_at": time(k.expires_at), "last_used_at": time(k.last_used_at), "revoked_at": time(k.revoked_at),
                    })
                })
                .collect();
            anstream::println!("{}", json!({ "keys": keys }));
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(&["ID", "NAME", "SCOPES", "CREATED", "LAST USED", "STATE"]);
        for key in &keys {
            let now = self.store.1.now();
            let state = match (key.revoked_at, key.expires_at) {
                (Some(_), _) => "revoked".to_owned(),
                (None, Some(at)) if at <= now => "expired".to_owned(),
                (None, at) => time(at).map_or_else(|| "good".to_owned(), |at| format!("good until {at}")),
            };
            let (created, used) = (time(Some(key.created_at)), time(key.last_used_at));
            let or_never = |text: Option<String>| text.unwrap_or_else(|| "never".to_owned());
            table.row(vec![
                key.id.to_string(),
                key.name.clone(),
                scopes(key).join(" "),
                or_never(created),
                or_never(used),
                state,
            ]);
        }
        table.print();
        Ok(Exit::Ok)
    }

    async fn revoke_key(&self, id: &str, user: &str) -> CommandResult {
        let parsed = id.parse().with_context(|| format!("`{id}` is no id of a key")).or_exit(Exit::Usage)?;
        let owner = self.find(user).await?;
        if !self.accounts.revoke_key(owner.id, parsed).await? {
            return Err(anyhow!("{} has no key {id} that could be revoked", owner.username)).or_exit(Exit::NotFound);
        }
        anstream::println!("key {id} is revoked; a server that runs notices within five seconds");
        Ok(Exit::Ok)
    }
}

/// To the second, in UTC.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Why nothing was written of what was asked for.
fn refused(error: RegisterError) -> Failure {
    match error {
        RegisterError::Invalid(faults) => {
            let said: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
            Failure { exit: Exit::Usage, error: anyhow!(said.join("; ")) }
        }
        error => error.into(),
    }
}

/// What is given on standard input, or a random one.
fn password_of(from_stdin: bool) -> Result<String, Failure> {
    if from_stdin { read_password().or_exit(Exit::Usage) } else { Ok(crate::first_account::random_password()) }
}

/// One line, without its end.
fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        bail!("--password-stdin reads the password from a pipe or file, not from a terminal, which would show it");
    }
    stdin.take(4096).read_to_string(&mut text).context("cannot read the password")?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}
