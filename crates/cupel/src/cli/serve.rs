//! `cupel serve`, `cupel api` and `cupel worker`: starts the process, prints the next steps, waits for a signal,
//! drains.

pub(super) mod args;

use std::io::{self, Write as _};

use anyhow::{Context, anyhow};
use cupel_languages::{Language, Registry};
use cupel_types::{Verdict, counted};
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::args::Serve;
use super::clean_up::is_ignored;
use super::{CommandResult, Exit, OrExit};
use crate::compose::startup::{self, Startup};
use crate::compose::{Server, engines};
use crate::config::{Config, Overrides};
use crate::first_account::{ADMIN, FirstAccount};
use crate::role::Role;
use crate::telemetry;
use crate::terminal::{bold, dim};
use crate::{config, local};

pub(super) fn serve(args: &Serve, role: Role) -> CommandResult {
    cupel_sandbox::privileges::close_inherited_descriptors().context("cannot close inherited descriptors")?;
    let overrides = Overrides { facades: args.facades.clone(), ..args.settings.overrides(args.listen.clone()) };
    let (config, _) = config::load(&overrides).or_exit(Exit::Usage)?;
    telemetry::log(&config.log)?;
    engines::fit(&config.engines, role).or_exit(Exit::Usage)?;
    let registry = local::registry(&config).or_exit(Exit::Usage)?;
    let startup = match role {
        Role::All | Role::Worker => startup::prepare(&config, registry)?,
        Role::Api => startup::prepare_without_sandbox(&config, registry)?,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let ended = runtime.block_on(async {
        let mut signals = StopSignals::listen()?;
        let about = About::of(&startup, role, &config);
        let server = tokio::select! {
            started = Server::start(&config, role, startup) => started?,
            // A migration or an engine that does not answer can take long. The next start repeats an interrupted step.
            received = signals.next() => {
                tracing::info!("stopped during the start");
                return Ok(if received == SignalKind::interrupt() { Exit::Program(130) } else { Exit::Ok });
            }
        };
        about.print(&server)?;
        let is_drained = async {
            server.drained().await;
            if role == Role::All {
                tracing::info!("the worker has drained and ended; the API continues");
                std::future::pending::<()>().await;
            }
        };
        let lost = tokio::select! {
            _ = signals.next() => false,
            () = server.launcher_lost() => true,
            () = is_drained => false,
        };
        if lost {
            tracing::error!(
                "the sandbox's launcher has ended; stopping, because this process has no privilege to start another"
            );
            server.stop().await?;
            return Err(anyhow!(
                "the sandbox's launcher ended (was it killed, or out of memory?); start Cupel again: it keeps \
                 all accepted submissions, and runs the interrupted ones again"
            ))
            .or_exit(Exit::System);
        }
        tracing::info!("stopping: refusing new submissions, waiting for running programs");
        tokio::select! {
            stopped = server.stop() => stopped.map(|()| Exit::Ok).map_err(Into::into),
            // A second SIGINT stops the process immediately. The next start recovers the running submissions.
            _ = signals.interrupt.recv() => Ok(Exit::Program(130)),
        }
    });
    // An image that is being pulled would otherwise delay the end.
    runtime.shutdown_background();
    ended
}

/// The signals that stop a server.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if this process was started with SIGHUP ignored, for example by `nohup`.
    hang_up: Option<Signal>,
}

impl StopSignals {
    fn listen() -> io::Result<StopSignals> {
        let hang_up = SignalKind::hangup();
        Ok(StopSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if is_ignored(hang_up) { None } else { Some(signal(hang_up)?) },
        })
    }

    /// Waits for a signal.
    async fn next(&mut self) -> SignalKind {
        let StopSignals { interrupt, terminate, hang_up } = self;
        let hang_up = async {
            match hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
            _ = hang_up => SignalKind::hangup(),
        }
    }
}

/// Information printed at the start.
struct About {
    role: Role,
    registry: Registry,
    /// State of the sandbox; only in processes that run programs.
    sandbox: Option<String>,
    /// `server.public_url`; empty if it is not set.
    public_url: String,
}

impl About {
    fn of(startup: &Startup, role: Role, config: &Config) -> About {
        let sandbox = startup.runtime.as_ref().map(|runtime| {
            let examination = &runtime.examination;
            let missing: Vec<&str> = examination.missing().map(|finding| finding.wall.slug()).collect();
            let walls = match &missing[..] {
                [] => format!("all {} walls work", examination.findings.len()),
                missing => format!("MISSING WALLS: {}", missing.join(", ")),
            };
            let cgroup = if examination.features.cgroup_v2 { "v2" } else { "v1" };
            let slots = counted(runtime.slots.ordinary, "slot");
            format!("{walls} · control groups {cgroup} · {slots}")
        });
        let public_url = config.server.public_url.clone();
        About { role, registry: startup.registry.without_roots(), sandbox, public_url }
    }

    fn print(&self, server: &Server) -> anyhow::Result<()> {
        let url = format!("http://{}", server.address);
        let what = match self.role {
            Role::All => format!("cupel {}", crate::VERSION),
            Role::Api | Role::Worker => format!("cupel {} {}", crate::VERSION, self.role.command()),
        };
        // The languages of `GET /languages`.
        let listed = self.registry.iter().filter(|language| language.listed);
        let (available, missing): (Vec<&Language>, Vec<&Language>) =
            listed.partition(|language| language.is_available());
        let missing = missing.len();
        let mut text = match self.role {
            Role::All | Role::Api => format!("{} · {} · reference at {url}/docs/\n", bold(&what), bold(&url)),
            Role::Worker => format!("{} · health and metrics at {}\n", bold(&what), bold(&url)),
        };
        for (name, address) in &server.facades {
            text += &format!("{name}: also at http://{address}\n");
        }
        if let Some(sandbox) = &self.sandbox {
            text += &format!("sandbox: {sandbox}\nlanguages: {} available", available.len());
            if missing > 0 {
                text += &format!(" · {missing} not installed (`cupel languages` shows the reasons)");
            }
            text.push('\n');
        }
        if let FirstAccount::Created(first) = &server.first_account {
            text += &format!(
                "administrator: {ADMIN} · password: {} · API key: {} · {}\n",
                first.password,
                first.key,
                dim("shown this once")
            );
            let public = if self.public_url.is_empty() { &url } else { &self.public_url };
            text += &format!(
                "site: {url}/ · one-time link to set your own password as administrator, good for a day: {}{}\n",
                cupel_api::link_address(public, cupel_web::is_built()),
                first.link
            );
            if let Some(command) = curl(&url, &first.key, &available) {
                text += &format!("Try next, in another terminal:\n  {command}\n");
            }
        } else if self.role != Role::Worker {
            if matches!(server.first_account, FirstAccount::IsAlone) {
                // Somebody may have missed the output of the first start.
                text += &format!(
                    "administrator: {ADMIN} · `cupel user link {ADMIN}` prints a one-time link to set a new password\n"
                );
            }
            text += "Try next: `cupel key create NAME` creates an API key; then POST to /api/v1/execute, as the reference shows.\n";
        }
        out!("{text}");
        std::io::stdout().flush()?;
        Ok(())
    }
}

/// A `curl` command that runs a hello-world sample in Python or, without Python, the shortest among the languages.
fn curl(url: &str, key: &str, available: &[&Language]) -> Option<String> {
    let programs = available.iter().flat_map(|l| l.usable_samples().map(move |s| (l, s)));
    let plain = programs.filter(|(_, s)| s.verdict == Verdict::Accepted && s.stdin.is_empty() && s.args.is_empty());
    let (language, sample) = plain
        .min_by_key(|(l, s)| (l.id.as_str() != "python", s.source.contains('\''), s.source.len(), l.id.clone()))?;
    let body = serde_json::json!({ "language": language.id.as_str(), "source_code": sample.source }).to_string();
    let body = body.replace('\'', r"'\''");
    Some(format!(
        "curl -s '{url}/api/v1/execute?wait=10' -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{body}'"
    ))
}
