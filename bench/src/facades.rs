//! Compares the interfaces of other products with the native API: the same Python program through each of them, in
//! turns.
//!
//! Every response is checked. All clients present an API key and wait for the result in the response.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::busy;
use crate::client::Connection;
use crate::samples::Samples;
use crate::server::Server;
use crate::table::Table;

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of sequential requests to each interface, with [`LONE_PAUSE`] between them.
    pub(crate) lone: usize,
    /// Number of turns under load.
    pub(crate) turns: usize,
    /// Duration of the load on one interface in one turn.
    pub(crate) load: Duration,
    /// Number of clients under load.
    pub(crate) clients: usize,
}

const LONE_PAUSE: Duration = Duration::from_millis(30);
const TIMEOUT: Duration = Duration::from_secs(60);

/// Reads a number, and prints the number plus one.
const PYTHON: &str = "print(int(input()) + 1)\n";

/// An interface: the request that runs a program with an input, and the place of standard output in the response.
struct Interface {
    name: &'static str,
    path: &'static str,
    header: &'static str,
    body: fn(String) -> Value,
    stdout: fn(&Value) -> &Value,
}

const INTERFACES: [Interface; 5] = [
    Interface {
        name: "native",
        path: "/api/v1/execute?wait=30",
        header: "authorization: Bearer ",
        body: |stdin| json!({ "language": "python", "source_code": PYTHON, "stdin": stdin }),
        stdout: |answer| &answer["stdout"],
    },
    Interface {
        name: "SandboxFusion",
        path: "/sandboxfusion/run_code",
        header: "authorization: Bearer ",
        body: |stdin| json!({ "language": "python", "code": PYTHON, "stdin": stdin }),
        stdout: |answer| &answer["run_result"]["stdout"],
    },
    Interface {
        name: "Piston",
        path: "/piston/api/v2/execute",
        header: "authorization: ",
        body: |stdin| json!({ "language": "python", "version": "*", "files": [{ "content": PYTHON }], "stdin": stdin }),
        stdout: |answer| &answer["run"]["stdout"],
    },
    Interface {
        name: "Judge0",
        path: "/judge0/submissions?wait=true",
        header: "x-auth-token: ",
        body: |stdin| json!({ "language_id": 71, "source_code": PYTHON, "stdin": stdin }),
        stdout: |answer| &answer["stdout"],
    },
    Interface {
        name: "Jobe",
        path: "/jobe/index.php/restapi/runs",
        header: "x-api-key: ",
        body: |stdin| json!({ "run_spec": { "language_id": "python3", "sourcecode": PYTHON, "input": stdin } }),
        stdout: |answer| &answer["stdout"],
    },
];

/// A client of one interface, with one connection.
struct Client<'a> {
    interface: &'a Interface,
    connection: RefCell<Connection>,
    header: String,
    numbers: &'a AtomicU64,
}

impl<'a> Client<'a> {
    fn new(server: &Server, interface: &'a Interface, numbers: &'a AtomicU64) -> Client<'a> {
        let connection = RefCell::new(Connection::new(server.url(), TIMEOUT));
        Client { interface, connection, header: format!("{}{}\r\n", interface.header, server.key()), numbers }
    }

    /// Runs the program with a new number. Returns the time until the response was read.
    fn run(&self) -> anyhow::Result<Duration> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let body = (self.interface.body)(format!("{number}\n")).to_string();
        let mut connection = self.connection.borrow_mut();
        let started = Instant::now();
        let answer = connection.post(self.interface.path, &self.header, &body)?;
        let time = started.elapsed();
        let text = String::from_utf8_lossy(answer.body);
        let parsed: Value = serde_json::from_slice(answer.body).unwrap_or_default();
        let expected = format!("{}\n", number + 1);
        ensure!(
            (200..300).contains(&answer.status) && *(self.interface.stdout)(&parsed) == expected.as_str(),
            "unexpected response {}: {text}",
            answer.status
        );
        Ok(time)
    }
}

/// Measures every interface; prints a table and returns the figures.
pub(crate) fn measure(server: &Server, plan: Plan) -> anyhow::Result<Value> {
    let numbers = AtomicU64::new(1);
    let mut lone: Vec<Samples> = INTERFACES.iter().map(|_| Samples::default()).collect();
    let clients: Vec<Client<'_>> =
        INTERFACES.iter().map(|interface| Client::new(server, interface, &numbers)).collect();
    for turn in 0..plan.lone + 1 {
        for (client, samples) in clients.iter().zip(&mut lone) {
            thread::sleep(LONE_PAUSE);
            let time = client.run().context(client.interface.name)?;
            // The first turn opens connections and starts services that are started on first use.
            if turn > 0 {
                samples.push(time);
            }
        }
    }
    let mut loads: Vec<Samples> = INTERFACES.iter().map(|_| Samples::default()).collect();
    for _ in 0..plan.turns {
        for (interface, samples) in INTERFACES.iter().zip(&mut loads) {
            let (times, elapsed) = load(server, interface, &numbers, plan).context(interface.name)?;
            samples.extend(times, elapsed);
        }
    }

    let title = format!("Interfaces, Python, {} clients under load, milliseconds", plan.clients);
    let header =
        ["interface", "lone p50", "over native", "p99", "per second", "ratio to native", "p50 under load", "p99"];
    let mut table = Table::new(&title, &header);
    let mut figures = serde_json::Map::new();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (native, native_rate) = (ms(lone[0].percentile(50.0)), loads[0].rate().unwrap_or(f64::NAN));
    for ((interface, lone), load) in INTERFACES.iter().zip(&lone).zip(&loads) {
        let rate = load.rate().unwrap_or_default();
        let median = ms(lone.percentile(50.0));
        table.row(vec![
            interface.name.to_owned(),
            format!("{median:.2}"),
            format!("{:+.2}", median - native),
            format!("{:.2}", ms(lone.percentile(99.0))),
            format!("{rate:.0}"),
            format!("{:.2}", rate / native_rate),
            format!("{:.1}", ms(load.percentile(50.0))),
            format!("{:.1}", ms(load.percentile(99.0))),
        ]);
        figures.insert(interface.name.to_owned(), json!({ "lone": lone.to_json(), "load": load.to_json() }));
    }
    println!("{table}");
    Ok(json!({ "clients": plan.clients, "interfaces": figures }))
}

/// Keeps the server busy through one interface. Returns the times and the duration.
fn load(
    server: &Server,
    interface: &Interface,
    numbers: &AtomicU64,
    plan: Plan,
) -> anyhow::Result<(Vec<Duration>, Duration)> {
    let started = Instant::now();
    let idle = || {
        thread::sleep(plan.load);
        Ok(())
    };
    let (times, ()) = busy::keep(plan.clients, || Client::new(server, interface, numbers), Client::run, idle)?;
    // The duration extends to the last response, because the last runs are counted.
    Ok((times, started.elapsed()))
}
