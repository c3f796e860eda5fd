//! The command line: the list of commands. The arguments of each command are in its `args.rs`; arguments of several
//! commands are in `shared_args.rs`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::accounts::args::{Key, User};
use super::admin::args::Admin;
use super::check::args::Check;
use super::config::args::Config;
use super::contest::args::Contest;
use super::doctor::args::Doctor;
use super::get::args::Get;
use super::images::args::Images;
use super::judge::args::Judge;
use super::languages::args::Languages;
use super::problem::args::Problem;
use super::run::args::Run;
use super::serve::args::{Serve, Worker};
use super::smoke::args::Smoke;
use super::submit::args::Submit;
use super::template::args::Template;
use super::test::args::Test;
use super::verify::args::Verify;
use crate::terminal::Color;

/// Runs untrusted programs in a sandbox and judges submissions.
#[derive(Debug, Parser)]
#[command(
    version = crate::VERSION,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Examples:
  cupel run hello.py                     run a program, with its exit code and output
  cupel serve                            start the server: API, database and workers in one process
  cupel doctor                           test every wall of the sandbox on this machine
  cupel languages install core           install the most common toolchains
  cupel help formats                     describe the files of problem packages

Exit codes:
  0 success                              4 a server refused the credentials
  1 judged and not accepted, or a        6 a server could not be reached, or failed
    check failed                         7 the sandbox, this machine, or an engine
                                           (database, broker, disk) failed
  2 the command line, or a file, package or language that it names, is wrong
  3 not found in the data directory or on the server
`cupel run` and `cupel check` have other codes: see their --help."
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
    /// Start an API node, which accepts submissions and runs none, for an installation on several machines.
    ///
    /// It needs engines that other processes can reach: store.url, queue.url, events.url and blobs.url of the
    /// configuration. It offers the languages of the workers. Otherwise it behaves like `cupel serve`.
    #[command(
        after_help = "Example:\n  export CUPEL_STORE__URL=postgres://cupel@db/cupel CUPEL_BLOBS__URL=postgres\n  export CUPEL_QUEUE__URL=redis://broker CUPEL_EVENTS__URL=redis://broker\n  cupel api --listen 0.0.0.0:8080"
    )]
    Api(Serve),
    /// Start a worker, which runs programs and accepts no submissions, for an installation on several machines.
    ///
    /// It needs engines that other processes can reach: store.url, queue.url, events.url and blobs.url of the
    /// configuration. Its HTTP server answers only health checks and metrics (/livez, /readyz, /healthz, /metrics).
    /// After SIGTERM, SIGINT or SIGHUP, running programs may continue for up to 30 seconds (server.drain); then all
    /// runs that have not ended are returned to the queue.
    #[command(
        after_help = "Example:\n  export CUPEL_STORE__URL=postgres://cupel@db/cupel CUPEL_BLOBS__URL=postgres\n  export CUPEL_QUEUE__URL=redis://broker CUPEL_EVENTS__URL=redis://broker\n  cupel worker --listen 127.0.0.1:9090"
    )]
    Worker(Worker),
    Admin(Admin),
    Run(Run),
    Get(Get),
    Test(Test),
    Submit(Submit),
    Judge(Judge),
    Verify(Verify),
    Problem(Problem),
    Check(Check),
    Template(Template),
    Doctor(Doctor),
    Languages(Languages),
    Images(Images),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
