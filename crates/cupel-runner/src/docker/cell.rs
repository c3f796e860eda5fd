//! A cell in Docker Engine: each command runs in a new container of one image.

use std::sync::Arc;

use cupel_judge::{ExecuteError, LiveStdin, StdinSource, StepInput, StepObserver, StepResult};
use cupel_sandbox::{CellReport, CellRoot, Command, Observer, Stdin};
use cupel_types::{ImageRoot, chain};

use super::Containers;
use crate::cell::{CellError, CellFactory};
use crate::command::command_of;
use crate::output::OutputCapture;

/// Containers of one image.
pub(crate) struct ContainerCell<'a> {
    pub(crate) containers: Arc<Containers>,
    pub(crate) image: &'a Arc<ImageRoot>,
    /// Input that arrives while a program runs.
    pub(crate) live: Option<LiveStdin>,
}

impl CellFactory for ContainerCell<'_> {
    fn run(&mut self, command: &Command, observer: &mut dyn Observer) -> Result<CellReport, CellError> {
        Ok(self.containers.run(self.image, command, self.live.as_ref(), observer)?)
    }
}

impl ContainerCell<'_> {
    /// Runs a step. Containers repeat a failed attempt themselves.
    pub(crate) fn execute(
        mut self,
        step: StepInput<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<StepResult, ExecuteError> {
        if let StdinSource::Live(live) = &step.stdin {
            self.live = Some(live.clone());
        }
        let mut capture = OutputCapture::new(step.keep, false, observer);
        match self.run(&ContainerCell::command(step), &mut capture) {
            Ok(report) => Ok(capture.result(report)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "a container failed");
                Err(error.into())
            }
        }
    }

    /// The command of a step. A container uses the root of its image, not the root of the command, and the cell has the
    /// live input.
    pub(crate) fn command(step: StepInput<'_>) -> Command {
        command_of(step, CellRoot::System, None, |_| Stdin::Bytes(Arc::from([])))
    }
}
