//! What can be typed.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use cupel_core::accounts::Role;
use cupel_package::PackageFormat;
use cupel_problem::Slug;
use cupel_types::{Bytes, SubmissionId};

use crate::config::{Overrides, units};
use crate::terminal::Color;

/// Runs untrusted programs in a sandbox and says exactly what happened.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Examples:
  cupel run hello.py                     run a program, with its exit code and output
  cupel serve                            start the server: API, database and workers in one process
  cupel doctor                           test every wall of the sandbox on this machine
  cupel languages install core           install the toolchains most people want
  cupel help formats                     describe the files of problem packages

Exit codes:
  0 it went well                         4 a server did not let us in
  1 judged and not accepted, or what     6 a server could not be reached, or failed
    was tested does not hold             7 the sandbox, this machine, or an engine
                                           (database, broker, disk) failed
  2 the command line, or a file, package or language that it names, is wrong
  3 not found in the data directory or on the server
`cupel run` and `cupel check` have codes of their own: see their --help."
)]
pub(crate) struct Args {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    /// Start a process that accepts submissions and runs none, for several machines.
    ///
    /// It needs engines that others reach, too: store.url, queue.url, events.url and blobs.url of the configuration. Its languages
    /// are those of the workers. What is said of `cupel serve` holds for it as well.
    #[command(
        after_help = "Example:\n  export CUPEL_STORE__URL=postgres://cupel@db/cupel CUPEL_BLOBS__URL=postgres\n  export CUPEL_QUEUE__URL=redis://broker CUPEL_EVENTS__URL=redis://broker\n  cupel api --listen 0.0.0.0:8080"
    )]
    Api(Serve),
    /// Start a process that runs programs and accepts no submissions, for several machines.
    ///
    /// It needs engines that others reach, too: store.url, queue.url, events.url and blobs.url of the configuration. It listens for
    /// those who ask how it is (/livez, /readyz, /healthz, /metrics). SIGTERM lets running programs end and gives the rest back.
    #[command(
        after_help = "Example:\n  export CUPEL_STORE__URL=postgres://cupel@db/cupel CUPEL_BLOBS__URL=postgres\n  export CUPEL_QUEUE__URL=redis://broker CUPEL_EVENTS__URL=redis://broker\n  cupel worker --listen 127.0.0.1:9090"
    )]
    Worker(Serve),
    Admin(Admin),
    Run(Run),
    Judge(Judge),
    Verify(Verify),
    Problem(Problem),
    Check(Check),
    Template(Template),
    Doctor(Doctor),
    Languages(Languages),
    User(User),
    Key(Key),
    Contest(Contest),
    Config(Config),
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  cupel completions bash > /etc/bash_completion.d/cupel")]
    Completions {
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one per command into a directory.
    Man {
        /// Where to write cupel.1, cupel-run.1 and so on.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    Smoke(Smoke),
}

/// Which settings are in force.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Settings {
    /// Configuration file [default: ./cupel.toml if it is there].
    #[arg(long, global = true, env = "CUPEL_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the database, keys and caches [default: data].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn overrides(&self, listen: Option<String>) -> Overrides {
        Overrides { file: self.config.clone(), data: self.data.clone(), listen }
    }

    /// The same settings for another command.
    pub(crate) fn flags(&self) -> Vec<OsString> {
        let flag = |name: &str, path: &Option<PathBuf>| path.clone().map(|path| [name.into(), path.into()]);
        [flag("--config", &self.config), flag("--data", &self.data)].into_iter().flatten().flatten().collect()
    }
}

/// Start the server: API, database, queue and workers in one process.
///
/// The first start makes an administrator and prints an API key, once. SIGTERM and SIGINT stop it: running
/// programs may end, the rest waits for the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel serve
  cupel serve --listen 127.0.0.1:9000 --data /var/lib/cupel
  CUPEL_WORKER__SLOTS=4 cupel serve --config /etc/cupel.toml")]
pub(crate) struct Serve {
    /// Address and port of the API; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Run a program in the sandbox, as `docker run` would: its input, its output, its exit code.
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
    #[arg(long, value_name = "SECONDS", value_parser = parse_time)]
    pub(crate) time: Option<Duration>,
    /// Limit of machine instructions, where the processor can count them (`cupel doctor`).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) instructions: Option<u64>,
    /// Memory limit, in megabytes or with a unit (64M, 1G).
    #[arg(long, value_name = "MB", value_parser = parse_memory)]
    pub(crate) memory: Option<Bytes>,
    /// Output limit for standard output and, separately, standard error.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
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

fn parse_time(text: &str) -> Result<Duration, &'static str> {
    units::seconds(text).ok_or("expected seconds such as 2 or 0.5, or a duration such as 500ms")
}

fn parse_memory(text: &str) -> Result<Bytes, &'static str> {
    units::megabytes(text).ok_or("expected megabytes such as 64, or a size such as 64M or 1G")
}

/// Judge a submission against a problem package, without a server.
///
/// The package is a directory or an archive in the form of Kattis, ICPC, DOMjudge, DMOJ, Codeforces Polygon or Cupel.
/// Prints a line per test. Exit code: 0 when it is accepted, 1 when it is not, 2 when the package or the command line is
/// wrong, 7 when Cupel itself failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel judge hello.zip --submission hello.py
  cupel judge problems/maze --submission maze/ --language cpp --all-cases
  cupel judge sums --submission slow.java --time-limit 2.5 --json | jq '.cases[] | select(.verdict != \"AC\")'")]
pub(crate) struct Judge {
    /// The package: a directory, a zip or a tar.
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: PathBuf,
    /// The source: a file, or a directory with all of its files.
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub(crate) submission: PathBuf,
    /// Its language, by id or alias [default: by the extensions of its files].
    #[arg(long, value_name = "ID")]
    pub(crate) language: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Measure the time limit of a package that has none again, instead of using the one that was measured before.
    #[arg(long)]
    pub(crate) calibrate: bool,
    /// Run every test, also those that change nothing any more.
    #[arg(long)]
    pub(crate) all_cases: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_format(text: &str) -> Result<PackageFormat, String> {
    PackageFormat::from_name(text).ok_or_else(|| {
        let names = PackageFormat::ALL.map(PackageFormat::as_str);
        format!("expected one of {}", names.join(", "))
    })
}

/// How a package is read.
#[derive(Debug, clap::Args)]
pub(crate) struct Reading {
    /// CPU time limit of a test, in seconds or with a unit, instead of the package's.
    #[arg(long, value_name = "S", value_parser = parse_time)]
    pub(crate) time_limit: Option<Duration>,
    /// Memory limit of a test, in KiB, instead of the package's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1024..=1 << 30))]
    pub(crate) memory_limit_kib: Option<u64>,
    /// The package's format, where it is not to be recognised.
    #[arg(long, value_name = "F", value_parser = parse_format)]
    pub(crate) format: Option<PackageFormat>,
    /// Take a package without secret tests.
    #[arg(long)]
    pub(crate) allow_no_secret: bool,
}

/// Prove problem packages right: their inputs, checkers, submissions and time limits.
///
/// Runs the input validators on every input, the checkers on answers, trials and junk, and every submission of the package on
/// every test, and holds all of it against what the package says. Prints a table and what does not hold. Exit code: 0 when all
/// holds, 1 when something does not, 2 when a package or the command line is wrong, 7 when Cupel itself failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel verify problems/maze
  cupel verify problems/*
  cupel verify problems/maze --update-time-limit
  cupel verify maze.zip --json | jq '.expectations[] | select(.ok | not)'")]
pub(crate) struct Verify {
    /// Packages: directories, zips or tars.
    #[arg(value_name = "PACKAGE", required = true)]
    pub(crate) packages: Vec<PathBuf>,
    /// Derive the time limit anew, and write it into the package's own file if everything holds with it.
    #[arg(long, conflicts_with = "time_limit")]
    pub(crate) update_time_limit: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// So many packages at once, at most one a processor: quicker, and times are less certain.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    pub(crate) jobs: NonZeroUsize,
    /// Run every submission on every test, also those of a group that already was too slow.
    #[arg(long)]
    pub(crate) all_cases: bool,
    /// Print one JSON object a package, each on a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Begin, check, convert and list problem packages.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel problem new two-sums
  cupel problem import maze.zip --into problems
  cupel problem export problems/maze --output maze.zip
  cupel problem list problems")]
pub(crate) struct Problem {
    #[command(subcommand)]
    pub(crate) command: ProblemCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProblemCommand {
    /// Write a small package in Cupel's own form, with a validator and a generator, which `cupel verify` accepts as it is.
    ///
    /// `cupel help formats` describes the form.
    New {
        /// Its name and that of its directory: letters a-z, digits and `-`.
        #[arg(value_name = "SLUG")]
        slug: Slug,
        /// A function to be written, and not a program that reads and writes.
        #[arg(long)]
        function: bool,
        /// A problem with several right answers, and a checker that judges them.
        #[arg(long, conflicts_with = "function")]
        checker: bool,
        /// Where to make the directory; made if it is not there.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },
    /// Check a package, print all that is wrong or odd, and unpack it; nothing is made if it is refused.
    Import {
        /// The package: a directory, a zip or a tar.
        #[arg(value_name = "PACKAGE")]
        package: PathBuf,
        /// The directory in which to make one of the problem's name; made if it is not there.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// The package's format, where it is not to be recognised.
        #[arg(long, value_name = "F", value_parser = parse_format)]
        format: Option<PackageFormat>,
        /// CPU time limit of a test, in seconds or with a unit, for formats that have none.
        #[arg(long, value_name = "S", value_parser = parse_time)]
        time_limit: Option<Duration>,
        /// Memory limit of a test, in KiB, for formats that have none.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1024..=1 << 30))]
        memory_limit_kib: Option<u64>,
    },
    /// Write a package in the Kattis form 2025-09.
    Export {
        /// The package: a directory, a zip or a tar, in any form.
        #[arg(value_name = "PACKAGE")]
        package: PathBuf,
        /// The zip to write; a name that does not end in .zip is a directory.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List the packages in a directory.
    List {
        /// The directory.
        #[arg(value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// Compare an output with an answer, as an output validator of Kattis would.
///
/// Exit code: 42 when the output is accepted, 43 when it is not; anything else is no judgement.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Comparisons, and their flags after `--`:
  default       word by word, whatever the space between, ignoring case: Kattis and ICPC
                  case_sensitive, space_change_sensitive, float_tolerance E, float_absolute_tolerance E,
                  float_relative_tolerance E
  numbers       as default with its flags; numbers within 1e-6, absolute or relative, unless a flag says otherwise
  floats        word by word in each line, blank lines aside; numbers within 10^-6, absolute or relative
                  precision N (10^-N, 0 to 30), absolute, relative
  lines         word by word in each line, blank lines aside
                  presentation_error
  exact         byte by byte
                  presentation_error, normalize_newlines (CR LF and CR count as LF)
  trimmed       byte by byte, but for blanks at ends of lines and empty lines at the end
                  presentation_error
  trimmed-end   byte by byte, but for white space at the very end
                  presentation_error
  sorted-lines  the same lines in any order, each word by word
  sorted-words  the same words in any order
  characters    the same characters in any order, but for white space and case
  line-count    the share of the answer's lines that agree, each with the output's line at its place, is the share of the
                points: 42, and score_multiplier.txt where it is not 1; 43 when no line agrees or the output has more lines
                  exact (also white space at the end of a line counts)
  std::NAME.cpp  what testlib's standard checker compares: acmp caseicmp casencmp casewcmp dcmp fcmp hcmp icmp lcmp ncmp
                nyesno rcmp rcmp4 rcmp6 rcmp9 rncmp uncmp wcmp yesno

presentation_error has a message say when only white space is wrong; that is rejected all the same.

Examples:
  cupel check default --input 1.in --answer 1.ans --output 1.out --feedback fb
  cupel check default --answer 1.ans --output 1.out -- float_tolerance 1e-6
  cupel check exact --answer 1.ans --output 1.out -- presentation_error normalize_newlines")]
pub(crate) struct Check {
    /// The comparison, of those below.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The test's input. No comparison looks at it.
    #[arg(long, value_name = "I")]
    pub(crate) input: Option<PathBuf>,
    /// The expected answer.
    #[arg(long, value_name = "A")]
    pub(crate) answer: PathBuf,
    /// The output [default: standard input].
    #[arg(long, value_name = "O")]
    pub(crate) output: Option<PathBuf>,
    /// Where to write judgemessage.txt and diffposition.txt; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) feedback: Option<PathBuf>,
    /// Flags of the comparison, after `--`.
    #[arg(last = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<String>,
}

/// Print what a submission to a function problem begins with.
///
/// Types, names and a sample call, as the language writes them; it compiles, and answers wrongly.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel problem new two-sum --function && cupel template two-sum --language python
  cupel template problems/light-tail --language java > Solution.java
  cupel template two-sum.zip --language rust

problems/light-tail is in Cupel's repository; any package that asks for a function will do.")]
pub(crate) struct Template {
    /// The package: a directory, a zip or a tar.
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: PathBuf,
    /// The language, by id or alias.
    #[arg(long, alias = "lang", value_name = "ID")]
    pub(crate) language: String,
    /// The package's format, where it is not to be recognised.
    #[arg(long, value_name = "F", value_parser = parse_format)]
    pub(crate) format: Option<PackageFormat>,
}

/// Test every wall and limit of the sandbox on this machine, by attacking it.
///
/// Prints a table with the remedy beside each failure. Exit code 1 when a wall is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  cupel doctor\n  cupel doctor --json | jq '.walls[] | select(.ok | not)'")]
pub(crate) struct Doctor {
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch walls off first, to see that their absence is noticed.
    #[arg(long, value_name = "WALL", num_args = 1.., value_delimiter = ',')]
    pub(crate) without: Vec<String>,
}

/// List, install and test languages.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cupel languages
  cupel languages install core
  cupel languages install rust haskell --dry-run
  cupel languages prepare
  cupel languages test python cpp"
)]
pub(crate) struct Languages {
    #[command(subcommand)]
    pub(crate) command: Option<LanguagesCommand>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LanguagesCommand {
    /// Install the Debian and npm packages that languages name.
    Install {
        /// Ids, or `core` for the common ones, or `all`.
        #[arg(required = true, value_name = "ID|core|all")]
        ids: Vec<String>,
        /// Only say what would be installed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Make what toolchains prepare once, so that compilers start faster: precompiled headers, archives.
    ///
    /// A server does it by itself when it has nothing else to do, and `install` does it, too.
    Prepare {
        /// Only these languages.
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Run the samples of every available language in the sandbox.
    Test {
        /// Only these languages.
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Look at workers and at what waits, and tell workers what to do, also while servers run; copy, move and export the store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel admin workers
  cupel admin queue --json | jq .queued
  cupel admin pause                      no worker takes new runs
  cupel admin resume
  cupel admin drain judge-3              this one finishes what it has, and ends
  cupel admin dead list                  what was given up
  cupel admin dead retry --all
  cupel admin backup /backup/cupel.db    while the server runs
  cupel admin move postgres://cupel@db/cupel")]
pub(crate) struct Admin {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// List the workers: who is there, what they do, what they are told.
    Workers {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say how many runs wait and since when, and how many run.
    Queue {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Tell a worker, or all of them, to take no new runs for now; they hear it within seconds.
    Pause {
        /// The worker's id or name; all of them, and those that come later, when it is left out.
        #[arg(value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Tell a worker, or all of them, to take runs again.
    Resume {
        /// The worker's id or name; all of them when it is left out.
        #[arg(value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Tell a worker to take no new runs, to finish what it has or give it back, and to end.
    ///
    /// What keeps workers running, such as systemd or Kubernetes, may start another in its place: stop it there if none is to be.
    Drain {
        /// The worker's id or name.
        #[arg(value_name = "WORKER")]
        worker: String,
    },
    /// Look at submissions that were given up because every attempt failed for a reason of ours; try them again, or put them away.
    #[command(subcommand)]
    Dead(DeadCommand),
    #[command(flatten)]
    Stored(StoredCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List them, those that died last first.
    List {
        /// How many at most.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        limit: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say of one why each attempt failed, at which worker, and when.
    Show {
        /// The submission's id.
        #[arg(value_name = "SUBMISSION")]
        id: SubmissionId,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Queue them again under their ids, with as many attempts as at first.
    Retry(DeadOnes),
    /// Put them away, with what is known of their attempts; the submissions stay, with their internal errors.
    Purge(DeadOnes),
}

/// Which of them.
#[derive(Debug, clap::Args)]
pub(crate) struct DeadOnes {
    /// Ids of submissions.
    #[arg(value_name = "SUBMISSION", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) ids: Vec<SubmissionId>,
    /// All that have died by now.
    #[arg(long)]
    pub(crate) all: bool,
}

/// What is done to the store as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum StoredCommand {
    /// Bring the store's schema up to date, as every start does.
    Migrate,
    /// Copy the SQLite database into a new file, as it is at one moment, also while the server runs.
    ///
    /// Packages and `secret.key` lie beside it and are files: copy them, too. A PostgreSQL database is copied by pg_dump.
    Backup {
        /// The file to make; `-` is standard output.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make the SQLite database of a data directory that has none out of such a copy.
    Restore {
        /// The copy.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print everything in the store, secrets included: a JSON object per row. Nobody should use the store meanwhile.
    Export,
    /// Move everything from SQLite into an empty PostgreSQL database, or from `store.url` into SQLite. Problems' packages go into the store
    /// of `blobs.url` (empty: that database), or come from there. Stop all servers before.
    Move {
        /// `postgres://user:password@host:5432/database`, or `sqlite`: into the data directory.
        #[arg(value_name = "URL")]
        url: String,
    },
}

/// Add, import, list, disable and delete users, say what they may do, give them passwords, one-time links and tokens, in the store;
/// also while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel user add ada ada@example.org --admin
  printf %s \"$PASSWORD\" | cupel user add ada ada@example.org --password-stdin
  cupel user list --json | jq -r '.users[].email'
  cupel user role ada author
  cupel user tier ada pro
  cupel user password ada
  cupel user link ada
  cupel user import class.csv > links.csv
  cupel user code \"Class 10b\" --uses 30 --valid 7d
  cupel user token ada")]
pub(crate) struct User {
    #[command(subcommand)]
    pub(crate) command: UserCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; prints a random password unless one is given.
    Add {
        name: String,
        email: String,
        /// Makes them an administrator.
        #[arg(long)]
        admin: bool,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users, the oldest first.
    List {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print an access token of a user.
    Token { name: String },
    /// Say what a user may do.
    Role {
        /// The user's name or e-mail address.
        name: String,
        /// What they may do: submit, also write problems and arrange contests, or everything.
        #[arg(value_name = "user|author|admin", value_parser = parse_role, hide_possible_values = true)]
        role: Role,
    },
    /// Say in which tier a user is: how much they may do.
    Tier {
        /// The user's name or e-mail address.
        name: String,
        /// A tier of the configuration (rate_limits.tiers).
        tier: String,
    },
    /// Make users from a CSV file, and print CSV with a one-time link for each.
    ///
    /// The first line names the columns: username, and if wanted email, role and tier. If any line is at fault, nobody is made. A name or
    /// address that is taken is told in its line. An import may be repeated: who has not set a password yet gets a new link.
    Import {
        /// The file; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How long the links are good for.
        #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = parse_duration)]
        valid: Duration,
    },
    /// Print a one-time link with which a user sets a password; an older one is void.
    Link {
        /// The user's name or e-mail address.
        name: String,
        /// How long the link is good for.
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
        valid: Duration,
    },
    /// Print a join code: a class registers with it behind one address, and where registration is closed.
    Code {
        /// What it is for, such as the name of the class.
        name: String,
        /// How many may register with it.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        uses: u32,
        /// How long it is good for.
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
        valid: Duration,
    },
    /// Refuse a user's logins, tokens and API keys, and end their sessions.
    Disable {
        /// The user's name or e-mail address.
        name: String,
    },
    /// Let a disabled user in again.
    Enable {
        /// The user's name or e-mail address.
        name: String,
    },
    /// Delete a user: removes what is personal; what was submitted stays under a name that says nothing.
    Delete {
        /// The user's name or e-mail address.
        name: String,
        /// Confirms it: a deleted user does not come back.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Give a user another password and end their sessions; prints a random one unless one is given.
    Password {
        /// The user's name or e-mail address.
        name: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Make, list and revoke API keys, in the store; also while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel key create ci --user ada --scope runs:read --scope runs:write --expires 90d
  cupel key list --user ada
  cupel key revoke 0193c5e2-…")]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, once.
    Create {
        /// A name by which you recognise it.
        name: String,
        /// Whose key.
        #[arg(long, value_name = "USER", default_value = "admin")]
        user: String,
        /// What it may do: runs:read, runs:write, problems:write, account, admin [default: runs:read and runs:write].
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// When it ends, such as 30d [default: never].
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List a user's keys; revoked and expired ones stay for 90 days.
    List {
        /// Whose keys.
        #[arg(long, value_name = "USER", default_value = "admin")]
        user: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key by its id.
    Revoke {
        id: String,
        /// Whose key.
        #[arg(long, value_name = "USER", default_value = "admin")]
        user: String,
    },
}

/// Arrange contests, read their standings and export their results, in the store; also while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel contest create autumn --title Autumn --starts-at 2030-01-01T10:00:00Z --length 5h \\
      --freeze 1h --problem night-bus --problem calm-water
  cupel contest add autumn --user ada --user grace
  cupel contest standings autumn --format csv > standings.csv
  cupel contest export autumn > autumn.json")]
pub(crate) struct Contest {
    #[command(subcommand)]
    pub(crate) command: ContestCommand,
    /// As which user: who makes a contest is its owner.
    #[arg(long, global = true, value_name = "USER", default_value = "admin")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContestCommand {
    /// Make a contest; prints the join code of one that is not public.
    Create(NewContest),
    /// Add problems to a contest that has not begun, and users to one that is not over.
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    Add {
        /// The contest's name in addresses.
        slug: String,
        /// The slug of a problem, after those that the contest has.
        #[arg(long, value_name = "SLUG", group = "what")]
        problem: Vec<String>,
        /// The name of a user who takes part from now on.
        #[arg(long, value_name = "USER", group = "what")]
        user: Vec<String>,
    },
    /// Print the standings.
    Standings {
        /// The contest's name in addresses.
        slug: String,
        /// With the results that the freeze hides: only for the contest's owner and administrators.
        #[arg(long)]
        unfrozen: bool,
        /// How they are printed.
        #[arg(long, value_enum, default_value_t)]
        format: ContestFormat,
    },
    /// Print a contest with its unfrozen standings, questions and announcements as one JSON object.
    Export {
        /// The contest's name in addresses.
        slug: String,
    },
}

/// How standings are printed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum ContestFormat {
    /// A table for people.
    #[default]
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object.
    Json,
}

/// By which rules a contest goes.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum ContestStyle {
    /// Problems solved, then penalty time.
    #[default]
    Icpc,
    /// The sum of the best scores.
    Ioi,
}

impl ContestStyle {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            ContestStyle::Icpc => "icpc",
            ContestStyle::Ioi => "ioi",
        }
    }
}

/// A contest to be made.
#[derive(Debug, clap::Args)]
pub(crate) struct NewContest {
    /// Its name in addresses: 1 to 64 of a-z, 0-9 and -.
    pub(crate) slug: String,
    /// Its name for people.
    #[arg(long)]
    pub(crate) title: String,
    /// What it is about, in Markdown.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    /// Its rules.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) style: ContestStyle,
    /// When it begins, such as 2030-01-01T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) starts_at: String,
    /// How long it goes on, such as 5h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) length: Duration,
    /// How long before the end results are no longer shown, such as 1h [default: they always are].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) freeze: Option<Duration>,
    /// What each rejected try before a solution costs, with the style icpc [default: 20].
    #[arg(long, value_name = "MINUTES")]
    pub(crate) penalty_minutes: Option<u64>,
    /// Everybody may see it and take part.
    #[arg(long)]
    pub(crate) public: bool,
    /// The slug of a problem; once for each, in order.
    #[arg(long, value_name = "SLUG", required = true)]
    pub(crate) problem: Vec<String>,
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::from_name(text).ok_or_else(|| format!("expected one of {}", Role::ALL.map(Role::as_str).join(", ")))
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    units::duration(text).filter(|d| !d.is_zero()).ok_or("expected a duration such as 12h or 30d")
}

/// Show and check the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel config default > cupel.toml
  cupel config show --sources
  cupel config check --config /etc/cupel.toml")]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the commented defaults, which are the reference.
    Default,
    /// Print what is in force.
    Show {
        /// Also say where each value came from.
        #[arg(long)]
        sources: bool,
    },
    /// Report every fault at once; exit code 2 when there is one.
    Check,
}

/// Run every available language's samples through a server's HTTP API and print a table.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cupel smoke --url http://127.0.0.1:8080 --key \"$CUPEL_KEY\"")]
pub(crate) struct Smoke {
    /// Where the server is.
    #[arg(long, env = "CUPEL_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// An API key with the scopes runs:read and runs:write.
    #[arg(long, env = "CUPEL_KEY", hide_env_values = true)]
    pub(crate) key: String,
    /// Only these languages.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
