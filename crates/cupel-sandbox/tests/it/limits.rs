//! Every limit has its own outcome, every way to end is told exactly, and what was printed before is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_sandbox::{Observer, RunError, SetupStep, Stdin};
use cupel_types::{Bytes, ExitStatus, Limits, Outcome, Signal};
use libtest_mimic::Trial;

use crate::kit::{Program, World, file};
use crate::machine::patient;
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "limits",
        &[
            ("exit_codes_are_exact", exit_codes_are_exact),
            ("deadly_signals_are_told_by_number", deadly_signals_are_told_by_number),
            ("real_faults_are_told_as_their_signals", real_faults_are_told_as_their_signals),
            ("main_exits_while_children_run", main_exits_while_children_run),
            ("each_limit_has_its_own_outcome", each_limit_has_its_own_outcome),
            ("staying_below_every_limit_is_no_outcome_of_a_limit", staying_below_every_limit_is_no_outcome_of_a_limit),
            ("a_limit_beats_the_way_the_program_then_died", a_limit_beats_the_way_the_program_then_died),
            ("output_before_a_limit_is_kept", output_before_a_limit_is_kept),
            ("cancelling_ends_sleepers_and_spinners", cancelling_ends_sleepers_and_spinners),
            (
                "a_program_of_the_box_that_cannot_run_is_told_as_a_shell_would",
                a_program_of_the_box_that_cannot_run_is_told_as_a_shell_would,
            ),
            ("a_toolchain_that_is_missing_is_our_failure", a_toolchain_that_is_missing_is_our_failure),
            ("a_command_that_cannot_be_sent_is_refused", a_command_that_cannot_be_sent_is_refused),
            ("programs_are_found_whatever_the_environment_says", programs_are_found_whatever_the_environment_says),
            (
                "limits_too_small_to_begin_with_are_the_programs_end_and_not_ours",
                limits_too_small_to_begin_with_are_the_programs_end_and_not_ours,
            ),
            ("limits_change_from_run_to_run", limits_change_from_run_to_run),
        ],
    )
}

fn exit_codes_are_exact(world: &World) {
    for code in [0, 1, 2, 42, 77, 125, 126, 127, 128, 129, 137, 139, 200, 254, 255] {
        let ended = world.check(&world.attack("exit", &[&code.to_string()]), Outcome::Exited(code), "");
        assert_eq!(ended.report.exit, Some(ExitStatus::Exited(code)));
    }
    world.check(&world.attack("exit", &["256"]), Outcome::Exited(0), "");
    world.check(&world.attack("exit", &["-1"]), Outcome::Exited(255), "");
}

fn deadly_signals_are_told_by_number(world: &World) {
    for signal in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 64] {
        let program = world.attack("kill_self", &[&signal.to_string()]);
        let ended = world.check(&program, Outcome::Signalled(Signal(signal)), "now\n");
        assert_eq!(ended.report.exit, Some(ExitStatus::Signalled(Signal(signal))));
    }
}

fn real_faults_are_told_as_their_signals(world: &World) {
    for signal in [libc::SIGSEGV, libc::SIGFPE, libc::SIGILL, libc::SIGABRT, libc::SIGBUS, libc::SIGTRAP] {
        world.check(&world.attack("fault", &[&signal.to_string()]), Outcome::Signalled(Signal(signal)), "");
    }
}

fn main_exits_while_children_run(world: &World) {
    let ended = world.check(&world.attack("leave_children", &[]), Outcome::Exited(6), "going\n");
    assert!(ended.report.usage.wall_time < Duration::from_secs(10), "the end of main is the end: {ended}");
}

fn each_limit_has_its_own_outcome(world: &World) {
    let tenth = Duration::from_millis(100);
    let outcome = |program: Program| world.run(&program).report.outcome;
    assert_eq!(outcome(world.attack("busy", &[]).limits(|l| l.cpu_time = tenth)), Outcome::TimeLimit);
    assert_eq!(outcome(world.attack("busy", &[]).limits(|l| l.wall_time = tenth)), Outcome::WallLimit);
    assert_eq!(outcome(world.attack("sleeper", &[]).limits(|l| l.wall_time = tenth)), Outcome::WallLimit);
    assert_eq!(outcome(world.attack("sleeper", &[]).limits(|l| l.idle_time = tenth)), Outcome::IdleLimit);
    assert_eq!(
        outcome(world.attack("touch", &["private", "32"]).limits(|l| l.memory = Bytes::mib(16))),
        Outcome::MemoryLimit
    );
    assert_eq!(outcome(world.attack("pour", &["1", "0"])), Outcome::OutputLimit);
    assert_eq!(outcome(world.attack("file_too_large", &[])), Outcome::Signalled(Signal(libc::SIGXFSZ)));
}

fn staying_below_every_limit_is_no_outcome_of_a_limit(world: &World) {
    world.check(&world.attack("touch", &["private", "62"]), Outcome::Exited(0), "");
    let program = world.attack("spin_for", &["80"]).limits(|l| l.cpu_time = patient(Duration::from_millis(130)));
    assert_eq!(world.run(&program).report.outcome, Outcome::Exited(0));
    // One process and no other, no file but those that are open, none to be made.
    let alone = world.attack("exit", &["4"]).limits(|l| {
        l.processes = 1;
        l.inodes = 0;
        l.disk = Bytes::ZERO;
        l.file_size = Bytes::ZERO;
        l.output = Bytes::ZERO;
        l.open_files = 3;
    });
    world.check(&alone, Outcome::Exited(4), "");
}

fn a_limit_beats_the_way_the_program_then_died(world: &World) {
    // The child is killed for want of memory; its parent exits with 0.
    world.check(&world.attack("child_bursts", &[]), Outcome::MemoryLimit, "");
    // It ignores nothing and is killed while it floods: not SIGPIPE, not SIGKILL.
    let ended = world.run(&world.attack("flood", &["1"]));
    assert_eq!(ended.report.outcome, Outcome::OutputLimit, "{ended}");
}

fn output_before_a_limit_is_kept(world: &World) {
    let tenth = Duration::from_millis(100);
    let ended = world.check(&world.attack("busy", &[]).limits(|l| l.cpu_time = tenth), Outcome::TimeLimit, "begun\n");
    assert!(!ended.report.stdout_truncated && !ended.report.stderr_truncated);
    let ended =
        world.check(&world.attack("sleeper", &[]).limits(|l| l.wall_time = tenth), Outcome::WallLimit, "good night\n");
    assert!(!ended.report.stdout_truncated && !ended.report.stderr_truncated);
    let ended = world.run(&world.attack("pour", &["1", "0"]).limits(|l| l.output = Bytes::new(1000)));
    assert_eq!(ended.stdout, (0..1000u32).map(|i| (i * 7 + 1) as u8).collect::<Vec<_>>());
    assert!(ended.report.stdout_truncated && !ended.report.stderr_truncated);
}

/// Cancels as soon as the program has said something.
struct CancelAtFirstWord(bool);

impl Observer for CancelAtFirstWord {
    fn stdout(&mut self, _: &[u8]) {
        self.0 = true;
    }
    fn stderr(&mut self, _: &[u8]) {}
    fn cancelled(&mut self) -> bool {
        self.0
    }
}

fn cancelling_ends_sleepers_and_spinners(world: &World) {
    let mut slot = world.slot();
    for attack in ["sleeper", "busy"] {
        let program = world.attack(attack, &[]);
        let begun = Instant::now();
        let report = slot.run(&program.command, &mut CancelAtFirstWord(false)).unwrap();
        assert_eq!(report.outcome, Outcome::Cancelled, "{attack}");
        assert!(begun.elapsed() < program.command.limits.cpu_time, "{attack} was cancelled, not ended by a limit");
    }
    // Before it has begun.
    let report = slot.run(&world.attack("sleeper", &[]).command, &mut CancelAtFirstWord(true)).unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    // And the slot goes on.
    assert_eq!(world.attack("exit", &["9"]).run(&mut slot).report.outcome, Outcome::Exited(9));
}

fn a_program_of_the_box_that_cannot_run_is_told_as_a_shell_would(world: &World) {
    let program = |path: &str| {
        Program::new(vec![path.into()]).files(vec![
            file("not-executable", b"#!/bin/sh\n", false),
            file("not-a-program", b"\x01\x02\x03\x04", true),
            file("no-interpreter", b"#!/does/not/exist\n", true),
            file("directory/file", b"", false),
            file("loop", b"#!/box/loop\n", true),
            file("script", b"#!/bin/sh\nexit 33\n", true),
        ])
    };
    world.check(&program("./missing"), Outcome::Exited(127), "");
    world.check(&program("./not-executable"), Outcome::Exited(126), "");
    world.check(&program("./not-a-program"), Outcome::Exited(126), "");
    world.check(&program("./no-interpreter"), Outcome::Exited(127), "");
    world.check(&program("./loop"), Outcome::Exited(126), "");
    world.check(&program("./directory"), Outcome::Exited(126), "");
    world.check(&program("./script"), Outcome::Exited(33), "");
    world.check(&program("directory/../script"), Outcome::Exited(33), "");
}

fn a_toolchain_that_is_missing_is_our_failure(world: &World) {
    let mut slot = world.slot();
    for path in ["/usr/bin/no-such-compiler", "no-such-compiler", "/etc/passwd"] {
        match Program::new(vec![path.into()]).try_run(&mut slot) {
            Err(error @ RunError::Setup { step: SetupStep::Exec, .. }) => assert!(!error.is_transient()),
            other => panic!("{path}: {:?}", other.map(|e| e.to_string())),
        }
    }
    assert_eq!(world.attack("exit", &["9"]).run(&mut slot).report.outcome, Outcome::Exited(9));
}

fn a_command_that_cannot_be_sent_is_refused(world: &World) {
    let mut slot = world.slot();
    let many_groups = (0..17).fold(Program::shell("true"), |p, n| p.files(vec![file(&format!("f{n}"), b"", false)]));
    for (why, program) in [
        ("nothing to run", Program::new(Vec::new())),
        ("an empty name", Program::new(vec![String::new()])),
        ("a NUL", Program::shell("a\0b")),
        ("too long", Program::shell(&"x".repeat(200 * 1024))),
        ("too many groups of files", many_groups),
    ] {
        match program.try_run(&mut slot) {
            Err(RunError::BadCommand(_)) => {}
            other => panic!("{why}: {:?}", other.map(|e| e.to_string())),
        }
    }
    let fits = Program::shell(&format!("exit 5 # {}", "x".repeat(80 * 1024)));
    assert_eq!(fits.run(&mut slot).report.outcome, Outcome::Exited(5));
}

fn programs_are_found_whatever_the_environment_says(world: &World) {
    for path in ["/nowhere", "", "/box", "relative"] {
        let mut program = Program::new(vec!["sh".into(), "-c".into(), "printf %s \"$PATH\"".into()]).files(vec![file(
            "sh",
            b"#!/bin/false\n",
            true,
        )]);
        program.command.env = vec![("PATH".into(), path.into())];
        world.check(&program, Outcome::Exited(0), path);
    }
}

fn limits_too_small_to_begin_with_are_the_programs_end_and_not_ours(world: &World) {
    let heavy = || Program::shell("true").files(vec![file("data", &[7; 300 * 1024], false)]);
    let no_disk = heavy().limits(|l| l.disk = Bytes::kib(1));
    assert_eq!(no_disk.run(&mut world.slot()).report.outcome, Outcome::MemoryLimit, "disk");
    let no_inodes = heavy().limits(|l| l.inodes = 0);
    assert_eq!(no_inodes.run(&mut world.slot()).report.outcome, Outcome::MemoryLimit, "inodes");
    for (what, change) in [
        ("memory", (|l| l.memory = Bytes::kib(8)) as fn(&mut Limits)),
        ("stack", |l| l.stack = Bytes::new(1)),
        ("files", |l| l.open_files = 0),
        ("processes", |l| l.processes = 0),
        ("file size", |l| l.file_size = Bytes::ZERO),
        ("CPU time", |l| l.cpu_time = Duration::ZERO),
        ("wall time", |l| l.wall_time = Duration::ZERO),
        ("idle time", |l| l.idle_time = Duration::ZERO),
    ] {
        let ended = Program::shell("exec /bin/true").limits(change).try_run(&mut world.slot());
        assert!(ended.is_ok(), "{what}: {:?}", ended.err());
    }
}

fn limits_change_from_run_to_run(world: &World) {
    let mut slot = world.slot();
    let mut outcome = |mib: u64| {
        world.attack("touch", &["private", "24"]).limits(|l| l.memory = Bytes::mib(mib)).run(&mut slot).report.outcome
    };
    assert_eq!(
        [outcome(64), outcome(16), outcome(64), outcome(32), outcome(20)].map(|o| o == Outcome::MemoryLimit),
        [false, true, false, false, true]
    );
    let mut children =
        |n: u32| world.attack("fork_to_the_limit", &[]).limits(|l| l.processes = n).run(&mut slot).number();
    assert_eq!([children(10), children(3), children(60)], [9, 2, 59]);
    // Input from a descriptor of the caller's is read from where it stands.
    let mut program = Program::shell("cat; exit 8");
    let data = std::fs::File::open(&world.fixtures.secret).unwrap();
    program.command.stdin = Stdin::Descriptor(Arc::new(data.into()));
    let ended = program.run(&mut slot);
    assert_eq!((ended.text().as_str(), ended.report.outcome), ("what the judge knows\n", Outcome::Exited(8)));
}
