//! Arguments of `cupel run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use cupel_types::Bytes;

use crate::cli::remote::args::Credentials;
use crate::cli::shared_args::{LocalSettings, parse_memory, parse_time, parse_url};

/// Run a program in the sandbox with its input, output and exit code, as `docker run` does.
///
/// The limits of the configuration and the maxima of the language apply, as on a server. With --server, those of the
/// server apply.
///
/// Exit code: that of the program; 128 + n if signal n ended it; 124 if it exceeded its limit of CPU time, wall-clock
/// time, idle time or instructions; 137 if it exceeded its memory limit; 1 if it does not compile, or exceeded its
/// output or disk limit; 125 if Cupel itself failed or the language is not installed; 2 if the command line is wrong.
/// With --server also: 3 if the server no longer has the run; 4 if there is no API key, or the server refused it; 6 if
/// the server could not be reached, failed, or was too busy.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel run hello.py
  echo 3 4 | cupel run sum.cpp
  cupel run sort.rs -- --reverse input.txt
  cupel run plot.py --artifact '*.png' --into plots
  cupel run -i game.py
  CUPEL_API_KEY=cup_... cupel run -i game.py --server https://judge.example
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
    /// Limit of machine instructions; an error where they cannot be counted. `cupel doctor` shows whether the sandbox
    /// of this machine counts them.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) instructions: Option<u64>,
    /// Memory limit, in megabytes or with a unit (64M, 1G).
    #[arg(long, value_name = "MB", allow_negative_numbers = true, value_parser = parse_memory)]
    pub(crate) memory: Option<Bytes>,
    /// Limit of standard output and, separately, of standard error, in megabytes or with a unit (64K, 1M).
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, value_parser = parse_memory)]
    pub(crate) output: Option<Bytes>,
    /// Read the program's standard input from a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) stdin: Option<PathBuf>,
    /// Send input to the program while it runs. On a terminal, the program gets a separate terminal.
    ///
    /// At a terminal, typed input goes to the program unchanged, so Ctrl-C interrupts the program and Ctrl-D ends its
    /// input; standard error arrives as standard output. If standard input or output is not a terminal, the program has
    /// pipes. The limits of wall-clock and idle time are one hour or, with --server, the server's maxima for the
    /// language.
    #[arg(short, long, conflicts_with_all = ["stdin", "json"])]
    pub(crate) interactive: bool,
    /// Keep the files that the program leaves behind and that match this pattern, such as '*.png' or 'plots/**/*.svg';
    /// may be repeated.
    ///
    /// `*` stands for any characters except `/`, and a component `**` for any number of directories. A pattern without
    /// `/` matches file names in all directories.
    #[arg(long, value_name = "GLOB", requires = "into")]
    pub(crate) artifact: Vec<String>,
    /// The new or empty directory that gets these files.
    #[arg(long, value_name = "DIR", requires = "artifact")]
    pub(crate) into: Option<PathBuf>,
    /// Print one JSON object with all results of the run instead of its output.
    #[arg(long)]
    pub(crate) json: bool,
    /// Run the program on this server instead of this machine.
    ///
    /// Ctrl-C cancels the run; with --interactive, Ctrl-C goes to the program. If the connection is lost, the command
    /// tries for up to 60 seconds to restore it; no output is lost or repeated then.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub(crate) server: Option<String>,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
}
