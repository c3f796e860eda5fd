//! Applies the bounds of `[limits]` to programs that this machine runs without a server.
//!
//! `cupel_core::check`, which the API also uses, finds the errors. This module converts them into messages for the
//! command line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use cupel_core::{Bounds, InputFault, NewProgram, check};
use cupel_languages::{Language, Registry};
use cupel_types::Bytes;
use jiff::Timestamp;

use super::{Exit, Failure, OrExit};
use crate::compose;
use crate::config::Config;

/// Bounds on a submission. They allow a limit on instructions, because only a started sandbox can report whether this
/// machine counts instructions.
pub(super) fn bounds(config: &Config) -> Bounds {
    Bounds { counts_instructions: true, ..compose::bounds(config) }
}

/// Refuses a submission that `POST /execute` refuses with the same configuration. `paths` are the paths of the files on
/// the command line.
pub(super) fn allow(
    program: NewProgram,
    language: &Language,
    bounds: &Bounds,
    paths: &[impl AsRef<Path>],
) -> Result<(), Failure> {
    let alone = Registry::new(vec![language.clone()]).context("cannot load the language")?;
    // Only `run_at` needs the time, and no command sets `run_at`.
    let Err(faults) = check(&[program.into()], &alone, bounds, Timestamp::UNIX_EPOCH) else { return Ok(()) };
    let details: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", place(fault, paths), fault.detail)).collect();
    Err(anyhow!(details.join("\n  "))).or_exit(Exit::Usage)
}

/// Names the flag, file or argument that has an error.
fn place(fault: &InputFault, paths: &[impl AsRef<Path>]) -> String {
    let mut parts = fault.pointer.split('/').skip(1);
    let (field, index) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let path = |index: &str| Some(paths.get(index.parse::<usize>().ok()?)?.as_ref().display().to_string());
    match (field, index) {
        ("limits", "cpu_time_ms") => "--time (limits.cpu_time_ms)".to_owned(),
        ("limits", "memory_bytes") => "--memory (limits.memory_bytes)".to_owned(),
        ("limits", "output_bytes") => "--output (limits.output_bytes)".to_owned(),
        ("limits", "instructions") => "--instructions (limits.instructions)".to_owned(),
        ("files", index) => path(index).unwrap_or_else(|| "the submission's files".to_owned()),
        ("artifacts", _) => "--artifact".to_owned(),
        ("args", _) => "the program's arguments".to_owned(),
        _ => fault.pointer.trim_start_matches('/').replace('/', "."),
    }
}

/// Reads a file of a submission, up to its maximum size.
pub(super) fn read_file(path: &Path, max: Bytes) -> Result<Vec<u8>, Failure> {
    let cannot = |what: &str| format!("cannot {what} {}", path.display());
    let file = File::open(path).with_context(|| cannot("open")).or_exit(Exit::Usage)?;
    let length = file.metadata().with_context(|| cannot("read")).or_exit(Exit::Usage)?.len();
    if length > max.get() {
        let error = anyhow!("{}: the file must have at most {max}, not {}", path.display(), Bytes::new(length));
        return Err(error).or_exit(Exit::Usage);
    }
    read(file, max).map_err(|error| error.context(cannot("read"))).or_exit(Exit::Usage)
}

/// Reads a stream to its end; fails if it has more than `max` bytes.
pub(super) fn read(from: impl Read, max: Bytes) -> anyhow::Result<Vec<u8>> {
    let mut data = Vec::new();
    from.take(max.get().saturating_add(1)).read_to_end(&mut data)?;
    if data.len() as u64 > max.get() {
        return Err(anyhow!("it has more than {max}"));
    }
    Ok(data)
}
