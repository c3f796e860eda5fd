//! The parts of responses about one step, such as the execution of a test: its output, how it ended, and how the
//! program was started.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_types::{Accuracy, Outcome, Output, Signal, Start, StepReport};
use serde::Serialize;
use utoipa::ToSchema;

/// How a program was started.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StartView {
    /// As a copy of an initialised interpreter.
    Warm,
    /// By executing the interpreter.
    Cold,
}

impl From<Start> for StartView {
    fn from(start: Start) -> StartView {
        match start {
            Start::Warm => StartView::Warm,
            Start::Cold => StartView::Cold,
        }
    }
}

/// How exact the figures are.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccuracyView {
    /// The program ran in a container of Docker Engine.
    Approximate,
}

impl AccuracyView {
    /// The value for approximate figures; `None` if they are exact.
    pub(crate) fn of(accuracy: Accuracy) -> Option<AccuracyView> {
        match accuracy {
            Accuracy::Exact => None,
            Accuracy::Approximate => Some(AccuracyView::Approximate),
        }
    }
}

/// Output as text and, if it is not UTF-8, also as base64.
pub(crate) fn text_of(output: &Output) -> (String, Option<String>) {
    match std::str::from_utf8(&output.data) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(&output.data).into_owned(), Some(BASE64_STANDARD.encode(&output.data))),
    }
}

pub(crate) fn exit_code(step: &StepReport) -> Option<i32> {
    step.exit_code.or(match step.outcome {
        Outcome::Exited(code) => Some(code),
        _ => None,
    })
}

pub(crate) fn signal(step: &StepReport) -> Option<i32> {
    step.signal.or(match step.outcome {
        Outcome::Signalled(Signal(number)) => Some(number),
        _ => None,
    })
}
