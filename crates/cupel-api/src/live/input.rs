//! Input of the attached live runs of one connection: numbers, the window, and the credit that the worker reports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::live::{Credit, INPUTS_MAX, InputCount, InputState};
use cupel_http::error::{ApiError, ErrorKind};
use cupel_types::{LiveInput, SubmissionId};

use crate::live::input_charge::InputCharge;
use crate::live::message::{ServerMessage, invalid};
use crate::live::outbox::Outbox;

/// The input of one attached run. Clones share the state.
#[derive(Clone)]
pub(super) struct RunInput {
    state: Arc<Mutex<InputState>>,
    charge: Option<Arc<InputCharge>>,
}

/// Number of repeated inputs that an attachment may send without a charge: those that may be unconsumed after a lost
/// connection.
pub(super) const FREE_REPETITIONS: u32 = INPUTS_MAX;

impl RunInput {
    pub(super) fn new(state: InputState) -> RunInput {
        RunInput { state: Arc::new(Mutex::new(state)), charge: None }
    }

    /// Charges the inputs that are accepted.
    pub(super) fn charged(self, charge: InputCharge) -> RunInput {
        RunInput { charge: Some(Arc::new(charge)), ..self }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, InputState> {
        // No code that holds the lock panics between two assignments, so a poisoned lock protects a valid state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts the input with this number. Returns `Ok(None)` for a number that was accepted before, and an error if an
    /// earlier input is missing or too much input of this run, or of all runs of the user, is unread.
    pub(super) fn admit(&self, number: u32, input: &LiveInput) -> Result<Option<InputCount>, ApiError> {
        if number == 0 {
            return Err(invalid("/seq", "`seq` must be at least 1: the inputs of a run are numbered from 1."));
        }
        let mut state = self.state();
        let InputState { sent, consumed } = *state;
        if number <= sent.inputs {
            return Ok(None);
        }
        let next = sent.inputs.saturating_add(1);
        if number != next {
            let detail = format!("Input {number} arrived before input {next}. Send the missing inputs first.");
            return Err(ApiError::new(ErrorKind::InputOutOfOrder, detail));
        }
        let bytes = if let LiveInput::Bytes(bytes) = input { bytes.len() as u64 } else { 0 };
        let unconsumed = sent.bytes.saturating_sub(consumed.bytes) + bytes;
        let window = LiveInput::WINDOW as u64;
        if unconsumed > window || sent.inputs.saturating_sub(consumed.inputs) >= INPUTS_MAX {
            let detail = format!(
                "The program has not read enough: at most {window} bytes and {INPUTS_MAX} inputs may be unread. Send \
                 input {number} again after a message `input` reports that the program has read enough."
            );
            return Err(ApiError::new(ErrorKind::InputWindowFull, detail));
        }
        let sent = InputCount { inputs: number, bytes: sent.bytes + bytes };
        if let Some(charge) = &self.charge {
            charge.add(bytes as usize, sent)?;
        }
        state.sent = sent;
        Ok(Some(sent))
    }

    /// Sends the client the state of the input, now and after every report from the worker.
    pub(super) async fn follow(self, run: SubmissionId, id: Option<String>, mut credit: Credit, out: Outbox) {
        let name = run.to_string();
        loop {
            let state = *self.state();
            let message = ServerMessage::Input {
                id: id.as_deref(),
                run: &name,
                seq: state.sent.inputs,
                bytes: state.sent.bytes,
                consumed_bytes: state.consumed.bytes,
                consumed_seq: state.consumed.inputs,
            };
            if out.send(&message).await.is_err() {
                return;
            }
            let Some(reported) = credit.next().await else { return };
            let latest = reported.max(credit.latest());
            let mut state = self.state();
            state.consumed = state.consumed.max(latest);
            // Another connection may have sent the inputs that were consumed.
            state.sent = state.sent.max(state.consumed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> LiveInput {
        LiveInput::Bytes(vec![0; length])
    }

    #[test]
    fn a_repeated_input_is_dropped_and_a_gap_is_an_error() {
        let input = RunInput::new(InputState::default());
        assert_eq!(input.admit(1, &bytes(3)).unwrap(), Some(InputCount { inputs: 1, bytes: 3 }));
        assert_eq!(input.admit(1, &bytes(3)).unwrap(), None);
        assert_eq!(input.admit(0, &bytes(3)).unwrap_err().kind(), ErrorKind::InvalidBody);
        assert_eq!(input.admit(3, &bytes(1)).unwrap_err().kind(), ErrorKind::InputOutOfOrder);
        assert_eq!(input.admit(2, &LiveInput::EndOfInput).unwrap(), Some(InputCount { inputs: 2, bytes: 3 }));
    }

    #[test]
    fn unconsumed_bytes_and_inputs_are_bounded() {
        let input = RunInput::new(InputState::default());
        input.admit(1, &bytes(LiveInput::WINDOW)).unwrap();
        assert_eq!(input.admit(2, &bytes(1)).unwrap_err().kind(), ErrorKind::InputWindowFull);
        input.state().consumed = InputCount { inputs: 1, bytes: 10 };
        assert_eq!(input.admit(2, &bytes(11)).unwrap_err().kind(), ErrorKind::InputWindowFull);
        assert!(input.admit(2, &bytes(10)).unwrap().is_some());
        let input = RunInput::new(InputState::default());
        for number in 1..=INPUTS_MAX {
            assert!(input.admit(number, &bytes(1)).unwrap().is_some());
        }
        assert_eq!(input.admit(INPUTS_MAX + 1, &bytes(1)).unwrap_err().kind(), ErrorKind::InputWindowFull);
    }
}
