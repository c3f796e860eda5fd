//! Measures Cupel against the bare program, prints tables and writes them as JSON.
//!
//! `cupel-bench sandbox`: what a cell costs over starting the program bare. `cupel-bench limits`: how fast output is taken
//! in, and how far beyond a limit a program gets. `cupel-bench http`: what a submission costs through the API.
//! `cupel-bench judging`: what a test, a package and a large output cost, and how fast outputs are compared. Without a
//! word: these, and `cupel-bench dispatch`: what it costs to get an empty job to a worker, through each store and queue, and
//! `cupel-bench cluster`: submissions through API node and workers around real servers.
//! `cupel-bench peers`: Cupel beside other ways of running a program, and beside its targets. `cupel-bench walls`: what each
//! wall of a cell costs. How to run it, and figures: bench/README.md.
#![forbid(unsafe_code)]

mod bare;
mod client;
mod cluster;
mod comparing;
mod counted;
mod dispatch;
mod http;
mod judging;
mod limits;
mod machine;
mod peers;
mod programs;
mod quiet;
mod samples;
mod sandbox;
mod server;
mod table;
mod walls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

/// Measures Cupel against the bare program.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; all but `peers` and `walls` when left out.
    #[arg(value_enum)]
    suite: Option<Suite>,

    /// A tenth of the runs: to see that it works, not to quote.
    #[arg(long)]
    quick: bool,

    /// Clients that keep the queue busy.
    #[arg(long, default_value_t = 16)]
    clients: usize,

    /// `http`, `peers`: only work whose name contains this.
    #[arg(long)]
    only: Option<String>,

    /// `peers`, `walls`: write figures of a busy machine, too.
    #[arg(long)]
    force: bool,

    /// Folder for the JSON files.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// A cell against the bare program.
    Sandbox,
    /// Submissions through HTTP.
    Http,
    /// Output as fast as it comes, and limits that are overrun.
    Limits,
    /// A test, a package and a large output of a problem; comparisons.
    Judging,
    /// Getting empty jobs to workers and results back, through each store and queue.
    Dispatch,
    /// Submissions through an API node and workers of their own, around real servers.
    Cluster,
    /// Cupel beside other sandboxes and containers, and beside its targets.
    Peers,
    /// What each wall of a cell costs.
    Walls,
}

fn main() -> anyhow::Result<()> {
    // First of all, while there is one thread: the sandbox starts its launcher from our own program.
    cupel_sandbox::launcher::enter_if_asked();

    let arguments = Arguments::parse();
    let wanted = |suite| arguments.suite.map_or(!matches!(suite, Suite::Peers | Suite::Walls), |only| only == suite);
    let part: u32 = if arguments.quick { 10 } else { 1 };
    let count = |runs: usize| (runs / part as usize).max(5);
    if wanted(Suite::Sandbox) {
        let plan = sandbox::Plan {
            cold: count(30),
            lone: count(200),
            back_to_back: count(2000),
            busy: Duration::from_secs(20) / part,
        };
        write(&arguments.results, "sandbox", sandbox::measure(plan)?)?;
    }
    if wanted(Suite::Http) {
        let plan =
            http::Plan { lone: count(100), load: Duration::from_secs(20) / part, clients: arguments.clients.max(1) };
        let server = server::Server::start()?;
        // It prepares headers and archives in the background while it has nothing else to do.
        if !quiet::Quiet::settle(Duration::from_secs(180)) {
            eprintln!("  the machine does not come to rest: read the figures with that in mind");
        }
        write(&arguments.results, "http", http::measure(&server, plan, arguments.only.as_deref())?)?;
    }
    if wanted(Suite::Limits) {
        let plan = limits::Plan { streams: count(30), overruns: count(100) };
        write(&arguments.results, "limits", limits::measure(plan)?)?;
    }
    if wanted(Suite::Judging) {
        let judging = judging::measure(judging::Plan { rounds: count(20) })?;
        let comparing = comparing::measure(100 / part as usize)?;
        write(&arguments.results, "judging", json!({ "judging": judging, "comparing": comparing }))?;
    }
    if wanted(Suite::Dispatch) {
        let plan = dispatch::Plan {
            lone: count(200),
            load: Duration::from_secs(20) / part,
            clients: 4 * arguments.clients.max(1),
        };
        write(&arguments.results, "dispatch", dispatch::measure(plan)?)?;
    }
    if wanted(Suite::Cluster) {
        let clients = arguments.clients.max(1);
        let http = http::Plan { lone: count(100), load: Duration::from_secs(20) / part, clients };
        let plan = cluster::Plan { http, idle: Duration::from_secs(20) / part };
        write(&arguments.results, "cluster", cluster::measure(plan)?)?;
    }
    if wanted(Suite::Peers) {
        let plan = peers::Plan {
            runs_max: count(1000),
            runs_min: if arguments.quick { 2 } else { 5 },
            each: Duration::from_secs(6) / part,
            force: arguments.force,
            only: arguments.only.clone(),
        };
        write(&arguments.results, "peers", peers::measure(&plan)?)?;
    }
    if wanted(Suite::Walls) {
        let plan = walls::Plan { turns: count(10), force: arguments.force };
        write(&arguments.results, "walls", walls::measure(plan)?)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, figures: Value) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(&json!({ "machine": machine::describe(), "figures": figures }))?;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    std::fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
