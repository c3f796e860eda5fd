//! Arguments of `cupel test`.

use std::path::PathBuf;
use std::time::Duration;

use cupel_types::Bytes;

use crate::cli::shared_args::{LocalSettings, parse_memory, parse_time};

/// Run a program on a problem's samples on this machine, and compare its output word by word.
///
/// A sample is a file `NAME.in` and, with the expected output, `NAME.ans` or `NAME.out` beside it. `cupel get`
/// downloads the samples of a problem. A problem with its own checker or interactor, or with functions, is judged only
/// by the server.
///
/// Exit code: 0 if every sample passes; 1 if one does not, or the program does not compile; 2 if the command line is
/// wrong or there are no samples; 7 if the sandbox failed or the language is not installed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel test two-sum.py
  cupel test main.cpp --samples two-sum/samples")]
pub(crate) struct Test {
    /// The source file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Directory of the samples [default: `samples` beside the file, or in the directory with the file's name without
    /// extension].
    #[arg(long, value_name = "DIR")]
    pub(crate) samples: Option<PathBuf>,
    /// The language, by id or alias [default: by the file's extension].
    #[arg(short, long, value_name = "ID")]
    pub(crate) language: Option<String>,
    /// CPU time limit of a sample, in seconds or with a unit (500ms, 2m).
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = parse_time)]
    pub(crate) time: Option<Duration>,
    /// Memory limit, in megabytes or with a unit (64M, 1G).
    #[arg(long, value_name = "MB", allow_negative_numbers = true, value_parser = parse_memory)]
    pub(crate) memory: Option<Bytes>,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
}
