//! Sends the live input of a run within the server's window, and resends unconsumed input after a lost connection.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::live::INPUTS_MAX;
use cupel_judge::{LiveInput, LiveSource};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};

/// Maximum number of inputs read ahead while the server's window of unconsumed inputs is full.
const WAITING_MAX: usize = 1;

/// Interval at which the input thread checks whether its inputs are still needed.
const INPUT_CHECK: Duration = Duration::from_millis(200);

/// Sends live input.
pub(super) struct Sender {
    source: Arc<dyn LiveSource>,
    inputs: Receiver<LiveInput>,
    /// Number of the last input taken from the source.
    taken: u32,
    /// Number of the last input that the worker has taken.
    consumed: u32,
    /// Inputs after `consumed` up to `taken`, which are sent again after a lost connection. At most [`INPUTS_MAX`]; the
    /// source also bounds their bytes by the window.
    kept: VecDeque<LiveInput>,
    /// Whether the server's position is known, so that the next input may be sent.
    pub(super) is_ready: bool,
}

impl Sender {
    /// Starts the thread that takes inputs from the source.
    pub(super) fn start(source: Arc<dyn LiveSource>) -> io::Result<Sender> {
        let (sender, inputs) = channel(WAITING_MAX);
        let taking = Arc::clone(&source);
        std::thread::Builder::new().name("input".into()).spawn(move || {
            while !sender.is_closed() {
                if let Some(input) = taking.next(INPUT_CHECK)
                    && sender.blocking_send(input).is_err()
                {
                    return;
                }
            }
        })?;
        Ok(Sender { source, inputs, taken: 0, consumed: 0, kept: VecDeque::new(), is_ready: false })
    }

    /// Handles the server's report of the consumed input. Returns the inputs to send again.
    pub(super) fn reported(&mut self, message: &Value, run: &str) -> Vec<Value> {
        let number = |field: &str| message[field].as_u64().and_then(|number| u32::try_from(number).ok());
        let consumed = number("consumed_seq").unwrap_or_default().clamp(self.consumed, self.taken);
        self.kept.drain(..(consumed - self.consumed) as usize);
        self.consumed = consumed;
        self.source.consumed(message["consumed_bytes"].as_u64().unwrap_or_default());
        if std::mem::replace(&mut self.is_ready, true) {
            return Vec::new();
        }
        let has = number("seq").unwrap_or_default().max(consumed);
        let numbered = (consumed + 1..).zip(&self.kept);
        numbered.filter(|(seq, _)| *seq > has).map(|(seq, input)| input_message(run, seq, input)).collect()
    }
}

/// The next input as a message. Waits forever if there is none to send.
pub(super) async fn next_input(sender: &mut Option<Sender>, run: Option<&str>) -> Option<Value> {
    if let (Some(sender), Some(run)) = (sender, run)
        && sender.is_ready
        && sender.taken - sender.consumed < INPUTS_MAX
        && let Some(input) = sender.inputs.recv().await
    {
        sender.taken += 1;
        let message = input_message(run, sender.taken, &input);
        sender.kept.push_back(input);
        return Some(message);
    }
    std::future::pending().await
}

fn input_message(run: &str, seq: u32, input: &LiveInput) -> Value {
    let mut message = match input {
        LiveInput::Bytes(bytes) => json!({ "type": "stdin", "base64": BASE64_STANDARD.encode(bytes) }),
        LiveInput::EndOfInput => json!({ "type": "stdin.end" }),
        LiveInput::Signal(signal) => json!({ "type": "signal", "signal": signal.as_str() }),
        LiveInput::Resize(size) => json!({ "type": "resize", "cols": size.columns, "rows": size.rows }),
    };
    message["run"] = run.into();
    message["seq"] = seq.into();
    message
}
