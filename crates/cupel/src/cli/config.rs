//! `cupel config`: shows and checks the configuration.

pub(super) mod args;

use anyhow::anyhow;
use cupel_core::chain;

use self::args::{Config, ConfigCommand};
use super::{CommandResult, Exit, OrExit};
use crate::compose::engines;
use crate::config::{self, ConfigError, DEFAULTS};
use crate::local;
use crate::terminal::{Table, dim};

pub(super) fn config(args: &Config) -> CommandResult {
    match args.command {
        ConfigCommand::Default => out!("{DEFAULTS}"),
        ConfigCommand::Check => {
            let (config, layers) = config::read_all(&args.settings.overrides(None));
            let languages = local::registry(&config);
            let faults: Vec<String> = [
                ConfigError::of(&layers).map(|error| error.to_string()),
                languages.as_ref().err().map(|error| chain(error)),
            ]
            .into_iter()
            .flatten()
            .collect();
            match languages {
                Ok(languages) if faults.is_empty() => {
                    outln!("the configuration is valid; {} languages", languages.iter().count());
                    // Without `store.url`, it is meant for `cupel serve`.
                    let faults = engines::not_shared(&config.engines);
                    if config.engines.store.is_some() && !faults.is_empty() {
                        errln!(
                            "note: `cupel serve` can use it, but `cupel api` and `cupel worker` would not start:\n  {}",
                            faults.join("\n  ")
                        );
                    }
                }
                _ => return Err(anyhow!(faults.join("\n"))).or_exit(Exit::Usage),
            }
        }
        ConfigCommand::Show { sources } => {
            let (_, layers) = config::load(&args.settings.overrides(None)).or_exit(Exit::Usage)?;
            if sources {
                let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
                for (key, value, origin) in layers.rows() {
                    table.row(vec![key.to_owned(), value, dim(&origin.to_string())]);
                }
                table.print();
            } else {
                layers.rows().for_each(|(key, value, _)| outln!("{key} = {value}"));
            }
        }
    }
    Ok(Exit::Ok)
}
