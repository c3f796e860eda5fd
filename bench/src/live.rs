//! Output over a live connection: the time from a program's `write` until a WebSocket client has received the bytes.
//!
//! The program writes its monotonic clock, one line per write, and sleeps between writes. A cell has no time namespace,
//! so the program and the client read the same clock. Nothing else runs, and the programs are started one after
//! another.

use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};

use crate::quiet::Quiet;
use crate::samples::Samples;
use crate::server::Server;
use crate::table::Table;

/// Writes per run.
const WRITES: usize = 10;
/// Time without any message after which the bench fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Idleness before each run: long enough for processors and kernel to enter sleep states.
const PAUSE: Duration = Duration::from_millis(30);

/// Writes its clock ten times, 30 ms apart.
const PROGRAM: &str = r#"#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(void) {
    for (int n = 0; n < 10; n++) {
        struct timespec now, pause = {0, 30000000};
        char line[64];
        clock_gettime(CLOCK_MONOTONIC, &now);
        int length = snprintf(line, sizeof line, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
        if (write(1, line, length) != length) return 1;
        nanosleep(&pause, 0);
    }
}
"#;

/// The ways of starting the program, each with the fields of `start` for it.
fn ways() -> [(&'static str, Value); 3] {
    [
        ("plain", json!({})),
        ("interactive", json!({ "interactive": true })),
        ("terminal", json!({ "tty": { "cols": 80, "rows": 24 } })),
    ]
}

/// Measures `runs` runs in each way; prints a table and returns the figures.
pub(crate) fn measure(server: &Server, runs: usize) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting a runtime")?;
    let mut socket = runtime.block_on(connect(server))?;
    let mut table = Table::new(
        "From a program's write to a WebSocket client, milliseconds",
        &["run", "first write p50", "p99", "later writes p50", "p99"],
    );
    let mut figures = json!({});
    for (name, way) in ways() {
        let (mut first, mut later) = (Samples::default(), Samples::default());
        let mut quiet = Quiet::default();
        // The first run also compiles the program.
        runtime.block_on(run(&mut socket, &way))?;
        for _ in 0..runs {
            quiet.wait();
            thread::sleep(PAUSE);
            let mut times = runtime.block_on(run(&mut socket, &way))?.into_iter();
            times.next().into_iter().for_each(|time| first.push(time));
            times.for_each(|time| later.push(time));
        }
        let ms = |samples: &Samples, percent| format!("{:.2}", samples.percentile(percent).as_secs_f64() * 1e3);
        table.row(vec![name.to_owned(), ms(&first, 50.0), ms(&first, 99.0), ms(&later, 50.0), ms(&later, 99.0)]);
        figures[name] = json!({ "first": first.to_json(), "later": later.to_json(), "quiet": quiet.to_json() });
    }
    println!("{table}");
    Ok(figures)
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(server: &Server) -> anyhow::Result<Socket> {
    let address = server.url().trim_start_matches("http://");
    let mut request = format!("ws://{address}/api/v1/live").into_client_request().context("making a request")?;
    let credential = HeaderValue::try_from(format!("Bearer {}", server.key())).context("making a request")?;
    request.headers_mut().insert(header::AUTHORIZATION, credential);
    let stream = TcpStream::connect(address).await.context("connecting to the server")?;
    stream.set_nodelay(true).context("setting up a connection")?;
    Ok(tokio_tungstenite::client_async(request, stream).await.context("opening a live connection")?.0)
}

/// Runs the program once; returns the time from each write until its bytes arrived.
async fn run(socket: &mut Socket, way: &Value) -> anyhow::Result<Vec<Duration>> {
    let mut start = json!({ "type": "start", "request": { "language": "c", "source_code": PROGRAM } });
    if let (Some(start), Some(way)) = (start.as_object_mut(), way.as_object()) {
        start.extend(way.clone());
    }
    socket.send(Message::text(start.to_string())).await.context("starting a run")?;
    let mut times = Vec::new();
    loop {
        let received = tokio::time::timeout(PATIENCE, socket.next()).await.context("waiting for a message")?;
        let Message::Text(text) = received.context("the connection ended")?? else { continue };
        let now = clock_gettime(ClockId::Monotonic);
        let now = Duration::new(now.tv_sec.try_into()?, now.tv_nsec.try_into()?);
        let message: Value = serde_json::from_str(&text).context("reading a message")?;
        ensure!(message["type"] != "error", "the server refused the run: {text}");
        match message["event"].as_str() {
            Some("output") => {
                for line in message["data"]["text"].as_str().unwrap_or_default().split_whitespace() {
                    let written = Duration::from_nanos(line.parse().context("the program did not write its clock")?);
                    times.push(now.checked_sub(written).context("the program's clock is not that of the client")?);
                }
            }
            Some("verdict") if message["data"]["verdict"] != "AC" => bail!("the run ended with {text}"),
            Some("verdict") => {
                ensure!(times.len() == WRITES, "{} of {WRITES} writes arrived", times.len());
                return Ok(times);
            }
            _ => {}
        }
    }
}
