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
use tokio::time::Instant;

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
    is_ready: bool,
    /// Number of the first input that the server has refused for a time, and the end of this time.
    refused: Option<(u32, Instant)>,
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
        Ok(Sender { source, inputs, taken: 0, consumed: 0, kept: VecDeque::new(), is_ready: false, refused: None })
    }

    /// Sends no input until the server reports its position on the next connection.
    pub(super) fn disconnected(&mut self) {
        (self.is_ready, self.refused) = (false, None);
    }

    /// Handles the refusal of an input. `id`: the name of its message, which is the input's number. `wait`: the time
    /// after which the server accepts it. Without a time, the server's next report has the number to continue with: for
    /// instance, the inputs behind a refused one are out of order.
    pub(super) fn refused(&mut self, id: Option<&str>, wait: Option<Duration>) {
        self.is_ready = false;
        if let (Some(number), Some(wait)) = (id.and_then(|id| id.parse::<u32>().ok()), wait) {
            let first = self.refused.map_or(number, |(first, _)| number.min(first));
            self.refused = Some((first, Instant::now() + wait));
        }
    }

    /// The inputs from this number on, without those that the worker has taken.
    fn from(&self, first: u32, run: &str) -> Vec<Value> {
        let numbered = (self.consumed + 1..).zip(&self.kept);
        numbered.filter(|(seq, _)| *seq >= first).map(|(seq, input)| input_message(run, seq, input)).collect()
    }

    /// Handles the server's report of the consumed input. Returns the inputs to send again.
    pub(super) fn reported(&mut self, message: &Value, run: &str) -> Vec<Value> {
        let number = |field: &str| message[field].as_u64().and_then(|number| u32::try_from(number).ok());
        let consumed = number("consumed_seq").unwrap_or_default().clamp(self.consumed, self.taken);
        self.kept.drain(..(consumed - self.consumed) as usize);
        self.consumed = consumed;
        self.source.consumed(message["consumed_bytes"].as_u64().unwrap_or_default());
        if self.refused.is_some() || std::mem::replace(&mut self.is_ready, true) {
            return Vec::new();
        }
        self.from(number("seq").unwrap_or_default().saturating_add(1), run)
    }
}

/// The next inputs as messages: a new one, or those to repeat after a refusal. Waits forever if there is none to send.
/// Cancel-safe.
pub(super) async fn next_inputs(sender: &mut Option<Sender>, run: Option<&str>) -> Vec<Value> {
    if let (Some(sender), Some(run)) = (sender, run) {
        if let Some((first, at)) = sender.refused {
            tokio::time::sleep_until(at).await;
            (sender.is_ready, sender.refused) = (true, None);
            return sender.from(first, run);
        }
        if sender.is_ready
            && sender.taken - sender.consumed < INPUTS_MAX
            && let Some(input) = sender.inputs.recv().await
        {
            sender.taken += 1;
            let message = input_message(run, sender.taken, &input);
            sender.kept.push_back(input);
            return vec![message];
        }
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
    // A refusal names the message.
    message["id"] = seq.to_string().into();
    message
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    struct Nothing;

    impl LiveSource for Nothing {
        fn next(&self, _: Duration) -> Option<LiveInput> {
            None
        }

        fn consumed(&self, _: u64) {}
    }

    /// A sender that has sent three inputs, and the place of the next ones.
    async fn after_three_inputs() -> (Option<Sender>, mpsc::Sender<LiveInput>) {
        let (source, inputs) = channel(10);
        let mut sender = Some(Sender {
            source: Arc::new(Nothing),
            inputs,
            taken: 0,
            consumed: 0,
            kept: VecDeque::new(),
            is_ready: true,
            refused: None,
        });
        for number in 1..=3 {
            source.send(LiveInput::Bytes(vec![number])).await.unwrap();
            assert_eq!(numbers(&next_inputs(&mut sender, Some("run")).await), [u64::from(number)]);
        }
        (sender, source)
    }

    fn numbers(messages: &[Value]) -> Vec<u64> {
        messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect()
    }

    /// Regression: the input was sent again only after a report, and the worker reports nothing new while its program
    /// waits for this input.
    #[tokio::test]
    async fn inputs_are_sent_again_from_the_refused_one_after_the_time_that_the_server_names() {
        let (mut sender, source) = after_three_inputs().await;
        source.send(LiveInput::EndOfInput).await.unwrap();
        let of = sender.as_mut().unwrap();
        of.refused(Some("2"), Some(Duration::from_millis(1)));
        of.refused(Some("3"), None);
        let report = json!({ "seq": 1, "consumed_seq": 1, "consumed_bytes": 1 });
        assert_eq!(of.reported(&report, "run"), [Value::Null; 0], "the time has not passed");
        assert_eq!(numbers(&next_inputs(&mut sender, Some("run")).await), [2, 3]);
        assert_eq!(numbers(&next_inputs(&mut sender, Some("run")).await), [4], "new inputs follow");
    }

    #[tokio::test]
    async fn without_a_time_a_refused_input_is_sent_again_after_the_servers_next_report() {
        let (mut sender, _source) = after_three_inputs().await;
        let of = sender.as_mut().unwrap();
        of.refused(Some("2"), None);
        let report = json!({ "seq": 2, "consumed_seq": 1, "consumed_bytes": 1 });
        assert_eq!(numbers(&of.reported(&report, "run")), [3]);
        assert_eq!(of.reported(&report, "run"), [Value::Null; 0]);
    }

    #[tokio::test]
    async fn on_a_new_connection_a_refused_input_waits_only_for_the_servers_report() {
        let (mut sender, _source) = after_three_inputs().await;
        let of = sender.as_mut().unwrap();
        of.refused(Some("2"), Some(Duration::from_hours(1)));
        of.disconnected();
        let report = json!({ "seq": 1, "consumed_seq": 0, "consumed_bytes": 0 });
        assert_eq!(numbers(&of.reported(&report, "run")), [2, 3]);
    }
}
