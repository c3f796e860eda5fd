//! `cupel template`: prints starter code of a function problem in a language.

pub(super) mod args;

use anyhow::{Context, anyhow};
use cupel_function::{Driver, starter_code};
use cupel_package::ImportOptions;

use self::args::Template;
use super::package::unpack;
use super::{CommandResult, Exit, OrExit};
use crate::local;

pub(super) fn template(args: &Template) -> CommandResult {
    let config = args.settings.load()?;
    let known = local::registry(&config).or_exit(Exit::Usage)?;
    let language =
        known.find(&args.language).ok_or_else(|| anyhow!(known.unknown(&args.language, "`cupel languages`")));
    let language = language.or_exit(Exit::Usage)?;
    let options = ImportOptions { format: args.format, allow_no_secret: true, ..ImportOptions::new(&known) };
    let unpacked = unpack(&args.package, &options)?;
    let package = &unpacked.imported.package;
    if package.problem.signature.is_none() {
        let error = anyhow!("{} is not a function problem: a submission is a whole program", args.package.display());
        return Err(error).or_exit(Exit::Usage);
    }
    let code = starter_code(package, language).context("cannot read the package's samples")?;
    let code = code.ok_or_else(|| {
        let names: Vec<&str> = Driver::names().collect();
        anyhow!("function problems do not support {}; supported are {}", language.name, names.join(", "))
    });
    out!("{}", code.or_exit(Exit::Usage)?);
    Ok(Exit::Ok)
}
