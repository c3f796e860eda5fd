//! What can be typed: `cupel run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use cupel_types::Bytes;

use crate::cli::shared_args::{Settings, parse_memory, parse_time};

/// Run a program in the sandbox, as `docker run` would: its input, its output, its exit code.
///
/// The limits of the configuration and the maxima of the language hold, as on a server.
///
/// Exit code: the program's own; 128 + n when signal n ended it; 124 over the limit of time, wall clock,
/// idleness or instructions; 137 over the memory limit; 1 when it does not compile, or over the output or disk limit;
/// 125 when Cupel itself failed; 2 when the command line is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel run hello.py
  echo 3 4 | cupel run sum.cpp
  cupel run sort.rs -- --reverse input.txt
  cupel run - --language python < hello.txt
  cupel run loop.c --time 0.5 --memory 64M --json | jq .verdict")]
pub(crate) struct Run {
    /// The source file; `-` reads it from standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Arguments of the program.
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
    /// The language, by id or alias [default: by the file's extension].
    #[arg(short, long, value_name = "ID")]
    pub(crate) language: Option<String>,
    /// CPU time limit, in seconds or with a unit (500ms, 2m).
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_time)]
    pub(crate) time: Option<Duration>,
    /// Limit of machine instructions, where the processor can count them (`cupel doctor`).
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) instructions: Option<u64>,
    /// Memory limit, in megabytes or with a unit (64M, 1G).
    #[arg(long, value_name = "MB", allow_negative_numbers = true, value_parser = parse_memory)]
    pub(crate) memory: Option<Bytes>,
    /// Output limit for standard output and, separately, standard error.
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, value_parser = parse_memory)]
    pub(crate) output: Option<Bytes>,
    /// Reads the program's standard input from a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) stdin: Option<PathBuf>,
    /// Prints one JSON object with everything that is known of the run instead of its output.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}
