//! `cupel config`.

pub(super) mod args;

use self::args::{Config, ConfigCommand};
use super::{CommandResult, Exit, OrExit};
use crate::config::{self, DEFAULTS};
use crate::local;
use crate::terminal::{Table, dim};

pub(super) fn config(args: &Config) -> CommandResult {
    match args.command {
        ConfigCommand::Default => out!("{DEFAULTS}"),
        ConfigCommand::Check => {
            let (config, _) = config::load(&args.settings.overrides(None)).or_exit(Exit::Usage)?;
            let languages = local::registry(&config.languages).or_exit(Exit::Usage)?.iter().count();
            outln!("the configuration is right; {languages} languages");
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
