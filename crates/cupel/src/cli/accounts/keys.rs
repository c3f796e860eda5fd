//! `cupel key`: creates, lists and revokes API keys.

use anyhow::{Context, anyhow};
use cupel_core::accounts::{CreateKeyError, NewKey, Scope};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::args::{Key, KeyCommand};
use super::{OpenStore, Uses, in_store, time};
use crate::cli::{CommandResult, Exit, Failure, OrExit};
use crate::terminal::{Table, in_line};

pub(in crate::cli) fn key(args: &Key) -> CommandResult {
    in_store(&args.settings, Uses::Store, async |place| match &args.command {
        KeyCommand::Create { name, user, scope, expires } => place.create_key(name, user, scope, *expires).await,
        KeyCommand::List { user, json } => place.list_keys(user, *json).await,
        KeyCommand::Revoke { id, user } => place.revoke_key(id, user.as_deref()).await,
    })
}

impl OpenStore {
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
                        let details: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
                        Failure { exit: Exit::Usage, error: anyhow!(details.join("; ")) }
                    }
                    other => other.into(),
                },
            )?;
        errln!("key {} of {}; its text is shown this once:", key.id, owner.username);
        outln!("{text}");
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
            outln!("{}", json!({ "keys": keys }));
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
                in_line(&key.name),
                scopes(key).join(" "),
                or_never(created),
                or_never(used),
                state,
            ]);
        }
        table.print();
        Ok(Exit::Ok)
    }

    /// `user`: the owner, if the command line names one.
    async fn revoke_key(&self, id: &str, user: Option<&str>) -> CommandResult {
        let parsed = id.parse().with_context(|| format!("`{id}` is not the id of a key")).or_exit(Exit::Usage)?;
        let is_revoked = match user {
            Some(name) => {
                let owner = self.find(name).await?;
                self.accounts.revoke_key(owner.id, parsed).await?
            }
            None => self.accounts.revoke_any_key(parsed).await?.is_some(),
        };
        if !is_revoked {
            let of = user.map_or_else(String::new, |name| format!(" of {name}"));
            let error = anyhow!("there is no key {id}{of}; `cupel key list --user NAME` lists the keys of a user");
            return Err(error).or_exit(Exit::NotFound);
        }
        outln!("key {id} is revoked; a running server notices this within five seconds");
        Ok(Exit::Ok)
    }
}
