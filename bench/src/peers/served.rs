//! Runner for Cupel as a whole: submits over HTTP to a server started by the bench, and waits for the response with the
//! durable result.
//!
//! Compilers are configured as in the shipped language files, with prepared headers and compile services. Every
//! submission has a unique input, and a unique source if compilation is part of the work, so that no cached result is
//! used. Server, clients and programs share the processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};

use super::Runner;
use super::fixture::Fixture;
use super::workload::Workload;
use crate::http::Api;
use crate::server::Server;

pub(super) const NAME: &str = "Cupel, through HTTP";

/// Number of parallel clients when throughput is measured.
const CLIENTS: usize = 16;

#[derive(Default)]
pub(super) struct Served {
    server: Option<Server>,
    connections: Vec<Mutex<Api>>,
    numbers: AtomicU64,
}

impl Runner for Served {
    fn name(&self) -> &'static str {
        NAME
    }

    fn omits(&self) -> &'static str {
        "nothing, and adds HTTP, authentication and a result on disk; C hello is compiled once and is dynamic; 16 clients \
         where throughput is measured"
    }

    fn prepare(&mut self, _: &Fixture) -> anyhow::Result<()> {
        let server = Server::start()?;
        self.connections = (0..CLIENTS).map(|_| Mutex::new(Api::new(server.url(), server.key()))).collect();
        self.server = Some(server);
        Ok(())
    }

    fn takes(&self, workload: &Workload) -> bool {
        workload.served.is_some()
    }

    fn workers(&self) -> usize {
        CLIENTS
    }

    fn run_once(&self, workload: &Workload, _: &Fixture, worker: usize) -> anyhow::Result<Duration> {
        let served = workload.served.as_ref().context("this workload is not supported by the server")?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let source = match served.unique_by {
            Some(comment) => format!("{}{comment} {number}\n", served.text),
            None => served.text.to_owned(),
        };
        let api = self.connections[worker % CLIENTS].lock().map_err(|_| anyhow!("a run panicked"))?;
        let (time, answer) = api.execute(served.language, &source, &format!("{number}\n"), true)?;
        ensure!(
            answer["status"] != "queued" && answer["status"] != "running",
            "the submission took longer than the maximum wait of a request"
        );
        ensure!(
            answer["status"] == "completed" && answer["stdout"] == "hello\n",
            "the program did not print `hello`: {answer}"
        );
        Ok(time)
    }
}
