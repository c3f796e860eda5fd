//! The trait by which the executor runs a command in a fresh cell. Each place where programs run implements it.

use std::io;

use cupel_judge::ExecuteError;
use cupel_sandbox::{CellReport, Command, Observer, RunError};

use crate::docker::ContainerError;

/// Runs one command at a time, each in a fresh cell.
pub(crate) trait CellFactory: Send {
    /// Runs the command to its end.
    fn run(&mut self, command: &Command, observer: &mut dyn Observer) -> Result<CellReport, CellError>;
}

/// A failure of the sandbox or of Docker Engine, an invalid command, or a program outside the box that cannot be
/// executed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CellError {
    /// A failure of the native sandbox.
    #[error(transparent)]
    Native(#[from] RunError),
    /// A failure of Docker Engine.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// This process cannot create more threads or descriptors.
    #[error("cannot connect two programs")]
    Io(#[from] io::Error),
}

impl CellError {
    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            CellError::Native(error) => error.is_transient(),
            CellError::Container(error) => error.is_transient(),
            CellError::Io(_) => true,
        }
    }
}

impl From<CellError> for ExecuteError {
    fn from(error: CellError) -> ExecuteError {
        match error {
            CellError::Container(error) if error.is_unreachable() => ExecuteError::unreachable(error),
            CellError::Container(error @ ContainerError::Unsupported(_)) => ExecuteError::refused(error),
            CellError::Native(error @ RunError::BadCommand(_)) => ExecuteError::refused(error),
            other => ExecuteError { transient: other.is_transient(), source: other.into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use cupel_sandbox::Refusal;

    use super::*;

    #[test]
    fn a_refused_command_says_nothing_about_the_executor() {
        let refusal = Refusal { field: "argv", rule: "too long".into() };
        let refused = [CellError::Native(refusal.into()), CellError::Container(ContainerError::Unsupported("a limit"))];
        for error in refused.map(ExecuteError::from) {
            assert!(error.is_of_the_step() && !error.transient && !error.is_of_this_machine(), "{error:?}");
        }
        for error in [RunError::LauncherLost, RunError::LaneLost] {
            assert!(!ExecuteError::from(CellError::Native(error)).is_of_the_step());
        }
    }
}
