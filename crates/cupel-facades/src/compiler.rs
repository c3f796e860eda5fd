//! Why a program was not compiled. The originals distinguish a compiler that ran out of time from one that refused the
//! source; Cupel's verdict is a compile error in both cases.

use std::sync::Arc;

use cupel_types::{Outcome, RunReport};

/// The limit that ended the compiler, if one did.
pub(crate) fn exceeded_limit(report: &RunReport) -> Option<Outcome> {
    report.compile.as_ref().and_then(|compile| compile.limit)
}

/// Whether this limit is a limit of time.
pub(crate) const fn is_of_time(limit: Outcome) -> bool {
    matches!(limit, Outcome::TimeLimit | Outcome::WallLimit | Outcome::IdleLimit | Outcome::InstructionLimit)
}

/// The compiler's output. If there is no program, the reason follows in its own line, unless it is a limit of time,
/// which most originals report in another way.
pub(crate) fn messages(report: &RunReport) -> Arc<[u8]> {
    with_reason(report, !exceeded_limit(report).is_some_and(is_of_time))
}

/// As [`messages`], with the reason also if it is a limit of time.
pub(crate) fn messages_with_reason(report: &RunReport) -> Arc<[u8]> {
    with_reason(report, true)
}

fn with_reason(report: &RunReport, is_shown: bool) -> Arc<[u8]> {
    let output = report.compile.as_ref().map(|compile| &compile.output.data);
    let is_shown = is_shown && report.is_not_built();
    let Some(reason) = report.message.as_ref().filter(|_| is_shown) else {
        return output.cloned().unwrap_or_default();
    };
    let output = output.map_or(&[][..], |output| output);
    let newline: &[u8] = if output.is_empty() || output.ends_with(b"\n") { b"" } else { b"\n" };
    [output, newline, reason.as_bytes()].concat().into()
}

/// The exit code of the compiler, if there is no program because the compiler failed by itself.
pub(crate) fn failure_code(report: &RunReport) -> Option<i32> {
    // The code is 0 if the compiler left too many files.
    report.exit_code_of_compiler().filter(|code| *code != 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cupel_types::{CompileReport, Limits, Output, Verdict};

    use super::*;

    #[test]
    fn the_reason_follows_the_output_of_a_compiler_that_failed() {
        let report = |verdict, limit, output: &str, reason: Option<&str>| {
            let output = Output { data: output.as_bytes().into(), truncated: false };
            let (ok, exit_code, wall_time) = (false, None, Duration::ZERO);
            let compile = CompileReport { ok, output, exit_code, limit, wall_time, cached: false };
            let bare = RunReport::bare(verdict, Limits::default(), "12");
            RunReport { compile: Some(compile), message: reason.map(str::to_owned), ..bare }
        };
        let (refused, memory) = (Verdict::CompileError, Some(Outcome::MemoryLimit));
        for (verdict, limit, output, reason, expected) in [
            (refused, None, "error", None, "error"),
            (refused, memory, "a note", Some("why"), "a note\nwhy"),
            (refused, memory, "a note\n", Some("why"), "a note\nwhy"),
            (refused, None, "", Some("why"), "why"),
            (refused, Some(Outcome::WallLimit), "a note", Some("why"), "a note"),
            (Verdict::MemoryLimit, None, "a warning", Some("why"), "a warning"),
        ] {
            let shown = messages(&report(verdict, limit, output, reason));
            assert_eq!(&*shown, expected.as_bytes(), "{verdict:?} {limit:?} {output:?}");
        }
        assert!(messages(&RunReport::bare(Verdict::Accepted, Limits::default(), "3")).is_empty());
    }
}
