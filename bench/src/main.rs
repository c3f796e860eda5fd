//! Benchmarks of Cupel: prints tables and writes the figures as JSON.
//!
//! - `cupel-bench sandbox`: overhead of a cell over the bare program.
//! - `cupel-bench limits`: output throughput, and how far programs exceed a limit before they are killed.
//! - `cupel-bench http`: latency and throughput of submissions through the API.
//! - `cupel-bench facades`: the interfaces of other products beside the native API.
//! - `cupel-bench live`: time from a program's write to a WebSocket client.
//! - `cupel-bench judging`: cost of a test, of a package import and of a large output; speed of comparing outputs.
//! - `cupel-bench dispatch`: cost of passing an empty job to a worker, with each store and queue.
//! - `cupel-bench cluster`: submissions through an API node and workers with real servers.
//! - `cupel-bench peers`: Cupel compared with other ways of running a program, and with its targets.
//! - `cupel-bench walls`: cost of each wall of a cell.
//! - `cupel-bench images`: programs in a container image beside the machine's toolchains.
//! - `cupel-bench docker`: programs in Docker Engine beside the sandbox and `docker run`.
//!
//! Without a suite, all but `peers`, `walls`, `images` and `docker` run. Usage and figures: bench/README.md.
#![forbid(unsafe_code)]

mod bare;
mod busy;
mod client;
mod cluster;
mod comparing;
mod counted;
mod dispatch;
mod docker;
mod facades;
mod http;
mod images;
mod judging;
mod limits;
mod live;
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
    /// Suite to run; by default all except `peers`, `walls`, `images` and `docker`.
    #[arg(value_enum)]
    suite: Option<Suite>,

    /// Run a tenth of the measurements: a test of the benchmarks, not for publication.
    #[arg(long)]
    quick: bool,

    /// Number of clients that keep the queue busy.
    #[arg(long, default_value_t = 16)]
    clients: usize,

    /// `http`, `peers`: measure only work whose name contains this text.
    #[arg(long)]
    only: Option<String>,

    /// `peers`, `walls`: write the figures even if the machine was busy.
    #[arg(long)]
    force: bool,

    /// Folder for the JSON files.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Overhead of a cell over the bare program.
    Sandbox,
    /// Submissions through HTTP.
    Http,
    /// Output throughput, and how far programs exceed limits.
    Limits,
    /// The interfaces of other products beside the native API.
    Facades,
    /// Output over a live connection.
    Live,
    /// Cost of a test, a package import and a large output; output comparison.
    Judging,
    /// Programs in a container image beside the machine's toolchains; the time to unpack an image.
    Images,
    /// Programs in Docker Engine beside the sandbox and `docker run`.
    Docker,
    /// Cost of passing empty jobs to workers and their results back, with each store and queue.
    Dispatch,
    /// Submissions through an API node and workers, with real servers.
    Cluster,
    /// Cupel compared with other sandboxes and containers, and with its targets.
    Peers,
    /// Cost of each wall of a cell.
    Walls,
}

fn main() -> anyhow::Result<()> {
    // Must run before any other thread exists: the sandbox starts its launcher by executing this program again.
    cupel_sandbox::launcher::enter_if_asked();

    let arguments = Arguments::parse();
    let wanted = |suite| {
        arguments
            .suite
            .map_or(!matches!(suite, Suite::Peers | Suite::Walls | Suite::Images | Suite::Docker), |only| only == suite)
    };
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
        // The server prepares headers and archives in the background while it is idle.
        if !quiet::Quiet::settle(Duration::from_secs(180)) {
            eprintln!("  warning: the machine does not become idle; the figures may be too high");
        }
        write(&arguments.results, "http", http::measure(&server, plan, arguments.only.as_deref())?)?;
    }
    if wanted(Suite::Facades) {
        let plan = facades::Plan {
            lone: count(300),
            turns: count(4).min(4),
            load: Duration::from_secs(5) / part,
            clients: arguments.clients.max(1),
        };
        let server = server::Server::start()?;
        if !quiet::Quiet::settle(Duration::from_secs(180)) {
            eprintln!("  warning: the machine does not become idle; the figures may be too high");
        }
        write(&arguments.results, "facades", facades::measure(&server, plan)?)?;
    }
    if wanted(Suite::Limits) {
        let plan = limits::Plan { streams: count(30), overruns: count(100) };
        write(&arguments.results, "limits", limits::measure(plan)?)?;
    }
    if wanted(Suite::Live) {
        let server = server::Server::start()?;
        if !quiet::Quiet::settle(Duration::from_secs(180)) {
            eprintln!("  warning: the machine does not become idle; the figures may be too high");
        }
        write(&arguments.results, "live", live::measure(&server, count(500))?)?;
    }
    if wanted(Suite::Judging) {
        let judging = judging::measure(judging::Plan { rounds: count(20) })?;
        let comparing = comparing::measure(100 / part as usize)?;
        write(&arguments.results, "judging", json!({ "judging": judging, "comparing": comparing }))?;
    }
    if wanted(Suite::Docker) {
        let plan = docker::Plan { lone: count(60), in_a_row: count(100) };
        write(&arguments.results, "docker", docker::measure(plan)?)?;
    }
    if wanted(Suite::Images) {
        write(&arguments.results, "images", images::measure(images::Plan { runs: count(500), first: count(20) })?)?;
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
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    std::fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
