//! Live input: input that a client sends to a running program.

use crate::{Signal, named};

/// Window of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters per row, 1 to [`TerminalSize::MAX`].
    pub columns: u16,
    /// Rows, 1 to [`TerminalSize::MAX`].
    pub rows: u16,
}

impl TerminalSize {
    /// Maximum of both fields.
    pub const MAX: u16 = 1000;

    /// `None` if a field is outside of its bounds.
    pub const fn new(columns: u16, rows: u16) -> Option<TerminalSize> {
        if columns == 0 || rows == 0 || columns > TerminalSize::MAX || rows > TerminalSize::MAX {
            return None;
        }
        Some(TerminalSize { columns, rows })
    }
}

/// 80 columns and 24 rows.
impl Default for TerminalSize {
    fn default() -> TerminalSize {
        TerminalSize { columns: 80, rows: 24 }
    }
}

named! {
    /// A signal that a client may send to its own program. The names are those of [`Signal::name`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum LiveSignal, as_str, from_name {
        /// SIGINT, the signal of Ctrl-C.
        Interrupt = "INT",
        /// SIGTERM.
        Terminate = "TERM",
        /// SIGQUIT.
        Quit = "QUIT",
        /// SIGKILL: ends the program and all other processes of the step.
        Kill = "KILL",
        /// SIGHUP.
        Hangup = "HUP",
        /// SIGUSR1.
        User1 = "USR1",
        /// SIGUSR2.
        User2 = "USR2",
    }
}

impl LiveSignal {
    /// The signal's number on Linux.
    pub const fn signal(self) -> Signal {
        Signal(match self {
            LiveSignal::Hangup => 1,
            LiveSignal::Interrupt => 2,
            LiveSignal::Quit => 3,
            LiveSignal::Kill => 9,
            LiveSignal::User1 => 10,
            LiveSignal::User2 => 12,
            LiveSignal::Terminate => 15,
        })
    }
}

/// Input that a client sends to a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveInput {
    /// Bytes for standard input.
    Bytes(Vec<u8>),
    /// The end of standard input. Later bytes are dropped. On a terminal, the program gets the character Ctrl-D.
    EndOfInput,
    /// A signal for the program.
    Signal(LiveSignal),
    /// A new size of the terminal's window. Ignored without a terminal.
    Resize(TerminalSize),
}

impl LiveInput {
    /// Maximum number of bytes that the sender has sent and that the program's pipe or terminal has not yet accepted.
    /// The sender must hold back further bytes, so that they do not delay signals.
    pub const WINDOW: usize = 64 << 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_one_to_a_thousand_columns_and_rows() {
        assert_eq!(TerminalSize::new(1, 1000), Some(TerminalSize { columns: 1, rows: 1000 }));
        for (columns, rows) in [(0, 1), (1, 0), (1001, 1), (1, 1001), (u16::MAX, u16::MAX)] {
            assert_eq!(TerminalSize::new(columns, rows), None, "{columns} by {rows}");
        }
        let TerminalSize { columns, rows } = TerminalSize::default();
        assert_eq!(TerminalSize::new(columns, rows), Some(TerminalSize::default()));
    }

    #[test]
    fn a_live_signal_has_the_name_of_its_number() {
        for signal in LiveSignal::ALL {
            assert_eq!(signal.signal().name(), Some(signal.as_str()));
            assert_eq!(LiveSignal::from_name(signal.as_str()), Some(signal));
        }
        assert_eq!(LiveSignal::from_name("STOP"), None);
    }
}
