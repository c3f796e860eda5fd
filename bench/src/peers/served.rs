//! Cupel as a whole: a submission to a server of our own over HTTP, until the answer with its durable result is read.
//!
//! Compilers are as the languages' files have them: prepared headers, warm compilers where there are any. Every
//! submission has an input of its own, and where compiling is the work a source of its own, so that nothing cached
//! answers. Server, clients and programs share the processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};

use super::Runner;
use super::ground::Ground;
use super::work::Work;
use crate::http::Api;
use crate::server::Server;

pub(super) const NAME: &str = "Cupel, through HTTP";

/// Clients at one time, where throughput is measured.
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

    fn leaves_out(&self) -> &'static str {
        "nothing, and adds HTTP, authentication and a result on disk; C hello is compiled once and is dynamic; 16 clients \
         where throughput is measured"
    }

    fn prepare(&mut self, _: &Ground) -> anyhow::Result<()> {
        let server = Server::start()?;
        self.connections = (0..CLIENTS).map(|_| Mutex::new(Api::new(server.url(), server.key()))).collect();
        self.server = Some(server);
        Ok(())
    }

    fn takes(&self, work: &Work) -> bool {
        work.served.is_some()
    }

    fn workers(&self) -> usize {
        CLIENTS
    }

    fn run_once(&self, work: &Work, _: &Ground, worker: usize) -> anyhow::Result<Duration> {
        let served = work.served.as_ref().context("this is not for the server")?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let source = match served.unique_by {
            Some(comment) => format!("{}{comment} {number}\n", served.text),
            None => served.text.to_owned(),
        };
        let api = self.connections[worker % CLIENTS].lock().map_err(|_| anyhow!("a run panicked"))?;
        let (time, answer) = api.execute(served.language, &source, &format!("{number}\n"), true)?;
        ensure!(
            answer["status"] != "queued" && answer["status"] != "running",
            "it took longer than a request may wait"
        );
        ensure!(answer["status"] == "completed" && answer["stdout"] == "hello\n", "it did not say hello: {answer}");
        Ok(time)
    }
}
