//! Commands for cells: of a step of the judge, and of an operator. Every place where programs run uses them.

use std::sync::Arc;

use cupel_judge::{Collect, LiveStdin, StdinSource, StepInput, StepKind};
use cupel_sandbox::{CellKind, CellRoot, CollectLimits, Command, Stdin, Warm};
use cupel_types::{Bytes, Limits, TerminalSize};

/// Maximum number of files that a compile step may return. Their total size is bounded by the step's disk limit.
pub(crate) const ARTIFACTS_MAX: u32 = 1000;

/// Type of every terminal, by its name in terminfo(5).
const TERMINAL_TYPE: &str = "xterm-256color";

/// The command of a step in a cell with this root, whose program may be forked from the interpreter `warm`. `live`
/// returns the input of a step with live input and this terminal.
pub(crate) fn command_of(
    step: StepInput<'_>,
    root: CellRoot,
    warm: Option<Warm>,
    live: impl FnOnce(Option<TerminalSize>) -> Stdin,
) -> Command {
    let env = environment(&step);
    let bounds = match &step.collect {
        Collect::Nothing => None,
        Collect::All | Collect::Outbox(_) => Some((ARTIFACTS_MAX, step.limits.disk)),
        Collect::Named { paths, keep, find: _ } => Some((u32::try_from(paths.len()).unwrap_or(u32::MAX), *keep)),
    };
    let (outbox, fetch, find) = match step.collect {
        Collect::Nothing | Collect::All => (None, Vec::new(), None),
        Collect::Outbox(path) => (Some(path), Vec::new(), None),
        Collect::Named { paths, find, .. } => (None, paths, find),
    };
    Command {
        root,
        argv: step.argv.to_vec(),
        env,
        files: step.files.to_vec(),
        counted_files: step.counted_files,
        stdin: match step.stdin {
            StdinSource::Bytes(bytes) => Stdin::Bytes(bytes),
            StdinSource::Descriptor(descriptor) => Stdin::Descriptor(descriptor),
            StdinSource::Live(LiveStdin { terminal, .. }) => live(terminal),
        },
        limits: step.limits,
        kind: match step.kind {
            StepKind::Compile => CellKind::Compile,
            StepKind::Execute => CellKind::Run,
        },
        warm,
        stderr_to_stdout: step.stderr_to_stdout,
        result: step.result,
        collect: bounds.map(|(files, bytes)| CollectLimits {
            files,
            bytes,
            // The files of a failed compilation are not needed.
            after_failure: step.kind == StepKind::Execute,
        }),
        outbox,
        fetch,
        find,
        watch: false,
    }
}

/// The output of an operator's command as text. Control characters become spaces, because a terminal would interpret
/// those of an image.
pub(crate) fn printable(output: &[u8]) -> String {
    String::from_utf8_lossy(output).replace(|c: char| c.is_control() && c != '\n', " ")
}

/// A command of an operator. Its output is one stream.
pub(crate) fn operators_command(root: CellRoot, argv: &[String], env: &[(String, String)]) -> Command {
    Command {
        root,
        argv: argv.to_vec(),
        env: env.to_vec(),
        files: Vec::new(),
        counted_files: Bytes::ZERO,
        stdin: Stdin::Bytes(Arc::from([])),
        limits: Limits { memory: Bytes::mib(1024), processes: 128, ..Limits::default() },
        kind: CellKind::Run,
        warm: None,
        stderr_to_stdout: true,
        result: false,
        collect: None,
        outbox: None,
        fetch: Vec::new(),
        find: None,
        watch: false,
    }
}

/// The environment of a step. If the step has a terminal and does not set `TERM`, the terminal's type is added.
fn environment(step: &StepInput<'_>) -> Vec<(String, String)> {
    let mut env = step.env.to_vec();
    let has_terminal = matches!(&step.stdin, StdinSource::Live(LiveStdin { terminal: Some(_), .. }));
    if has_terminal && !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), TERMINAL_TYPE.to_owned()));
    }
    env
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cupel_judge::{LiveInput, LiveSource};
    use cupel_types::Root;

    use super::*;

    struct Silent;

    impl LiveSource for Silent {
        fn next(&self, _: Duration) -> Option<LiveInput> {
            None
        }

        fn consumed(&self, _: u64) {}
    }

    #[test]
    fn a_step_with_a_terminal_knows_its_type() {
        let check = |own: &[(&str, &str)], terminal, expected: Option<&str>| {
            let env: Vec<_> = own.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let step = StepInput {
                kind: StepKind::Execute,
                root: &Root::System,
                argv: &[],
                env: &env,
                files: &[],
                counted_files: Bytes::ZERO,
                stdin: StdinSource::Live(LiveStdin { source: Arc::new(Silent), terminal }),
                limits: Limits::default(),
                keep: Bytes::ZERO,
                stderr_to_stdout: false,
                result: false,
                collect: Collect::Nothing,
            };
            let found = environment(&step).into_iter().find(|(name, _)| name == "TERM");
            assert_eq!(found.map(|(_, value)| value).as_deref(), expected);
        };
        check(&[], TerminalSize::new(80, 24), Some("xterm-256color"));
        check(&[("TERM", "dumb")], TerminalSize::new(80, 24), Some("dumb"));
        check(&[], None, None);
    }
}
