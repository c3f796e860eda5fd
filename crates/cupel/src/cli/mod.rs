//! The commands: parsing, dispatch, and conversion of results into exit codes.

mod accounts;
mod admin;
mod allowed;
mod args;
mod check;
mod clean_up;
mod config;
mod contest;
mod dead_letters;
mod doctor;
mod get;
mod images;
mod json;
mod judge;
mod languages;
mod package;
mod problem;
mod reference;
mod remote;
mod run;
mod serve;
mod shared_args;
mod smoke;
mod stored;
mod submit;
mod template;
mod test;
mod verify;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Parser;
use cupel_store::{ConnectBlobsError, PostgresError};

use args::{Args, Command};

use crate::role::Role;
use crate::terminal::{self, bad, harmless};

/// Exit code of the process. Source: the table "Exit codes" in `docs/reference/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok,
    /// Judged but not accepted; tests failed; a wall is missing.
    Failed,
    /// The command line or the configuration is wrong, or names a file, package or language that does not exist.
    Usage,
    /// The named object does not exist in the data directory or on the server.
    NotFound,
    /// A server refused the credentials.
    Auth,
    /// A server could not be reached or failed.
    Server,
    /// The sandbox or this machine failed.
    System,
    /// The exit code of the program that was run.
    Program(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Auth => 4,
            Exit::Server => 6,
            Exit::System => 7,
            Exit::Program(code) => code,
        })
    }
}

/// An error with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    /// An error without an exit code is a failure of the system, unless its cause is the invalid address of an engine.
    fn from(error: E) -> Failure {
        let error = error.into();
        let exit = if error.chain().any(is_wrong_address) { Exit::Usage } else { Exit::System };
        Failure { exit, error }
    }
}

/// Whether the address of an engine in the configuration has an invalid form, or names an engine that this build lacks.
fn is_wrong_address(cause: &(dyn std::error::Error + 'static)) -> bool {
    use {cupel_cache as cache, cupel_events as events, cupel_queue as queue};
    let store = matches!(cause.downcast_ref(), Some(PostgresError::Url(_)));
    let blobs = match cause.downcast_ref() {
        Some(ConnectBlobsError::Unknown | ConnectBlobsError::NoDatabase | ConnectBlobsError::NoPath) => true,
        #[cfg(not(feature = "s3"))]
        Some(ConnectBlobsError::NotBuilt) => true,
        #[cfg(feature = "s3")]
        Some(ConnectBlobsError::S3Url(error)) => !matches!(error, cupel_store::S3UrlError::Setup(_)),
        _ => false,
    };
    let queue = matches!(
        cause.downcast_ref(),
        Some(
            queue::ConnectError::Scheme { .. }
                | queue::ConnectError::NotBuilt { .. }
                | queue::ConnectError::NoDatabase
                | queue::ConnectError::Cluster { .. }
                | queue::ConnectError::Url { .. }
        )
    );
    let events = matches!(
        cause.downcast_ref(),
        Some(events::ConnectError::Scheme { .. } | events::ConnectError::Url { .. } | events::ConnectError::Cluster)
    );
    let shared = matches!(cause.downcast_ref(), Some(cache::ConnectError::Scheme | cache::ConnectError::Url(_)));
    store || blobs || queue || events || shared
}

/// Adds an exit code to an error.
pub(crate) trait OrExit<T> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

pub(crate) type CommandResult = Result<Exit, Failure>;

pub(crate) fn main() -> ExitCode {
    // `formats` is a topic of `help`, not a command. clap implements `help` itself.
    if std::env::args_os().skip(1).eq(["help", "formats"]) {
        reference::formats();
        return ended(Ok(Exit::Ok), false);
    }
    let args = Args::parse();
    args.color.apply();
    let is_run = matches!(args.command, Command::Run(_));
    let result = match args.command {
        Command::Serve(args) => serve::serve(&args, Role::All),
        Command::Api(args) => serve::serve(&args, Role::Api),
        Command::Worker(args) => serve::serve(&args.into(), Role::Worker),
        Command::Admin(args) => admin::admin(&args),
        Command::Run(args) => run::run(&args),
        Command::Get(args) => get::get(&args),
        Command::Test(args) => test::test(&args),
        Command::Submit(args) => submit::submit(&args),
        Command::Judge(args) => judge::judge(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Problem(args) => problem::problem(&args),
        Command::Check(args) => check::check(&args),
        Command::Template(args) => template::template(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Languages(args) => languages::languages(&args),
        Command::Images(args) => images::images(&args),
        Command::User(args) => accounts::user(&args),
        Command::Key(args) => accounts::keys::key(&args),
        Command::Contest(args) => contest::contest(&args),
        Command::Config(args) => config::config(&args),
        Command::Openapi => reference::openapi(),
        Command::Completions { shell } => reference::completions(shell),
        Command::Man { out } => reference::man(out.as_deref()),
        Command::Smoke(args) => smoke::smoke(&args),
    };
    clean_up::block_if_ending();
    ended(result, is_run)
}

/// Prints a failure and converts the result into an exit code.
fn ended(result: CommandResult, is_run: bool) -> ExitCode {
    let result = match terminal::written() {
        Err(error) if result.is_ok() => Err(anyhow!("cannot write to standard output: {error}").into()),
        _ => result,
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Names of files in a package or an image come from its author.
            errln!("{}: {}", bad("error"), harmless(&cupel_core::chain(failure.error.as_ref())));
            // `cupel run` returns the program's exit code, so Cupel's own failures have a code that programs rarely
            // use.
            let exit = if is_run && failure.exit == Exit::System { Exit::Program(125) } else { failure.exit };
            exit.into()
        }
    }
}
