//! Messages of a client to its program over a WebSocket: input, limited by a window, and signals.

use std::collections::VecDeque;

use cupel_core::live::{INPUTS_MAX, InputCount, InputState};
use cupel_types::{LiveInput, LiveSignal};
use serde_json::{Map, Value};

use super::close::Close;

/// Names of signals that the original accepts. Source: the constants of Node.js 15 on Linux, and its rule for real-time
/// signals.
const SIGNAL_NAMES: [&str; 32] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGIOT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGCHLD",
    "SIGSTKFLT",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// Whether the original knows the signal.
fn is_signal(name: &str) -> bool {
    let real_time = |name: &str| match name.strip_prefix("SIGRTM") {
        Some("IN" | "AX") => true,
        Some(rest) => {
            let within = |text: &str, max: u8| {
                !text.starts_with('0') && text.parse::<u8>().is_ok_and(|number| (1..=max).contains(&number))
            };
            rest.strip_prefix("IN+").is_some_and(|number| within(number, 15))
                || rest.strip_prefix("AX-").is_some_and(|number| within(number, 14))
        }
        None => false,
    };
    SIGNAL_NAMES.contains(&name) || real_time(name)
}

/// Bytes of standard input in one input.
const PIECE_BYTES: usize = 16 << 10;

/// The input of one run.
#[derive(Default)]
pub(super) struct Input {
    state: InputState,
    /// Pieces of the last message that do not fit into the window yet.
    pending: VecDeque<LiveInput>,
}

impl Input {
    /// Whether the last message was sent completely, so that the next one may be read.
    pub(super) fn is_sent(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes a message after `init`.
    ///
    /// # Errors
    ///
    /// Why the connection ends.
    pub(super) fn take(&mut self, message: &Map<String, Value>) -> Result<(), Close> {
        match message.get("type").and_then(Value::as_str) {
            Some("init") => Err(Close::AlreadyInitialized),
            Some("data") => {
                if message.get("stream").and_then(Value::as_str) != Some("stdin") {
                    return Err(Close::CanOnlyWriteToStdin);
                }
                let Some(data) = message.get("data").and_then(Value::as_str) else {
                    return Err(Close::NotifiedError("data is required as a string".to_owned()));
                };
                let pieces = data.as_bytes().chunks(PIECE_BYTES);
                self.pending.extend(pieces.map(|piece| LiveInput::Bytes(piece.to_vec())));
                Ok(())
            }
            Some("signal") => {
                let name = message.get("signal").and_then(Value::as_str).unwrap_or_default();
                if !is_signal(name) {
                    return Err(Close::InvalidSignal);
                }
                // Other signals have no effect, as in the original.
                let signal = name.strip_prefix("SIG").and_then(LiveSignal::from_name);
                self.pending.extend(signal.map(LiveInput::Signal));
                Ok(())
            }
            // An extension: in the original, a client cannot end the input.
            Some("end") => {
                self.pending.push_back(LiveInput::EndOfInput);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Records that the worker has consumed this much.
    pub(super) fn consumed(&mut self, count: InputCount) {
        self.state.consumed = self.state.consumed.max(count);
    }

    /// The pieces that fit into the window.
    pub(super) fn sendable(&mut self) -> Vec<(InputCount, LiveInput)> {
        let mut sendable = Vec::new();
        while let Some(next) = self.pending.front() {
            let InputState { sent, consumed } = self.state;
            let bytes = if let LiveInput::Bytes(bytes) = next { bytes.len() as u64 } else { 0 };
            let unconsumed = sent.bytes.saturating_sub(consumed.bytes) + bytes;
            if unconsumed > LiveInput::WINDOW as u64 || sent.inputs.saturating_sub(consumed.inputs) >= INPUTS_MAX {
                break;
            }
            let count = InputCount { inputs: sent.inputs + 1, bytes: sent.bytes + bytes };
            self.state.sent = count;
            sendable.extend(self.pending.pop_front().map(|next| (count, next)));
        }
        sendable
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_message_after_init_is_input_a_signal_or_the_end_of_the_connection() {
        let of = |value| {
            let mut input = Input::default();
            input
                .take(&message(value))
                .map(|()| input.sendable().into_iter().map(|(_, input)| input).collect::<Vec<_>>())
        };
        let data = |stream: &str, data: Value| json!({ "type": "data", "stream": stream, "data": data });
        let signal = |name: &str| json!({ "type": "signal", "signal": name });
        assert_eq!(of(data("stdin", json!("a\n"))), Ok(vec![LiveInput::Bytes(b"a\n".to_vec())]));
        assert_eq!(of(data("stdin", json!(""))), Ok(vec![]));
        assert_eq!(of(data("stdout", json!("a"))), Err(Close::CanOnlyWriteToStdin));
        assert!(matches!(of(data("stdin", json!(1))), Err(Close::NotifiedError(_))));
        assert_eq!(of(signal("SIGINT")), Ok(vec![LiveInput::Signal(LiveSignal::Interrupt)]));
        for name in ["SIGRTMIN", "SIGRTMIN+15", "SIGRTMAX-14", "SIGIO", "SIGWINCH"] {
            assert_eq!(of(signal(name)), Ok(vec![]), "{name}");
        }
        for name in ["SIGRTMIN+16", "SIGRTMAX-15", "SIGRTMIN+0", "SIGPOLL", "SIGCLD", "sigint", "INT", "2", ""] {
            assert_eq!(of(signal(name)), Err(Close::InvalidSignal), "{name}");
        }
        assert_eq!(of(json!({ "type": "init" })), Err(Close::AlreadyInitialized));
        assert_eq!(of(json!({ "type": "end" })), Ok(vec![LiveInput::EndOfInput]));
        assert_eq!(of(json!({ "type": "other" })), Ok(vec![]));
    }

    #[test]
    fn a_long_message_is_sent_as_the_program_reads() {
        let mut input = Input::default();
        let data = "x".repeat(LiveInput::WINDOW + 1);
        input.take(&message(json!({ "type": "data", "stream": "stdin", "data": data }))).unwrap();
        let sent = input.sendable();
        assert_eq!(sent.last().unwrap().0.bytes, LiveInput::WINDOW as u64);
        assert!(!input.is_sent() && input.sendable().is_empty());
        input.consumed(InputCount { inputs: 1, bytes: PIECE_BYTES as u64 });
        assert_eq!(input.sendable().len(), 1);
        assert!(input.is_sent());
    }
}
