//! The output of one step: stored up to a bound, forwarded to the judge's observer, and converted to the result.

use cupel_judge::{LiveSource, StepObserver, StepResult};
use cupel_sandbox::{CellKind, CellReport, Command, Observer};
use cupel_types::{Bytes, ExitStatus, Output, Start, StepReport, Usage};

/// Stores output up to `keep` bytes per stream, and forwards all output. The sandbox enforces the output limit.
pub(crate) struct OutputCapture<'a> {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    keep: usize,
    truncated: [bool; 2],
    /// Whether anything has been received.
    pub(crate) heard: bool,
    /// Whether a warm start is possible for the program. Only then does the report state how it was started.
    has_warm_start: bool,
    observer: &'a mut dyn StepObserver,
    /// The source of live input, which is notified of the number of bytes that the program has read.
    pub(crate) live: Option<&'a dyn LiveSource>,
}

/// Whether a warm start is possible for the program, regardless of the machine and the configuration.
pub(crate) fn has_warm_start(command: &Command) -> bool {
    command.warm.is_some() && command.kind == CellKind::Run
}

impl OutputCapture<'_> {
    pub(crate) fn new(keep: Bytes, has_warm_start: bool, observer: &mut dyn StepObserver) -> OutputCapture<'_> {
        let keep = usize::try_from(keep.get()).unwrap_or(usize::MAX);
        let (stdout, stderr) = (Vec::new(), Vec::new());
        OutputCapture {
            stdout,
            stderr,
            keep,
            truncated: [false; 2],
            heard: false,
            has_warm_start,
            observer,
            live: None,
        }
    }

    pub(crate) fn result(self, report: CellReport) -> StepResult {
        let (exit_code, signal) = match report.exit {
            Some(ExitStatus::Exited(code)) => (Some(code), None),
            Some(ExitStatus::Signalled(signal)) => (None, Some(signal.0)),
            None => (None, None),
        };
        if let Some(reason) = &report.cold {
            tracing::warn!(reason, "warm start failed; programs are started cold");
        }
        let [stdout_cut, stderr_cut] = self.truncated;
        let start = if report.warm { Start::Warm } else { Start::Cold };
        let report_of_step = StepReport {
            outcome: report.outcome,
            exit_code,
            signal,
            stdout: Output { data: self.stdout.into(), truncated: report.stdout_truncated || stdout_cut },
            stderr: Output { data: self.stderr.into(), truncated: report.stderr_truncated || stderr_cut },
            usage: Usage { start: self.has_warm_start.then_some(start), ..report.usage },
        };
        StepResult {
            report: report_of_step,
            files: report.files,
            files_truncated: report.files_truncated,
            fetched: report.fetched,
            found: report.found,
        }
    }
}

/// Appends as much as fits into `keep` bytes. Returns whether all data fitted.
fn keep_of(kept: &mut Vec<u8>, data: &[u8], keep: usize) -> bool {
    let room = keep.saturating_sub(kept.len()).min(data.len());
    kept.extend_from_slice(&data[..room]);
    room == data.len()
}

impl Observer for OutputCapture<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.heard = true;
        self.truncated[0] |= !keep_of(&mut self.stdout, data, self.keep);
        self.observer.stdout(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.heard = true;
        self.truncated[1] |= !keep_of(&mut self.stderr, data, self.keep);
        self.observer.stderr(data);
    }

    fn result(&mut self, data: &[u8]) {
        self.heard = true;
        self.observer.result(data);
    }

    fn input_consumed(&mut self, total_bytes: u64) {
        if let Some(live) = self.live {
            live.consumed(total_bytes);
        }
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}
