//! Output is streamed completely and in order, and no byte beyond the limit is kept.

use cupel_sandbox::Observer;
use cupel_types::{Bytes, ExitStatus, Outcome};
use libtest_mimic::Trial;

use crate::kit::{Program, World};
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "output",
        &[
            ("a_hundred_mebibytes_stream_through", a_hundred_mebibytes_stream_through),
            ("every_byte_value_passes", every_byte_value_passes),
            ("a_silent_program_has_no_output", a_silent_program_has_no_output),
            ("output_of_exactly_the_limit_is_allowed", output_of_exactly_the_limit_is_allowed),
            ("each_stream_has_its_own_limit", each_stream_has_its_own_limit),
            ("a_line_arrives_while_the_program_runs", a_line_arrives_while_the_program_runs),
            ("a_closed_stream_does_not_end_the_program", a_closed_stream_does_not_end_the_program),
            ("a_watched_program_reports_its_end_and_its_closed_output", a_watched_program_reports_its_end_and_closing),
            ("a_result_has_its_own_pipe_if_requested", a_result_has_its_own_pipe_if_requested),
            ("a_result_has_the_output_limit", a_result_has_the_output_limit),
            ("both_streams_in_one_pipe_keep_their_order", both_streams_in_one_pipe_keep_their_order),
            ("a_slow_reader_blocks_the_program", a_slow_reader_blocks_the_program),
        ],
    )
}

/// Compares the output with the pattern of `pour` while it arrives, without keeping it.
#[derive(Default)]
struct Pattern {
    seen: [u64; 2],
    wrong: Option<(usize, u64)>,
}

impl Pattern {
    fn compare(&mut self, index: usize, data: &[u8]) {
        for byte in data {
            let at = self.seen[index];
            let expected = ((at % (1 << 20)) * 7 + (at >> 20) + index as u64 + 1) as u8;
            if *byte != expected && self.wrong.is_none() {
                self.wrong = Some((index, at));
            }
            self.seen[index] += 1;
        }
    }
}

impl Observer for Pattern {
    fn stdout(&mut self, data: &[u8]) {
        self.compare(0, data);
    }
    fn stderr(&mut self, data: &[u8]) {
        self.compare(1, data);
    }
}

fn both_streams_in_one_pipe_keep_their_order(world: &World) {
    let script = "for n in 1 2 3 4 5 6 7 8 9; do printf $n; printf - >&2; done; exec >&-; printf . >&2";
    let mut program = Program::shell(script);
    program.command.stderr_to_stdout = true;
    let ended = world.run(&program);
    assert_eq!((ended.text().as_str(), &ended.stderr[..]), ("1-2-3-4-5-6-7-8-9-.", &b""[..]));
    assert_eq!(ended.report.outcome, Outcome::Exited(0));
    let mut program =
        Program::shell("head -c 40000 /dev/zero; head -c 40000 /dev/zero >&2").limits(|l| l.output = Bytes::kib(64));
    program.command.stderr_to_stdout = true;
    let ended = world.run(&program);
    assert_eq!((ended.stdout.len(), ended.report.outcome), (64 << 10, Outcome::OutputLimit), "one limit for both");
}

fn a_hundred_mebibytes_stream_through(world: &World) {
    let program = world.attack("pour", &["60", "40"]).limits(|l| l.output = Bytes::mib(64));
    let mut pattern = Pattern::default();
    let report = world.slot().run(&program.command, &mut pattern).unwrap();
    assert_eq!(report.outcome, Outcome::Exited(0), "{report:?}");
    assert_eq!((pattern.seen, pattern.wrong), ([60 << 20, 40 << 20], None));
    assert!(report.usage.memory < Bytes::mib(8), "{report:?}");
}

fn every_byte_value_passes(world: &World) {
    let ended = world.run(&world.attack("all_bytes", &[]));
    assert_eq!(ended.stdout, (0..=255).collect::<Vec<u8>>());
    assert_eq!(ended.stderr, (0..=255).rev().collect::<Vec<u8>>());
}

fn a_silent_program_has_no_output(world: &World) {
    let ended = world.check(&world.attack("exit", &["0"]), Outcome::Exited(0), "");
    assert!(ended.stderr.is_empty() && ended.report.usage.output == Bytes::ZERO, "{ended}");
}

fn output_of_exactly_the_limit_is_allowed(world: &World) {
    let program =
        |limit: u64| Program::shell("printf 0123456789; printf abcde >&2").limits(|l| l.output = Bytes::new(limit));
    let ended = world.check(&program(10), Outcome::Exited(0), "0123456789");
    assert!(!ended.report.stdout_truncated, "{ended}");
    let ended = world.check(&program(9), Outcome::OutputLimit, "012345678");
    assert!(ended.report.stdout_truncated && !ended.report.stderr_truncated, "{ended}");
}

fn each_stream_has_its_own_limit(world: &World) {
    let ended = world.run(&world.attack("pour", &["1", "1"]).limits(|l| l.output = Bytes::mib(1)));
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    assert_eq!((ended.stdout.len(), ended.stderr.len()), (1 << 20, 1 << 20));
}

/// Answers the program's first line with the line that it waits for.
struct Heard<'a>(&'a std::fs::File, bool);

impl Observer for Heard<'_> {
    fn stdout(&mut self, data: &[u8]) {
        use std::io::Write;
        if data.starts_with(b"ready") {
            self.0.write_all(b"go\n").unwrap();
        }
        self.1 |= data.ends_with(b"got go\n");
    }
    fn stderr(&mut self, _: &[u8]) {}
}

/// Each side waits for the other, so the sandbox must not buffer output.
fn a_line_arrives_while_the_program_runs(world: &World) {
    let (theirs, ours) = rustix::pipe::pipe().unwrap();
    let ours = std::fs::File::from(ours);
    let mut program = Program::shell("echo ready; read word; echo got $word");
    program.command.stdin = cupel_sandbox::Stdin::Descriptor(std::sync::Arc::new(theirs));
    let mut heard = Heard(&ours, false);
    let report = world.slot().run(&program.command, &mut heard).unwrap();
    assert!(report.outcome == Outcome::Exited(0) && heard.1, "{report:?}");
}

fn a_closed_stream_does_not_end_the_program(world: &World) {
    let ended = world.run(&Program::shell("exec >&- ; echo still here >&2; exit 4"));
    assert_eq!((ended.report.outcome, ended.stderr.as_slice()), (Outcome::Exited(4), &b"still here\n"[..]));
}

/// The observer's calls for a watched program, in order. When standard output has closed, this observer writes the line
/// for which a program may wait.
struct Watched(String, std::fs::File);

impl Observer for Watched {
    fn stdout(&mut self, data: &[u8]) {
        self.0.push_str(&String::from_utf8_lossy(data));
    }
    fn stderr(&mut self, _: &[u8]) {}
    fn ended(&mut self, exit: ExitStatus) {
        self.0.push_str(&format!("[{exit:?}]"));
    }
    fn stdout_closed(&mut self) {
        use std::io::Write;
        self.0.push_str("[closed]");
        let _ = self.1.write_all(b"go\n");
    }
}

/// If a program closes its standard output before it ends, the observer is first notified of the closing. Here, the
/// program waits for that notification. If a program ends with standard output open, the observer is notified of the
/// end first.
fn a_watched_program_reports_its_end_and_closing(world: &World) {
    let mut slot = world.slot();
    for (script, told) in [
        ("echo a; exec >&-; read word; exit 4", "a\n[closed][Exited(4)]"),
        ("echo a; exit 4", "a\n[Exited(4)][closed]"),
        ("echo a; kill -9 $$", "a\n[Signalled(Signal(9))][closed]"),
        // Processes that outlive the main process are killed.
        ("sleep 100 & echo a", "a\n[Exited(0)][closed]"),
        ("sleep 100 >&- & exec >&-; read word", "[closed][Exited(0)]"),
    ] {
        for _ in 0..20 {
            let (theirs, ours) = rustix::pipe::pipe().unwrap();
            rustix::fs::fchmod(&theirs, rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
            let mut program = Program::shell(script);
            program.command.stdin = cupel_sandbox::Stdin::Descriptor(std::sync::Arc::new(theirs));
            program.command.watch = true;
            let mut watched = Watched(String::new(), ours.into());
            slot.run(&program.command, &mut watched).unwrap();
            assert_eq!(watched.0, told, "{script}");
        }
    }
}

fn a_result_has_its_own_pipe_if_requested(world: &World) {
    let mut program = Program::shell("echo out; echo err >&2; echo result >&3; ls /proc/self/fd | tr '\\n' ' ' >&3");
    program.command.result = true;
    let ended = world.check(&program, Outcome::Exited(0), "out\n");
    // Descriptor 4 is the directory that `ls` has open.
    assert_eq!(String::from_utf8_lossy(&ended.result), "result\n0 1 2 3 4 ", "{ended}");
    let ended = world.run(&Program::shell("echo result >&3"));
    assert_eq!((ended.report.outcome, ended.result.len()), (Outcome::Exited(2), 0), "{ended}");
}

fn a_result_has_the_output_limit(world: &World) {
    let mut program = Program::shell("printf 0123456789 >&3").limits(|l| l.output = Bytes::new(9));
    program.command.result = true;
    let ended = world.check(&program, Outcome::OutputLimit, "");
    assert_eq!(ended.result, b"012345678", "{ended}");
}

/// A slow reader: before each read, it waits until the program can make no progress.
struct Slow {
    progress: std::fs::File,
    /// Pieces that the program has written.
    pieces: u64,
    seen: u64,
    ahead_max: u64,
}

const PIECE: u64 = 64 * 1024;

impl Observer for Slow {
    fn stdout(&mut self, data: &[u8]) {
        use std::io::Read;
        self.seen += data.len() as u64;
        let quiet = rustix::event::Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        loop {
            let mut polled = [rustix::event::PollFd::new(&self.progress, rustix::event::PollFlags::IN)];
            if rustix::event::poll(&mut polled, Some(&quiet)).unwrap() == 0 {
                break;
            }
            let mut told = [0; 512];
            let n = self.progress.read(&mut told).unwrap();
            self.pieces += told[..n].iter().filter(|byte| **byte == b'\n').count() as u64;
            if n == 0 {
                break;
            }
        }
        self.ahead_max = self.ahead_max.max((self.pieces * PIECE).saturating_sub(self.seen));
    }
    fn stderr(&mut self, _: &[u8]) {}
}

/// The program is never further ahead of the reader than the capacity of a pipe plus one read.
fn a_slow_reader_blocks_the_program(world: &World) {
    let (progress, theirs) = rustix::pipe::pipe().unwrap();
    let script = "n=0; while [ $n -lt 100 ]; do head -c 65536 /dev/zero; n=$((n+1)); echo >&0; done";
    let mut program = Program::shell(script).limits(|l| l.output = Bytes::mib(16));
    program.command.stdin = cupel_sandbox::Stdin::Descriptor(std::sync::Arc::new(theirs));
    let mut slow = Slow { progress: progress.into(), pieces: 0, seen: 0, ahead_max: 0 };
    let report = world.slot().run(&program.command, &mut slow).unwrap();
    assert_eq!((report.outcome, slow.seen), (Outcome::Exited(0), 100 * PIECE), "{report:?}");
    assert!(slow.ahead_max <= 512 * 1024, "the program was {} bytes ahead of its reader", slow.ahead_max);
}
