//! Compares Docker Engine as an executor with the native sandbox and `docker run`, using one static C program.
//!
//! The bench starts its own engine. *Lone*: the next step begins after the used containers have been replaced. *In a
//! row*: each client runs step after step without a pause, so the cost of replacing containers is included.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cupel_judge::{Collect, Executor, StdinSource, StepInput, StepKind, StepObserver};
use cupel_runner::{CompilerSharing, Containers, Directories, DockerSettings, LocalRunner, Runner};
use cupel_testkit::docker::Engine;
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits, Outcome, Root};
use serde_json::{Value, json};

use crate::programs;
use crate::samples::Samples;
use crate::table::Table;

/// Number of runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) lone: usize,
    pub(crate) in_a_row: usize,
}

const IMAGE: &str = "bench/hello:1";
/// Time in which the used containers are replaced.
const REFILLED: Duration = Duration::from_millis(1500);

struct Nobody;

impl StepObserver for Nobody {
    fn stdout(&mut self, _: &[u8]) {}
    fn stderr(&mut self, _: &[u8]) {}
}

/// Measures; prints a table and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir()?;
    let hello = programs::compile_hello(folder.path(), "hello", "-static")?;
    let engine = Engine::start();
    engine.import(folder.path(), IMAGE, &[]);
    let socket = engine.socket().to_str().context("a path of UTF-8")?.to_owned();
    let containers = Arc::new(Containers::start(&DockerSettings { socket, ..DockerSettings::default() })?);
    let in_engine = Root::Docker(Arc::new(containers.image(IMAGE)?.root));
    let runner = LocalRunner::launch(2, [], Directories::default())?.start(CompilerSharing::Off, Some(containers));
    let (mut first, mut second) = (runner.executor(0)?, runner.executor(1)?);
    let data = BoxFile { path: BoxPath::new("hello")?, data: hello.into(), executable: true };
    let files = [BoxFiles::new(vec![data])];
    let run = |executor: &mut dyn Executor, root: &Root| -> anyhow::Result<Duration> {
        let step = StepInput {
            kind: StepKind::Execute,
            root,
            argv: &["./hello".to_owned()],
            env: &[],
            files: &files,
            counted_files: Bytes::ZERO,
            stdin: StdinSource::Bytes(Arc::from([])),
            limits: Limits::default(),
            keep: Bytes::kib(1),
            stderr_to_stdout: false,
            result: false,
            collect: Collect::Nothing,
        };
        let begun = Instant::now();
        let result = executor.execute(step, &mut Nobody)?;
        let took = begun.elapsed();
        ensure!(result.report.outcome == Outcome::Exited(0), "{result:?}");
        Ok(took)
    };
    let in_a_row = |executor: &mut dyn Executor, root: &Root| -> anyhow::Result<Samples> {
        let begun = Instant::now();
        let times = (0..plan.in_a_row).map(|_| run(executor, root)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut samples = Samples::default();
        samples.extend(times, begun.elapsed());
        Ok(samples)
    };

    let mut lone = [Samples::default(), Samples::default(), Samples::default()];
    for _ in 0..plan.lone {
        std::thread::sleep(REFILLED);
        lone[0].push(run(&mut *first, &Root::System)?);
        lone[1].push(run(&mut *first, &in_engine)?);
        std::thread::sleep(REFILLED);
        let begun = Instant::now();
        engine.docker(&["run", "--rm", "--network", "none", "--read-only", IMAGE, "/hello"]);
        lone[2].push(begun.elapsed());
    }
    let native = in_a_row(&mut *first, &Root::System)?;
    let one = in_a_row(&mut *first, &in_engine)?;
    let begun = Instant::now();
    let two = std::thread::scope(|scope| {
        let other = scope.spawn(|| in_a_row(&mut *second, &in_engine));
        let mut samples = in_a_row(&mut *first, &in_engine)?;
        let other = other.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        samples.append(other);
        anyhow::Ok(samples)
    })?;
    let rate_of_two = two.len() as f64 / begun.elapsed().as_secs_f64();

    let mut table =
        Table::new("C hello (static)", &["", "lone p50", "lone p99", "in a row p50", "runs/s", "two clients, runs/s"]);
    let ms = |samples: &Samples, percent| format!("{:.2} ms", samples.percentile(percent).as_secs_f64() * 1e3);
    let rate = |samples: &Samples| samples.rate().map_or("-".to_owned(), |rate| format!("{rate:.1}"));
    let names = ["native sandbox", "Docker Engine, containers kept ready", "`docker run`"];
    let rows = [Some(&native), Some(&one), None];
    for ((name, lone), in_a_row) in names.into_iter().zip(&lone).zip(rows) {
        table.row(vec![
            name.to_owned(),
            ms(lone, 50.0),
            ms(lone, 99.0),
            in_a_row.map_or("-".to_owned(), |samples| ms(samples, 50.0)),
            in_a_row.map_or("-".to_owned(), rate),
            if name.starts_with("Docker") { format!("{rate_of_two:.1}") } else { "-".to_owned() },
        ]);
    }
    println!("{table}");
    Ok(json!({
        "native_lone": lone[0].to_json(), "docker_lone": lone[1].to_json(), "docker_run_lone": lone[2].to_json(),
        "native_in_a_row": native.to_json(), "docker_in_a_row": one.to_json(), "docker_two_clients_per_s": rate_of_two,
    }))
}
