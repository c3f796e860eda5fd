//! `cupel user` and `cupel key`: manage accounts directly in the store. A server may run at the same time.

pub(super) mod args;
pub(super) mod keys;

use std::io::{IsTerminal, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use cupel_core::UserTaken;
use cupel_core::accounts::{
    AccountChange, Accounts, CreateCodeError, Imported, NewAccount, NewCode, RegisterError, Role, Tier,
    User as Account, read_people, write_links,
};
use cupel_types::{JoinCodeId, counted};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;

use self::args::{User, UserCommand};
use super::shared_args::Settings;
use super::{CommandResult, Exit, Failure, OrExit};
use crate::compose;
use crate::compose::engines::{StoreAndClock, open_store};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::owner;
use crate::terminal::{Table, harmless};

/// Users per page.
const USERS_PAGE: u64 = 1000;

pub(super) fn user(args: &User) -> CommandResult {
    let uses = match args.command {
        // An administrator may be created before the first start of the server.
        UserCommand::Add { .. } => Uses::NewStore,
        UserCommand::Token { .. } => Uses::Api,
        _ => Uses::Store,
    };
    // The file is read before this process switches to the owner of the data directory, who may lack permission to read
    // it.
    let csv = match &args.command {
        UserCommand::Import { file, .. } => read_csv(file)?,
        _ => Vec::new(),
    };
    in_store(&args.settings, uses, async |place| match &args.command {
        UserCommand::Add { name, email, admin, password_stdin } => {
            place.add_user(name, email, *admin, *password_stdin).await
        }
        UserCommand::List { json } => place.list_users(*json).await,
        UserCommand::Token { name } => place.token(name).await,
        UserCommand::Role { name, role } => place.set_role(name, *role).await,
        UserCommand::Tier { name, tier } => place.set_tier(name, tier).await,
        UserCommand::Import { file: _, valid, url } => place.import(&csv, *valid, url.as_deref()).await,
        UserCommand::Link { name, valid, url } => place.link(name, *valid, url.as_deref()).await,
        UserCommand::Code { name, uses, valid } => place.code(name, *uses, *valid).await,
        UserCommand::Codes { json } => place.codes(*json).await,
        UserCommand::EndCode { code } => place.end_code(code).await,
        UserCommand::Sessions { name, json } => place.sessions(name, *json).await,
        UserCommand::EndSession { name, id, all: _ } => place.end_sessions(name, id.as_deref()).await,
        UserCommand::Disable { name } => place.set_disabled(name, true).await,
        UserCommand::Enable { name } => place.set_disabled(name, false).await,
        UserCommand::Delete { name, yes: _ } => place.delete(name).await,
        UserCommand::Password { name, password_stdin } => place.set_password(name, *password_stdin).await,
    })
}

/// What a command uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Uses {
    /// The store, which must exist.
    Store,
    /// The store, which is created if it does not exist.
    NewStore,
    /// The store, which must exist, and the API, which uses the data directory.
    Api,
}

/// An opened store.
pub(super) struct OpenStore {
    pub(super) config: Config,
    /// `None` if the command does not need it.
    data: Option<DataDir>,
    pub(super) store: StoreAndClock,
    accounts: Accounts,
}

/// Opens the store and runs `act`.
pub(super) fn in_store(
    settings: &Settings,
    uses: Uses,
    act: impl AsyncFnOnce(&OpenStore) -> CommandResult,
) -> CommandResult {
    let (config, _) = config::load(&settings.overrides(None)).or_exit(Exit::Usage)?;
    let is_here = config.engines.store.is_none();
    if uses != Uses::NewStore && is_here && !DataDir::has_database(&config.data)? {
        let directory = config.data.display();
        let hint = "name the server's directory with --data, or start `cupel serve` there once; where store.url is set, \
                    name the configuration with --config";
        return Err(anyhow!("there is no database in {directory}: {hint}")).or_exit(Exit::NotFound);
    }
    let data = match is_here || uses == Uses::Api {
        true => {
            let data = DataDir::open(&config.data)?;
            // The server must be able to write the files created here.
            owner::become_owner(&data)?;
            Some(data)
        }
        false => {
            owner::become_owner_or_service(&config.data)?;
            None
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let store = open_store(&config, data.as_ref()).await?;
        let accounts = compose::accounts(&config, &store.0, &store.1);
        let place = OpenStore { config, data, store, accounts };
        let result = act(&place).await;
        place.store.0.close().await;
        result
    })
}

impl OpenStore {
    /// Finds a user by name or e-mail address.
    pub(super) async fn find_user(&self, name: &str) -> Result<Option<Account>, Failure> {
        Ok(self.accounts.find_user(name).await?)
    }

    async fn find(&self, name: &str) -> Result<Account, Failure> {
        self.find_user(name)
            .await?
            .ok_or_else(|| anyhow!("there is no user `{name}`; `cupel user list` lists all of them"))
            .or_exit(Exit::NotFound)
    }

    async fn add_user(&self, name: &str, email: &str, admin: bool, password_stdin: bool) -> CommandResult {
        let password = password_of(password_stdin)?;
        let new = NewAccount { username: name.to_owned(), email: Some(email.to_owned()), password: password.clone() };
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
            changed(self.accounts.set_access(user.id, Role::Admin, Tier::default()).await?, &user)?;
        }
        outln!("user {} added, with id {}", user.username, user.id);
        if !password_stdin {
            outln!("password: {password} (shown this once)");
        }
        Ok(Exit::Ok)
    }

    async fn set_role(&self, name: &str, role: Role) -> CommandResult {
        let user = self.find(name).await?;
        changed(self.accounts.set_access(user.id, role, user.tier.clone()).await?, &user)?;
        let (name, role) = (user.username, role.as_str());
        outln!("user {name} has the role {role}; a running server notices this within five seconds");
        Ok(Exit::Ok)
    }

    async fn set_tier(&self, name: &str, tier: &str) -> CommandResult {
        let tiers = &self.config.rate_limits.tiers;
        if !tiers.contains_key(tier) {
            let known: Vec<&str> = tiers.keys().map(String::as_str).collect();
            let error = anyhow!("there is no tier `{tier}`; the tiers are {}", known.join(", "));
            return Err(error).or_exit(Exit::Usage);
        }
        let user = self.find(name).await?;
        changed(self.accounts.set_access(user.id, user.role, Tier(tier.to_owned())).await?, &user)?;
        let name = user.username;
        outln!("user {name} has the tier {tier}; a running server notices this within five seconds");
        Ok(Exit::Ok)
    }

    async fn import(&self, csv: &[u8], valid: Duration, url: Option<&str>) -> CommandResult {
        let tiers: Vec<&str> = self.config.rate_limits.tiers.keys().map(String::as_str).collect();
        let people = read_people(csv, &tiers).map_err(|faults| {
            let details: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Failure { exit: Exit::Usage, error: anyhow!("no account was created:\n  {}", details.join("\n  ")) }
        })?;
        let imported = self.accounts.import(people, valid).await?;
        let (mut created, mut existing, mut taken) = (0, 0, 0);
        for (_, one) in &imported {
            *match one {
                Imported::Created(_) => &mut created,
                Imported::Exists(_) => &mut existing,
                Imported::Taken(_) => &mut taken,
            } += 1;
        }
        out!("{}", write_links(&imported, &self.link_address(url)));
        errln!(
            "users created: {created}; users of an earlier import with a new link: {existing}; names or addresses taken: {taken}"
        );
        Ok(Exit::Ok)
    }

    /// Returns the address of a password link, without its token. `url`: the server's address from the command line. If
    /// `url` is missing, uses the address in the configuration. If that address is also empty, guesses an address and
    /// prints a warning.
    fn link_address(&self, url: Option<&str>) -> String {
        let configured = compose::public_url(&self.config);
        let address = url.unwrap_or(&configured);
        if url.is_none() && self.config.server.public_url.is_empty() {
            errln!(
                "warning: the address {address} in the output is a guess, because server.public_url is empty: set it, or \
                 name the server's address with --url"
            );
        }
        cupel_api::link_address(address, cupel_web::is_built())
    }

    async fn link(&self, name: &str, valid: Duration, url: Option<&str>) -> CommandResult {
        let user = self.find(name).await?;
        if user.is_internal() {
            changed(AccountChange::Internal, &user)?;
        }
        let link = self.accounts.make_link(user.id, valid).await?.context("the user was deleted just now")?;
        let address = self.link_address(url);
        errln!("one-time link for {}, good until {}, shown this once:", user.username, time(link.expires_at));
        outln!("{address}{}", link.token);
        Ok(Exit::Ok)
    }

    async fn code(&self, name: &str, uses_max: u32, valid: Duration) -> CommandResult {
        let expires_at = self.store.1.now().checked_add(SignedDuration::try_from(valid)?).or_exit(Exit::Usage)?;
        let new = NewCode { name: name.to_owned(), uses_max, expires_at };
        let code = self.accounts.create_code(new).await.map_err(|error| match error {
            CreateCodeError::Invalid(faults) => {
                let details: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
                Failure { exit: Exit::Usage, error: anyhow!(details.join("; ")) }
            }
            other => other.into(),
        })?;
        errln!("join code for {}, good until {}:", counted(uses_max, "use"), time(code.expires_at));
        outln!("{}", code.code);
        Ok(Exit::Ok)
    }

    /// The field names are those of the API.
    async fn codes(&self, as_json: bool) -> CommandResult {
        let codes = self.accounts.codes().await?;
        if as_json {
            let codes: Vec<Value> = codes
                .iter()
                .map(|code| {
                    json!({
                        "code_id": code.id.to_string(), "join_code": code.code, "name": code.name,
                        "created_at": time(code.created_at), "expires_at": time(code.expires_at),
                        "uses_max": code.uses_max, "uses": code.uses, "ended_at": code.ended_at.map(time),
                    })
                })
                .collect();
            outln!("{}", json!({ "codes": codes }));
            return Ok(Exit::Ok);
        }
        let now = self.store.1.now();
        let mut table = Table::new(&["ID", "CODE", "USED", "STATE", "NAME"]);
        for code in codes {
            let state = match code.ended_at {
                Some(at) => format!("ended {}", time(at)),
                None if code.expires_at <= now => "expired".to_owned(),
                None if code.uses >= code.uses_max => "used up".to_owned(),
                None => format!("good until {}", time(code.expires_at)),
            };
            let used = format!("{} of {}", code.uses, code.uses_max);
            table.row(vec![code.id.to_string(), code.code, used, state, harmless(&code.name)]);
        }
        table.print();
        Ok(Exit::Ok)
    }

    async fn end_code(&self, written: &str) -> CommandResult {
        let id = match written.parse::<JoinCodeId>() {
            Ok(id) => Some(id),
            Err(_) => {
                let meant = written.trim().to_ascii_lowercase();
                self.accounts.codes().await?.into_iter().find(|code| code.code == meant).map(|code| code.id)
            }
        };
        let ended = match id {
            Some(id) => self.accounts.end_code(id).await?,
            None => false,
        };
        if !ended {
            let error = anyhow!("there is no join code `{written}`; `cupel user codes` lists all of them");
            return Err(error).or_exit(Exit::NotFound);
        }
        outln!("join code {written} is ended");
        Ok(Exit::Ok)
    }

    /// The field names are those of the API.
    async fn sessions(&self, name: &str, as_json: bool) -> CommandResult {
        let sessions = self.accounts.sessions(self.find(name).await?.id).await?;
        if as_json {
            let sessions: Vec<Value> = sessions
                .iter()
                .map(|session| {
                    json!({
                        "session_id": session.id.to_string(), "created_at": time(session.created_at),
                        "last_used_at": session.last_used_at.map(time), "expires_at": time(session.expires_at),
                    })
                })
                .collect();
            outln!("{}", json!({ "sessions": sessions }));
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(&["ID", "CREATED", "LAST USED", "EXPIRES"]);
        for session in sessions {
            let used = session.last_used_at.map_or_else(|| "never".to_owned(), time);
            table.row(vec![session.id.to_string(), time(session.created_at), used, time(session.expires_at)]);
        }
        table.print();
        Ok(Exit::Ok)
    }

    /// Ends one session, or all of them.
    async fn end_sessions(&self, name: &str, id: Option<&str>) -> CommandResult {
        let user = self.find(name).await?;
        let ids = match id {
            Some(id) => {
                vec![id.parse().with_context(|| format!("`{id}` is not the id of a session")).or_exit(Exit::Usage)?]
            }
            None => self.accounts.sessions(user.id).await?.iter().map(|session| session.id).collect(),
        };
        let mut ended = 0;
        for id in ids {
            ended += u32::from(self.accounts.end_session(user.id, id).await?);
        }
        if let (Some(id), 0) = (id, ended) {
            let error = anyhow!("{} has no session {id}; `cupel user sessions` lists all of them", user.username);
            return Err(error).or_exit(Exit::NotFound);
        }
        outln!("sessions of {} ended: {ended}; a running server notices this within five seconds", user.username);
        Ok(Exit::Ok)
    }

    async fn set_disabled(&self, name: &str, disabled: bool) -> CommandResult {
        let user = self.find(name).await?;
        changed(self.accounts.set_disabled(user.id, disabled).await?, &user)?;
        let word = if disabled { "disabled" } else { "enabled" };
        outln!("user {} is {word}; a running server notices this within five seconds", user.username);
        Ok(Exit::Ok)
    }

    async fn delete(&self, name: &str) -> CommandResult {
        let user = self.find(name).await?;
        changed(self.accounts.delete(user.id).await?, &user)?;
        outln!("user {} is deleted; a running server notices this within five seconds", user.username);
        Ok(Exit::Ok)
    }

    async fn set_password(&self, name: &str, password_stdin: bool) -> CommandResult {
        let user = self.find(name).await?;
        let password = password_of(password_stdin)?;
        self.accounts.set_password(user.id, &password).await.map_err(refused)?;
        outln!("the password of user {} is changed, and all of the user's sessions are ended", user.username);
        if !password_stdin {
            outln!("password: {password} (shown this once)");
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
                        "disabled": user.disabled_at.is_some(),
                    })
                })
                .collect();
            outln!("{}", json!({ "users": users }));
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(&["NAME", "E-MAIL", "ROLE", "TIER", "CREATED", "STATE"]);
        for user in users {
            table.row(vec![
                user.username,
                user.email,
                user.role.as_str().to_owned(),
                user.tier.0,
                time(user.created_at),
                user.disabled_at.map_or_else(String::new, |_| "disabled".to_owned()),
            ]);
        }
        table.print();
        Ok(Exit::Ok)
    }

    async fn token(&self, name: &str) -> CommandResult {
        let (_, token) = self.api_as(name).await?;
        outln!("{token}");
        Ok(Exit::Ok)
    }

    /// Returns an API over this store and an access token of a user. Only the API can create access tokens, so this
    /// function opens a session and exchanges it for a token at the API.
    pub(super) async fn api_as(&self, name: &str) -> Result<(axum::Router, String), Failure> {
        let opened = self.accounts.open_session(self.find(name).await?).await?;
        let login = opened
            .ok_or_else(|| anyhow!("user `{name}` is disabled; `cupel user enable` enables the account again"))
            .or_exit(Exit::Usage)?;
        let mut request = Request::post("/api/v1/auth/refresh")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "refresh_token": login.refresh_token }).to_string()))?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)));
        let data = self.data.as_ref().context("the data directory was not opened")?;
        let api = compose::idle_api(&self.config, data, &self.store).await?;
        let response = api.clone().oneshot(request).await?;
        let status = response.status();
        let body: Value = serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 64 << 10).await?)?;
        match body["access_token"].as_str() {
            Some(token) if status.is_success() => Ok((api, token.to_owned())),
            _ => Err(anyhow!("the API refused to create a token ({status}): {}", body["detail"]).into()),
        }
    }
}

/// Maximum size of a table of users.
const CSV_BYTES_MAX: u64 = 1 << 20;

/// A table of users, from a file or from standard input (`-`).
fn read_csv(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut csv = Vec::new();
    let most = CSV_BYTES_MAX + 1;
    if file == Path::new("-") {
        std::io::stdin().take(most).read_to_end(&mut csv).context("cannot read standard input")?;
    } else {
        let name = file.display();
        let opened = std::fs::File::open(file).with_context(|| format!("cannot open {name}")).or_exit(Exit::Usage)?;
        opened.take(most).read_to_end(&mut csv).with_context(|| format!("cannot read {name}")).or_exit(Exit::Usage)?;
    }
    if csv.len() as u64 > CSV_BYTES_MAX {
        return Err(anyhow!("the table has more than {CSV_BYTES_MAX} bytes; import it in parts")).or_exit(Exit::Usage);
    }
    Ok(csv)
}

/// Converts the result of a change to an account into an error with an exit code.
fn changed(change: AccountChange, user: &Account) -> Result<(), Failure> {
    let name = &user.username;
    match change {
        AccountChange::Done => Ok(()),
        AccountChange::NoSuchUser => Err(anyhow!("there is no user `{name}`")).or_exit(Exit::NotFound),
        AccountChange::LastAdministrator => {
            let error =
                anyhow!("{name} is the only administrator who can log in; make another user an administrator first");
            Err(error).or_exit(Exit::Usage)
        }
        AccountChange::Internal => {
            let error = anyhow!(
                "{name} is an internal account of Cupel, to which the runs of clients without a key belong: it cannot be deleted or \
                 disabled, and has neither a role nor a password. `facades.NAME.enabled = false` turns a facade off"
            );
            Err(error).or_exit(Exit::Usage)
        }
    }
}

/// A time in UTC, to the second.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Converts the refusal of a registration into an error with an exit code.
fn refused(error: RegisterError) -> Failure {
    match error {
        RegisterError::Invalid(faults) => {
            let details: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
            Failure { exit: Exit::Usage, error: anyhow!(details.join("; ")) }
        }
        error => error.into(),
    }
}

/// Returns the password from standard input, or a random one.
fn password_of(from_stdin: bool) -> Result<String, Failure> {
    if from_stdin { read_password().or_exit(Exit::Usage) } else { Ok(crate::first_account::random_password()) }
}

fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        bail!("--password-stdin reads the password from a pipe or file, not from a terminal, which would show it");
    }
    password_in(stdin)
}

/// Reads a password: one line, without its line end.
fn password_in(source: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    source.take(4096).read_to_string(&mut text).context("cannot read the password")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    // Nobody could type it into the form of the site.
    if line.contains(char::is_control) {
        bail!("--password-stdin reads one line: the input has more lines, or other control characters");
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_without_its_line_end() {
        for end in ["", "\n", "\r\n"] {
            assert_eq!(password_in(format!("correct horse{end}").as_bytes()).unwrap(), "correct horse");
        }
        for wrong in ["one\ntwo\n", "one\n\n", "one\rtwo", "one\ttwo", "\x1b[1m"] {
            assert!(password_in(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
