//! `cupel get`: downloads a problem's statement and samples.
//!
//! This module chooses all file names, not the server, and changes no existing file.

pub(super) mod args;

use std::path::{Path, PathBuf};

use anyhow::Context;
use cupel_types::counted;
use serde_json::Value;

use self::args::Get;
use super::remote::{Server, server_and_slug};
use super::{CommandResult, Exit, Failure, OrExit};
use crate::terminal::harmless;

pub(super) fn get(args: &Get) -> CommandResult {
    let (server, slug) = server_and_slug(&args.problem, &args.server_url, &args.credentials, Server::for_readers)?;
    let problem = server.get(&format!("/problems/{slug}"))?;
    let directory = args.out.clone().unwrap_or_else(|| PathBuf::from(slug.as_str()));
    create(&directory)?;
    let mut written = 0;
    let statement = &problem["statement"];
    if let Some(text) = statement["text"].as_str() {
        let extension = match statement["format"].as_str() {
            Some("markdown") => "md",
            Some("latex") => "tex",
            Some("html") => "html",
            _ => "txt",
        };
        write(&directory.join(format!("statement.{extension}")), text)?;
        written += 1;
    }
    let samples = problem["samples"].as_array().map_or(&[][..], Vec::as_slice);
    // The numbers are those of the problem's page, which shows all samples.
    let whole: Vec<(u32, &Value)> = (1..).zip(samples).filter(|(_, sample)| sample["truncated"] != true).collect();
    if whole.len() < samples.len() {
        errln!("too large to be downloaded, and left out: {}", counted(samples.len() - whole.len(), "sample"));
    }
    if !whole.is_empty() {
        create(&directory.join("samples"))?;
    }
    for (number, sample) in whole {
        for (field, extension) in [("input", "in"), ("output", "ans"), ("conversation", "interaction")] {
            if let Some(text) = sample[field].as_str() {
                write(&directory.join(format!("samples/{number}.{extension}")), text)?;
                written += 1;
            }
        }
    }
    let title = harmless(problem["problem"]["title"].as_str().unwrap_or_default());
    outln!("{title}: {} in {}", counted(written, "file"), directory.display());
    Ok(Exit::Ok)
}

fn create(directory: &Path) -> Result<(), Failure> {
    let cannot = || format!("cannot create the directory {}; name another with --out", directory.display());
    std::fs::create_dir(directory).with_context(cannot).or_exit(Exit::Usage)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = || format!("cannot write {}", path.display());
    std::fs::write(path, text).with_context(cannot).or_exit(Exit::System)
}
