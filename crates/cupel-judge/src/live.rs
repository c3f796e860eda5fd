//! Live input of a running step: the port through which an executor receives it.
//!
//! The types that the port carries are in `cupel-types`, because core and the sandbox use them without the judge.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use cupel_types::{LiveInput, LiveSignal, TerminalSize};

/// The source of a running step's live input. The executor calls the methods from its threads; only `next` may block.
pub trait LiveSource: Send + Sync {
    /// Waits for the next input, at most `timeout`. `None` if there was none. After the last input, a source returns
    /// `None` after each timeout; the end of standard input is [`LiveInput::EndOfInput`]. A source should return at
    /// most [`LiveInput::WINDOW`] unconsumed bytes. If it returns more, the executor takes nothing from it, not even
    /// signals, until the program has read some bytes. The executor calls `next` until the step has ended, and at most
    /// once afterwards; an input that the last call returns is lost.
    fn next(&self, timeout: Duration) -> Option<LiveInput>;

    /// Reports the total number of bytes that the program's pipe or terminal has accepted, or that were dropped because
    /// the program does not read any more. Called after every write; the sender's window grows accordingly. Must not
    /// block.
    fn consumed(&self, total_bytes: u64);
}

/// Live standard input of a step.
#[derive(Clone)]
pub struct LiveStdin {
    /// Source of the input.
    pub source: Arc<dyn LiveSource>,
    /// Initial window of the program's terminal. If `None`, the standard input is a pipe.
    pub terminal: Option<TerminalSize>,
}

impl fmt::Debug for LiveStdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStdin").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}
