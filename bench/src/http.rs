//! Submissions through the HTTP API of a server started by the bench: latency, throughput, and the time to accept a
//! submission while the queue is busy.
//!
//! Every response is checked: a submission that does not end `completed` with the expected output fails the bench. The
//! load is closed-loop: each client sends its next submission when the last one has finished (`?wait=`), with one
//! request per submission, so that the load generator uses little CPU time of the shared processors. At the same time,
//! one client submits the cheapest program at a fixed pace without waiting for the result; this measures acceptance.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::busy;
use crate::client::Connection;
use crate::quiet::Quiet;
use crate::samples::Samples;
use crate::server::Server;
use crate::table::Table;

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of sequential requests, with [`LONE_PAUSE`] between them.
    pub(crate) lone: usize,
    /// Duration of the load.
    pub(crate) load: Duration,
    /// Number of clients that keep the queue busy.
    pub(crate) clients: usize,
}

/// Idleness before each lone request: long enough for processors and kernel to enter sleep states.
const LONE_PAUSE: Duration = Duration::from_millis(30);
/// Interval of the client that only submits.
const ACCEPT_PACE: Duration = Duration::from_millis(40);
/// Maximum time for a submission, in seconds; if it is exceeded, the bench fails. Must not exceed the server's default
/// maximum for `?wait=`.
const WAIT_SECONDS: u64 = 30;

/// A program that reads a number and prints the number plus one.
pub(crate) struct Program {
    name: &'static str,
    language: &'static str,
    source: &'static str,
    /// Comment syntax with which each source is made unique, so that it is compiled anew; `None` if compilations may be
    /// cached.
    unique_by: Option<&'static str>,
}

const C: &str =
    "#include <stdio.h>\nint main(void) { int n; if (scanf(\"%d\", &n) != 1) return 1; printf(\"%d\\n\", n + 1); }\n";
const CPP: &str = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n + 1 << '\\n'; }\n";
const JAVA: &str = "import java.util.Scanner;\npublic class Main {\n    public static void main(String[] args) {\n        \
                    System.out.println(new Scanner(System.in).nextInt() + 1);\n    }\n}\n";
const PYTHON: &str = "print(int(input()) + 1)\n";

const PROGRAMS: &[Program] = &[
    Program { name: "C, compile cached", language: "c", source: C, unique_by: None },
    Program { name: "Python", language: "python", source: PYTHON, unique_by: None },
    Program { name: "C++, compile cached", language: "cpp", source: CPP, unique_by: None },
    Program { name: "C++, compiled each time", language: "cpp", source: CPP, unique_by: Some("//") },
    Program { name: "Java, compile cached", language: "java", source: JAVA, unique_by: None },
    Program { name: "Java, compiled each time", language: "java", source: JAVA, unique_by: Some("//") },
];

/// Measures every program; prints a table and returns the figures.
pub(crate) fn measure(server: &Server, plan: Plan, only: Option<&str>) -> anyhow::Result<Value> {
    let mut table = Table::new(
        &format!("Through HTTP, {} clients, milliseconds", plan.clients),
        &[
            "program",
            "lone p50",
            "lone p90",
            "lone p99",
            "per second",
            "end to end p50",
            "p99",
            "accepting p50",
            "p99",
            "CPU ms server",
            "client",
        ],
    );
    let mut figures = serde_json::Map::new();
    // Every number is used once, so that only compilations can be cached.
    let numbers = AtomicU64::new(1);
    for program in PROGRAMS.iter().filter(|program| only.is_none_or(|only| program.name.contains(only))) {
        let lone = lone(server, program, &numbers, plan).with_context(|| program.name.to_owned())?;
        let before = Cpu::now(server);
        let (load, accepting) = load(server, program, &numbers, plan).with_context(|| program.name.to_owned())?;
        let cpu = Cpu::now(server).of_each_since(before, load.len() + accepting.len());
        let ms = |samples: &Samples, percent| format!("{:.1}", samples.percentile(percent).as_secs_f64() * 1e3);
        table.row(vec![
            program.name.to_owned(),
            ms(&lone, 50.0),
            ms(&lone, 90.0),
            ms(&lone, 99.0),
            format!("{:.1}", load.rate().unwrap_or_default()),
            ms(&load, 50.0),
            ms(&load, 99.0),
            ms(&accepting, 50.0),
            ms(&accepting, 99.0),
            format!("{:.2}", cpu.server.as_secs_f64() * 1e3),
            format!("{:.2}", cpu.client.as_secs_f64() * 1e3),
        ]);
        figures.insert(
            program.name.to_owned(),
            json!({
                "lone": lone.to_json(), "load": load.to_json(), "accepting": accepting.to_json(),
                "cpu_server_us": cpu.server.as_micros() as u64, "cpu_client_us": cpu.client.as_micros() as u64,
            }),
        );
        eprintln!("  measured {}", program.name);
    }
    println!("{table}");
    Ok(json!({ "clients": plan.clients, "programs": figures }))
}

/// The program that is cheapest to run, so that the rest of the submission's path dominates the time.
pub(crate) const CHEAPEST: &Program = &PROGRAMS[0];

/// Submits programs one after another; returns the end-to-end times.
pub(crate) fn lone(server: &Server, program: &Program, numbers: &AtomicU64, plan: Plan) -> anyhow::Result<Samples> {
    let client = Client::new(server, program, numbers);
    client.judge().context("the first submission")?;
    // The first submission in a language may start a compile service, which warms up while the machine is idle.
    Quiet::settle(Duration::from_secs(30));
    let mut lone = Samples::default();
    for _ in 0..plan.lone {
        thread::sleep(LONE_PAUSE);
        lone.push(client.judge()?);
    }
    Ok(lone)
}

/// CPU time of the server's main process (without the sandbox's processes), and of this process, which runs the
/// clients.
#[derive(Clone, Copy)]
struct Cpu {
    server: Duration,
    client: Duration,
}

impl Cpu {
    fn now(server: &Server) -> Cpu {
        Cpu { server: cpu_of(&server.pid().to_string()), client: cpu_of("self") }
    }

    /// CPU time per submission since `before`, for `count` submissions.
    fn of_each_since(self, before: Cpu, count: usize) -> Cpu {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        Cpu { server: (self.server - before.server) / count, client: (self.client - before.client) / count }
    }
}

/// User and system time of a process and its threads; zero if the process is gone. Source: proc(5), `/proc/pid/stat`,
/// fields 14 and 15, in ticks of 10 ms; the second field may contain spaces and ends with the last parenthesis.
fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
    let ticks: u64 = fields.into_iter().flatten().filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Keeps the queue busy as long as planned. Returns the end-to-end times of the load, and the times of acceptance.
pub(crate) fn load(
    server: &Server,
    program: &Program,
    numbers: &AtomicU64,
    plan: Plan,
) -> anyhow::Result<(Samples, Samples)> {
    let accepting = Client::new(server, CHEAPEST, numbers);
    let started = Instant::now();
    let (times, accepting) = busy::keep(
        plan.clients,
        || Client::new(server, program, numbers),
        Client::judge,
        || accept(&accepting, started, plan.load),
    )?;
    let mut load = Samples::default();
    // The duration extends to the last response, because the last submissions are counted.
    load.extend(times, started.elapsed());
    Ok((load, accepting))
}

fn accept(client: &Client<'_>, started: Instant, lasts: Duration) -> anyhow::Result<Samples> {
    let mut times = Samples::default();
    while started.elapsed() < lasts {
        thread::sleep(ACCEPT_PACE);
        times.push(client.submit()?);
    }
    Ok(times)
}

/// One client of the API.
pub(crate) struct Api {
    connection: RefCell<Connection>,
    authorization: String,
}

impl Api {
    /// Creates a client of the server at `url` with this API key.
    pub(crate) fn new(url: &str, key: &str) -> Api {
        let connection = RefCell::new(Connection::new(url, Duration::from_secs(WAIT_SECONDS + 10)));
        Api { connection, authorization: format!("authorization: Bearer {key}\r\n") }
    }

    /// Submits, and waits for the result if `wait` is set. Returns the response and the time until it was read.
    pub(crate) fn execute(
        &self,
        language: &str,
        source: &str,
        input: &str,
        wait: bool,
    ) -> anyhow::Result<(Duration, Value)> {
        let body = json!({ "language": language, "source_code": source, "input": input }).to_string();
        let query = if wait { format!("?wait={WAIT_SECONDS}") } else { String::new() };
        let path = format!("/api/v1/execute{query}");
        let mut connection = self.connection.borrow_mut();
        let started = Instant::now();
        let answer = connection.post(&path, &self.authorization, &body).context("sending a submission")?;
        let time = started.elapsed();
        if !(200..300).contains(&answer.status) {
            bail!(
                "the server responded to a submission with {}: {}",
                answer.status,
                String::from_utf8_lossy(answer.body)
            );
        }
        Ok((time, serde_json::from_slice(answer.body).context("the response is not JSON")?))
    }
}

/// A client that sends one program repeatedly over one connection.
struct Client<'a> {
    api: Api,
    program: &'a Program,
    numbers: &'a AtomicU64,
}

impl<'a> Client<'a> {
    fn new(server: &Server, program: &'a Program, numbers: &'a AtomicU64) -> Client<'a> {
        Client { api: Api::new(server.url(), server.key()), program, numbers }
    }

    /// Submits and waits for the result. Returns the time until the response was read.
    fn judge(&self) -> anyhow::Result<Duration> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (time, answer) = self.post(number, true)?;
        let expected = format!("{}\n", number + 1);
        let ended_well = answer["status"] == "completed" && answer["stdout"] == expected.as_str();
        ensure!(ended_well, "unexpected result of a submission: {answer}");
        Ok(time)
    }

    /// Submits without waiting for the result.
    fn submit(&self) -> anyhow::Result<Duration> {
        let (time, answer) = self.post(self.numbers.fetch_add(1, Ordering::Relaxed), false)?;
        ensure!(
            answer["submission_id"].is_string(),
            "the server accepted a submission without returning an id: {answer}"
        );
        Ok(time)
    }

    fn post(&self, number: u64, wait: bool) -> anyhow::Result<(Duration, Value)> {
        let mut source = self.program.source.to_owned();
        if let Some(comment) = self.program.unique_by {
            source.push_str(&format!("{comment} {number}\n"));
        }
        self.api.execute(self.program.language, &source, &format!("{number}\n"), wait)
    }
}
