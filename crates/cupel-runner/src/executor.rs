//! The judge's executor on one slot. A step's root determines the place where the step runs: this file has the only
//! decision.

use std::sync::Arc;

use cupel_judge::{
    ExecuteError, Executor, Interaction, InteractionResult, StepInput, StepObserver, StepResult, WarmInput,
};
use cupel_sandbox::Command;
use cupel_types::{ImageRoot, Root, chain};

use crate::cell::{CellError, CellFactory};
use crate::docker::{ContainerCell, Containers};
use crate::interaction::{self, Participant};
use crate::native::NativeSlot;
use crate::running::RunningSteps;

/// One slot, with the places where its steps run.
pub(crate) struct SlotExecutor {
    pub(crate) number: usize,
    pub(crate) steps: Arc<RunningSteps>,
    /// Runs the programs of the machine's toolchains and of images in the sandbox.
    pub(crate) native: NativeSlot,
    /// Runs the programs of images of Docker Engine.
    pub(crate) containers: Option<Arc<Containers>>,
}

/// The place where a step runs.
enum Place<'r> {
    Native,
    Other(ContainerCell<'r>),
}

impl SlotExecutor {
    fn place<'r>(&self, root: &'r Root) -> Result<Place<'r>, ExecuteError> {
        Ok(match root {
            Root::System | Root::Image(_) => Place::Native,
            Root::Docker(image) => Place::Other(self.container_cell(image)?),
        })
    }

    fn container_cell<'r>(&self, image: &'r Arc<ImageRoot>) -> Result<ContainerCell<'r>, ExecuteError> {
        let containers = self.containers.as_ref().ok_or_else(|| ExecuteError {
            transient: false,
            source: "this process is not connected to Docker Engine".into(),
        })?;
        Ok(ContainerCell { containers: Arc::clone(containers), image, live: None })
    }

    /// The command of a program in a conversation.
    fn command(&self, place: &Place<'_>, step: StepInput<'_>) -> Command {
        match place {
            Place::Native => self.native.command(step, None),
            Place::Other(_) => ContainerCell::command(step),
        }
    }
}

impl Place<'_> {
    /// The cell of this place; `native` is the cell in the sandbox.
    fn cell<'c>(&'c mut self, native: &'c mut dyn CellFactory) -> &'c mut dyn CellFactory {
        match self {
            Place::Native => native,
            Place::Other(cell) => cell,
        }
    }
}

impl Executor for SlotExecutor {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let steps = Arc::clone(&self.steps);
        let _running = steps.count(self.number);
        match self.place(step.root)? {
            Place::Native => self.native.execute(step, observer),
            Place::Other(cell) => cell.execute(step, observer),
        }
    }

    fn interact(
        &mut self,
        interaction: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        let Interaction { program, interactor, transcript, settles } = interaction;
        let steps = Arc::clone(&self.steps);
        let _running = steps.count(self.number);
        let (mut of_program, mut of_interactor) = (self.place(program.root)?, self.place(interactor.root)?);
        let (program_keep, interactor_keep) = (program.keep, interactor.keep);
        let program = self.command(&of_program, program);
        let interactor = self.command(&of_interactor, interactor);
        let (slot, partner) = self.native.cells();
        let result = interaction::run(
            Participant { cell: of_program.cell(slot), command: program, keep: program_keep },
            Participant { cell: of_interactor.cell(partner), command: interactor, keep: interactor_keep },
            transcript,
            settles,
            observer,
        );
        result.map_err(|error| {
            tracing::warn!(slot = self.number, error = %chain(&error), "a cell failed");
            if let CellError::Native(error) = &error {
                self.native.note(error);
            }
            error.into()
        })
    }

    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        // The slot waits for the compile service and counts as busy, as with a program.
        let steps = Arc::clone(&self.steps);
        let _running = steps.count(self.number);
        self.native.compile_warm(step, observer)
    }
}
