//! The terminal of the person who runs a command: raw mode and window size. Not the terminal of a program in a cell.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use cupel_types::TerminalSize;

use crate::sys::terminal::{self, Mode};

/// A terminal in raw mode: every byte that is typed is read unchanged and at once, and every byte that is written is
/// shown unchanged. Dropping this value restores the previous mode.
pub struct RawTerminal {
    terminal: OwnedFd,
    before: Mode,
}

impl RawTerminal {
    /// Switches a terminal to raw mode.
    ///
    /// # Errors
    /// If `terminal` is not a terminal, or the process has no file descriptors left.
    pub fn enter(terminal: impl AsFd) -> io::Result<RawTerminal> {
        let terminal = terminal.as_fd().try_clone_to_owned()?;
        let before = Mode::of(terminal.as_fd())?;
        before.raw().apply(terminal.as_fd())?;
        Ok(RawTerminal { terminal, before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Fails only if the terminal is gone.
        let _ = self.before.apply(self.terminal.as_fd());
    }
}

impl fmt::Debug for RawTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawTerminal").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

/// The window size of a terminal: at most [`TerminalSize::MAX`] columns and rows; the default of [`TerminalSize`] if
/// the terminal reports no size. `None` if `terminal` is not a terminal.
pub fn window_size(terminal: impl AsFd) -> Option<TerminalSize> {
    let (columns, rows) = terminal::window(terminal.as_fd()).ok()?;
    let size = TerminalSize::new(columns.min(TerminalSize::MAX), rows.min(TerminalSize::MAX));
    Some(size.unwrap_or_default())
}
