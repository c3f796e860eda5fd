//! One slot of the sandbox. It converts steps into commands and reports into results, and repeats a step if the step's
//! lane has died.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_judge::{ExecuteError, StdinSource, StepInput, StepObserver, StepResult, WarmInput};
use cupel_sandbox::{CellReport, CellRoot, Command, Observer, RunError, Slot, Stdin};
use cupel_types::{Root, chain};

use super::compile_services::CompileServices;
use super::live::LiveInputThread;
use super::sandbox::SharedSandbox;
use crate::cell::{CellError, CellFactory};
use crate::command::command_of;
use crate::output::{OutputCapture, has_warm_start};

/// Maximum number of attempts of one step. A step is repeated only if no data of the failed attempt has been observed.
/// Several lanes of a slot may have died, and each attempt detects only one of them.
const TRIES_MAX: u32 = 8;

/// Time after the start of a step within which a failed attempt is repeated. A dead lane is detected sooner than this,
/// so a longer attempt failed for another reason.
const RETRIED_WITHIN: Duration = Duration::from_secs(1);

/// One slot of the sandbox.
pub(crate) struct NativeSlot {
    sandbox: Arc<SharedSandbox>,
    compilers: Arc<CompileServices>,
    number: usize,
    slot: Slot,
    /// Slot for the second program of a conversation. Both slots use the same processor, because one of the two
    /// programs is usually waiting.
    partner: Option<Slot>,
}

impl NativeSlot {
    pub(crate) fn new(
        sandbox: Arc<SharedSandbox>,
        compilers: Arc<CompileServices>,
        number: usize,
        slot: Slot,
    ) -> NativeSlot {
        NativeSlot { sandbox, compilers, number, slot, partner: None }
    }

    /// Runs a step.
    ///
    /// Repeats an attempt that failed soon after the start for a transient reason, if the observer has received no data
    /// from it, and no input can have been consumed: standard input is not a descriptor, and no live input was taken.
    /// Each attempt has a fresh cell, so the repetition cannot be observed, and the run does not lose an attempt.
    pub(crate) fn execute(
        &mut self,
        step: StepInput<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<StepResult, ExecuteError> {
        let live = match &step.stdin {
            StdinSource::Live(stdin) => {
                let started = LiveInputThread::start(Arc::clone(&stdin.source));
                Some(started.map_err(|error| ExecuteError { transient: true, source: error.into() })?)
            }
            StdinSource::Bytes(_) | StdinSource::Descriptor(_) => None,
        };
        let is_descriptor = matches!(step.stdin, StdinSource::Descriptor(_));
        let keep = step.keep;
        let command = self.command(step, live.as_ref());
        let (began, mut tries) = (Instant::now(), 1);
        loop {
            let mut capture = OutputCapture::new(keep, has_warm_start(&command), observer);
            capture.live = live.as_ref().map(LiveInputThread::source);
            let error = match self.slot.run(&command, &mut capture) {
                Ok(report) => return Ok(capture.result(report)),
                Err(error) => error,
            };
            let is_unseen = !capture.heard;
            let is_repeatable = !is_descriptor && live.as_ref().is_none_or(LiveInputThread::is_untouched);
            let again = tries < TRIES_MAX
                && began.elapsed() < RETRIED_WITHIN
                && error.is_transient()
                && is_unseen
                && is_repeatable;
            tracing::warn!(slot = self.number, again, error = %chain(&error), "a cell failed");
            self.sandbox.note(&error);
            if !again {
                return Err(failed(error));
            }
            tries += 1;
        }
    }

    /// The cells of a conversation.
    pub(crate) fn cells(&mut self) -> (&mut dyn CellFactory, &mut dyn CellFactory) {
        let partner = match self.partner.take() {
            Some(partner) => partner,
            None => self.sandbox.sandbox.slot(self.number),
        };
        (&mut self.slot, self.partner.insert(partner))
    }

    /// Records a failure of a cell, which may mean that the launcher has ended.
    pub(crate) fn note(&self, error: &RunError) {
        self.sandbox.note(error);
    }

    /// Compiles with a compile service, if there is one.
    pub(crate) fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        self.compilers.compile(step, observer)
    }

    /// The command of a step; `live` provides its live input. In a conversation, a pipe replaces this input.
    pub(crate) fn command(&self, step: StepInput<'_>, live: Option<&LiveInputThread>) -> Command {
        let root = match step.root {
            Root::Image(image) => CellRoot::Image(image.clone()),
            _ => CellRoot::System,
        };
        // The slot decides whether the program can be forked from the zygote. Here, the interpreter only has to match.
        let warm = self.sandbox.warm(&step);
        command_of(step, root, warm, |terminal| match live {
            Some(live) => Stdin::Live { queue: live.queue(), terminal },
            None => Stdin::Bytes(Arc::from([])),
        })
    }
}

impl CellFactory for Slot {
    fn run(&mut self, command: &Command, observer: &mut dyn Observer) -> Result<CellReport, CellError> {
        Ok(Slot::run(self, command, observer)?)
    }
}

pub(crate) fn failed(error: RunError) -> ExecuteError {
    CellError::from(error).into()
}
