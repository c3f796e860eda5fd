//! Creates prepared artefacts of a toolchain: runs the commands in `[[prepare]]` of a language file in compile cells.
//!
//! Prepared artefacts contain no data of tenants: commands and files come only from the language file.

use std::sync::Arc;

use cupel_languages::{Language, Placeholders, Prepare};
use cupel_types::{BoxFiles, Bytes, Outcome};

use crate::{Collect, ExecuteError, Executor, StdinSource, StepInput, StepKind, StepObserver};

/// Preparation is background work, so its commands run with the lowest priority. Source: nice(1).
const LOWEST_PRIORITY: [&str; 3] = ["nice", "-n", "19"];

/// Maximum number of bytes of a command's output in the error message.
const OUTPUT_BYTES_MAX: usize = 1000;

/// The reason why no prepared artefact was created. This error never fails a run, because languages work without the
/// artefact.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The sandbox failed.
    #[error("cannot run a preparation step")]
    Execute(#[from] ExecuteError),
    /// A command failed.
    #[error("`{command}` failed ({outcome:?}): {output}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// The command's outcome.
        outcome: Outcome,
        /// The beginning of the command's output.
        output: String,
    },
    /// The commands left more data than can be stored.
    #[error("the commands left more or larger files than their limits allow")]
    TooMuch,
    /// The commands left none of the files that the artefact needs.
    #[error("the commands left none of the files to keep")]
    Nothing,
}

/// Runs the commands of a step and returns the files to keep. `cancelled` is called a few times per second.
///
/// # Errors
/// If no artefact could be created.
pub fn prepare(
    language: &Language,
    step: &Prepare,
    executor: &mut dyn Executor,
    cancelled: &dyn Fn() -> bool,
) -> Result<BoxFiles, PrepareError> {
    let env = language.environment(&[]);
    let values = Placeholders::new(&language.source, step.limits.memory);
    let mut left = step.files.clone();
    for template in &step.commands {
        let command = template.fill(&values);
        let argv: Vec<String> =
            LOWEST_PRIORITY.iter().map(|word| (*word).to_owned()).chain(command.iter().cloned()).collect();
        let input = StepInput {
            kind: StepKind::Compile,
            root: &language.root,
            argv: &argv,
            env: &env,
            files: std::slice::from_ref(&left),
            counted_files: Bytes::ZERO,
            stdin: StdinSource::Bytes(Arc::from([])),
            limits: step.limits,
            keep: Bytes::ZERO,
            stderr_to_stdout: false,
            result: false,
            collect: Collect::All,
        };
        let mut captured = Captured { data: Vec::new(), cancelled };
        let result = executor.execute(input, &mut captured)?;
        if !result.report.outcome.is_success() {
            let output = String::from_utf8_lossy(&captured.data).into_owned();
            return Err(PrepareError::Command { command: command.join(" "), outcome: result.report.outcome, output });
        }
        if result.files_truncated {
            return Err(PrepareError::TooMuch);
        }
        left = result.files;
    }
    let outputs = BoxFiles::new(left.iter().filter(|file| step.is_output(&file.path)).cloned().collect());
    if outputs.is_empty() { Err(PrepareError::Nothing) } else { Ok(outputs) }
}

struct Captured<'a> {
    data: Vec<u8>,
    cancelled: &'a dyn Fn() -> bool,
}

impl StepObserver for Captured<'_> {
    fn stdout(&mut self, data: &[u8]) {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.data.len());
        self.data.extend_from_slice(&data[..data.len().min(room)]);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.stdout(data);
    }

    fn cancelled(&mut self) -> bool {
        (self.cancelled)()
    }
}
