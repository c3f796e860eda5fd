//! `cupel get`: downloads a problem's statement and samples.
//!
//! This module chooses all file names, not the server, and changes no existing file. The files are first written into a
//! temporary directory beside the new one, so an interrupted download leaves nothing.

pub(super) mod args;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cupel_types::counted;
use serde_json::Value;
use tempfile::TempDir;

use self::args::Get;
use super::remote::{Server, server_and_slug};
use super::{CommandResult, Exit, Failure, OrExit, clean_up};
use crate::terminal::harmless;

pub(super) fn get(args: &Get) -> CommandResult {
    let (server, slug) = server_and_slug(&args.problem, &args.server_url, &args.credentials, Server::for_readers)?;
    let problem = server.get(&format!("/problems/{slug}"))?;
    let target = args.out.clone().unwrap_or_else(|| PathBuf::from(slug.as_str()));
    clean_up::listen().context("cannot listen for signals")?;
    let beside = beside(&target)?;
    let directory = beside.path().join("problem");
    create(&directory, &target)?;
    let mut written = 0;
    let statement = &problem["statement"];
    if let Some(text) = statement["text"].as_str() {
        let extension = match statement["format"].as_str() {
            Some("markdown") => "md",
            Some("latex") => "tex",
            Some("html") => "html",
            _ => "txt",
        };
        write(&directory, &target, &format!("statement.{extension}"), text)?;
        written += 1;
    }
    let samples = problem["samples"].as_array().map_or(&[][..], Vec::as_slice);
    // The numbers are those of the problem's page, which shows all samples.
    let whole: Vec<(u32, &Value)> = (1..).zip(samples).filter(|(_, sample)| sample["truncated"] != true).collect();
    if whole.len() < samples.len() {
        errln!("too large to be downloaded, and left out: {}", counted(samples.len() - whole.len(), "sample"));
    }
    if !whole.is_empty() {
        create(&directory.join("samples"), &target)?;
    }
    for (number, sample) in whole {
        for (field, extension) in [("input", "in"), ("output", "ans"), ("conversation", "interaction")] {
            if let Some(text) = sample[field].as_str() {
                write(&directory, &target, &format!("samples/{number}.{extension}"), text)?;
                written += 1;
            }
        }
    }
    std::fs::rename(&directory, &target).with_context(|| cannot_create(&target)).or_exit(Exit::Usage)?;
    let title = harmless(problem["problem"]["title"].as_str().unwrap_or_default());
    outln!("{title}: {} in {}", counted(written, "file"), target.display());
    Ok(Exit::Ok)
}

fn cannot_create(target: &Path) -> String {
    format!("cannot create the directory {}; name another with --out", target.display())
}

/// Creates a temporary directory on the file system of the target, which must not exist.
fn beside(target: &Path) -> Result<TempDir, Failure> {
    if target.symlink_metadata().is_ok() {
        return Err(anyhow!("it exists already").context(cannot_create(target))).or_exit(Exit::Usage);
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = tempfile::Builder::new().prefix(".cupel-get-").tempdir_in(folder);
    // The error of `tempfile` contains the random name, which is useless to the user.
    let made = made.map_err(|error| anyhow!("{}: {}", folder.display(), error.kind()).context(cannot_create(target)));
    let made = made.or_exit(Exit::Usage)?;
    clean_up::remove_at_a_signal(made.path());
    Ok(made)
}

fn create(directory: &Path, target: &Path) -> Result<(), Failure> {
    std::fs::create_dir(directory).with_context(|| cannot_create(target)).or_exit(Exit::Usage)
}

fn write(directory: &Path, target: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let cannot = || format!("cannot write {}", target.join(name).display());
    std::fs::write(directory.join(name), text).with_context(cannot).or_exit(Exit::System)
}
