//! Limits on time, memory and output have separate outcomes, exit codes and signals are reported exactly, and output
//! before the end is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_sandbox::{Observer, RunError, SetupStep, Stdin};
use cupel_types::{Bytes, ExitStatus, Limits, Outcome, Signal};
use libtest_mimic::Trial;

use crate::kit::{Program, World, file, repeatedly};
use crate::machine::patient;
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "limits",
        &[
            ("exit_codes_are_exact", exit_codes_are_exact),
            ("fatal_signals_are_reported_by_number", fatal_signals_are_reported_by_number),
            ("faults_are_reported_as_their_signals", faults_are_reported_as_their_signals),
            ("the_exit_of_the_main_process_ends_the_run", the_exit_of_the_main_process_ends_the_run),
            ("limits_on_time_memory_and_output_have_separate_outcomes", each_limit_has_its_own_outcome),
            (
                "a_process_beyond_its_address_space_gets_an_error_and_continues",
                a_process_beyond_its_address_space_gets_an_error_and_continues,
            ),
            ("a_program_within_every_limit_exits_normally", a_program_within_every_limit_exits_normally),
            ("a_limit_takes_precedence_over_the_exit", a_limit_takes_precedence_over_the_exit),
            ("output_before_a_limit_is_kept", output_before_a_limit_is_kept),
            ("cancelling_ends_sleepers_and_spinners", cancelling_ends_sleepers_and_spinners),
            (
                "a_box_file_that_cannot_be_executed_gets_a_shells_exit_code",
                a_box_file_that_cannot_be_executed_gets_a_shells_exit_code,
            ),
            ("a_toolchain_that_is_missing_is_our_failure", a_toolchain_that_is_missing_is_our_failure),
            ("an_invalid_command_is_refused_with_its_field", an_invalid_command_is_refused_with_its_field),
            ("maximal_limits_do_not_limit", maximal_limits_do_not_limit),
            ("the_environments_path_does_not_change_which_program_runs", the_environments_path_does_not_matter),
            (
                "a_program_that_uses_its_counted_input_files_as_memory_reaches_its_memory_limit",
                counted_input_files_are_memory,
            ),
            (
                "limits_too_small_to_start_are_an_outcome_and_not_our_failure",
                limits_too_small_to_start_are_an_outcome_and_not_our_failure,
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

fn fatal_signals_are_reported_by_number(world: &World) {
    for signal in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 64] {
        let program = world.attack("kill_self", &[&signal.to_string()]);
        let ended = world.check(&program, Outcome::Signalled(Signal(signal)), "now\n");
        assert_eq!(ended.report.exit, Some(ExitStatus::Signalled(Signal(signal))));
    }
}

fn faults_are_reported_as_their_signals(world: &World) {
    for signal in [libc::SIGSEGV, libc::SIGFPE, libc::SIGILL, libc::SIGABRT, libc::SIGBUS, libc::SIGTRAP] {
        world.check(&world.attack("fault", &[&signal.to_string()]), Outcome::Signalled(Signal(signal)), "");
    }
}

fn the_exit_of_the_main_process_ends_the_run(world: &World) {
    let program = world.attack("leave_children", &[]).limits(|l| l.cpu_time = patient(Duration::from_secs(60)));
    repeatedly(|| {
        let ended = world.check(&program, Outcome::Exited(6), "exiting\n");
        let wall_time = ended.report.usage.wall_time;
        // The children end long after half a minute.
        assert!(wall_time < patient(Duration::from_secs(30)), "the run continued: {ended}");
        if wall_time < patient(Duration::from_secs(1)) + ended.noise {
            return Ok(());
        }
        Err(format!("the run continued after the main process exited: {ended}"))
    });
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

fn a_process_beyond_its_address_space_gets_an_error_and_continues(world: &World) {
    // Exits with 1 when `malloc` returns NULL.
    let limited = world.attack("malloc_bomb", &[]).limits(|l| {
        (l.memory, l.address_space) = (Bytes::mib(64), Some(Bytes::mib(32)));
    });
    world.check(&limited, Outcome::Exited(1), "");
    // The limit holds for each process, including one that the program starts.
    let child = Program::shell("ulimit -v; (ulimit -v)").limits(|l| l.address_space = Some(Bytes::mib(32)));
    world.check(&child, Outcome::Exited(0), "32768\n32768\n");
}

fn a_program_within_every_limit_exits_normally(world: &World) {
    world.check(&world.attack("touch", &["private", "62"]), Outcome::Exited(0), "");
    let program = world.attack("spin_for", &["80"]).limits(|l| l.cpu_time = patient(Duration::from_millis(130)));
    // A busy machine sometimes charges a program for more CPU time than it used.
    repeatedly(|| {
        let ended = world.run(&program);
        match ended.report.outcome {
            Outcome::Exited(0) => Ok(()),
            Outcome::TimeLimit => Err(ended.to_string()),
            _ => panic!("{ended}"),
        }
    });
    // The program runs as one process, opens only the standard streams, and creates no file.
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

fn a_limit_takes_precedence_over_the_exit(world: &World) {
    // The OOM killer kills the child; its parent exits with 0.
    world.check(&world.attack("child_bursts", &[]), Outcome::MemoryLimit, "");
    // The program does not ignore SIGPIPE and is killed while it writes. The outcome is still the output limit.
    let ended = world.run(&world.attack("flood", &["1"]));
    assert_eq!(ended.report.outcome, Outcome::OutputLimit, "{ended}");
}

fn output_before_a_limit_is_kept(world: &World) {
    let short = patient(Duration::from_secs(1));
    let ended = world.check(&world.attack("busy", &[]).limits(|l| l.cpu_time = short), Outcome::TimeLimit, "begun\n");
    assert!(!ended.report.stdout_truncated && !ended.report.stderr_truncated);
    // A program that is not scheduled within the limit prints nothing. So after an attempt that was disturbed, the
    // limit grows.
    let ended = [1, 4, 16, 64].map(|times| times * short).into_iter().find_map(|wall_time| {
        let sleeper = world.attack("sleeper", &[]).limits(|l| (l.wall_time, l.idle_time) = (wall_time, 2 * wall_time));
        let ended = world.run(&sleeper);
        assert_eq!(ended.report.outcome, Outcome::WallLimit, "{ended}");
        (!ended.stdout.is_empty() || ended.noise < wall_time / 10).then_some(ended)
    });
    let ended = ended.expect("output before the limit");
    assert_eq!(ended.text(), "asleep\n", "{ended}");
    assert!(!ended.report.stdout_truncated && !ended.report.stderr_truncated);
    let ended = world.run(&world.attack("pour", &["1", "0"]).limits(|l| l.output = Bytes::new(1000)));
    assert_eq!(ended.stdout, (0..1000u32).map(|i| (i * 7 + 1) as u8).collect::<Vec<_>>());
    assert!(ended.report.stdout_truncated && !ended.report.stderr_truncated);
}

/// Cancels the run at the program's first output.
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
        let program = world.attack(attack, &[]).limits(|l| l.cpu_time = patient(Duration::from_secs(60)));
        repeatedly(|| {
            let begun = Instant::now();
            let report = slot.run(&program.command, &mut CancelAtFirstWord(false)).unwrap();
            assert_eq!(report.outcome, Outcome::Cancelled, "{attack}");
            let elapsed = begun.elapsed();
            assert!(elapsed < patient(Duration::from_secs(40)), "{attack}: {elapsed:?}");
            if elapsed < patient(Duration::from_secs(5)) { Ok(()) } else { Err(format!("{attack}: {elapsed:?}")) }
        });
    }
    // The run is cancelled before the program starts.
    let report = slot.run(&world.attack("sleeper", &[]).command, &mut CancelAtFirstWord(true)).unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    // The slot still works.
    assert_eq!(world.attack("exit", &["9"]).run(&mut slot).report.outcome, Outcome::Exited(9));
}

fn a_box_file_that_cannot_be_executed_gets_a_shells_exit_code(world: &World) {
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
    let usage = program("./not-executable").run(&mut world.slot()).report.usage;
    assert_eq!((usage.cpu_time, usage.wall_time), (Duration::ZERO, Duration::ZERO), "it did not begin");
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

fn an_invalid_command_is_refused_with_its_field(world: &World) {
    let mut slot = world.slot();
    let refused = |program: Program, field: &str, slot: &mut _| match program.try_run(slot) {
        Err(error @ RunError::BadCommand(_)) => {
            assert!(!error.is_transient());
            let RunError::BadCommand(refusal) = error else { unreachable!() };
            assert_eq!(refusal.field, field, "{refusal}");
            assert!(!refusal.rule.is_empty());
        }
        other => panic!("{field}: {:?}", other.map(|e| e.to_string())),
    };
    let variable = |name: &str, value: &str| {
        let mut program = Program::shell("true");
        program.command.env.push((name.into(), value.into()));
        program
    };
    for (program, field) in [
        (Program::new(Vec::new()), "argv"),
        (Program::new(vec![String::new()]), "argv"),
        (Program::shell("a\0b"), "argv"),
        // Arguments that exceed what the kernel accepts: the size of one argument, the size of all arguments, and their
        // number.
        (Program::shell(&"x".repeat(200 * 1024)), "argv"),
        (Program::new(vec!["x".repeat(1000); 200]), "argv"),
        (Program::new(vec!["x".into(); 100_000]), "argv"),
        (variable("", "x"), "env"),
        (variable("A=B", "x"), "env"),
        (variable("A", "x\0"), "env"),
        (variable("A", &"x".repeat(100 * 1024)), "env"),
    ] {
        refused(program, field, &mut slot);
    }
    for (change, field) in [
        ((|l| l.memory = Bytes::kib(8)) as fn(&mut Limits), "limits.memory"),
        (|l| l.stack = Bytes::new(1), "limits.stack"),
        (|l| l.open_files = 0, "limits.open_files"),
        (|l| l.processes = 0, "limits.processes"),
        (|l| l.cpu_time = Duration::ZERO, "limits.cpu_time"),
        (|l| l.wall_time = Duration::ZERO, "limits.wall_time"),
        (|l| l.idle_time = Duration::ZERO, "limits.idle_time"),
    ] {
        refused(Program::shell("true").limits(change), field, &mut slot);
    }
    let many_groups = (0..17).fold(Program::shell("true"), |p, n| p.files(vec![file(&format!("f{n}"), b"", false)]));
    refused(many_groups, "files", &mut slot);
    refused(Program::shell("true").collect(u32::MAX, Bytes::mib(1)), "collect.files", &mut slot);
    let fits = Program::shell(&format!("exit 5 # {}", "x".repeat(80 * 1024)));
    assert_eq!(fits.run(&mut slot).report.outcome, Outcome::Exited(5));
}

fn the_environments_path_does_not_matter(world: &World) {
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

/// A program owns its input files: it may remove them, or compute in a mapping of them.
fn counted_input_files_are_memory(world: &World) {
    let run = |counted_mib, script: &str| {
        let mut program = Program::shell(script).files(vec![file("data", &vec![7; 24 << 20], false)]);
        program.command.counted_files = Bytes::mib(counted_mib);
        let program = program.limits(|l| {
            (l.memory, l.disk, l.file_size) = (Bytes::mib(16), Bytes::mib(64), Bytes::mib(64));
        });
        let report = program.run(&mut world.slot()).report;
        (report.outcome, report.usage.memory)
    };
    let replace = "rm data; head -c 30M /dev/zero > copy";
    // Without the counted part: the memory limit and the removed file.
    assert_eq!(run(0, replace).0, Outcome::Exited(0));
    assert_eq!(run(12, replace), (Outcome::MemoryLimit, Bytes::mib(16)));
    let ((is_free, free), (is_counted, counted)) = (run(0, "true"), run(12, "true"));
    assert_eq!((is_free, is_counted), (Outcome::Exited(0), Outcome::Exited(0)));
    assert!(free < Bytes::mib(4) && (Bytes::mib(12)..Bytes::mib(16)).contains(&counted), "{free} {counted}");
    assert_eq!(run(16, "true"), (Outcome::MemoryLimit, Bytes::mib(16)), "nothing is left for the program");
}

/// If a program's files do not fit into its box, that is an outcome of the program and not an error of the sandbox.
fn limits_too_small_to_start_are_an_outcome_and_not_our_failure(world: &World) {
    let heavy = || Program::shell("true").files(vec![file("data", &[7; 300 * 1024], false)]);
    let no_disk = heavy().limits(|l| l.disk = Bytes::kib(1));
    assert_eq!(no_disk.run(&mut world.slot()).report.outcome, Outcome::DiskLimit, "disk");
    let no_inodes = heavy().limits(|l| l.inodes = 0);
    assert_eq!(no_inodes.run(&mut world.slot()).report.outcome, Outcome::DiskLimit, "inodes");
    let neither = heavy().limits(|l| (l.memory, l.disk, l.inodes) = (Bytes::mib(2), Bytes::mib(16), 0));
    assert_eq!(neither.run(&mut world.slot()).report.outcome, Outcome::DiskLimit, "inodes, with little memory");
    // Input files count against the disk limit, but not as the program's memory. Files that the program writes count
    // against both limits.
    let given = |script: &str| {
        let given = Program::shell(script).files(vec![file("data", &[7; 3 << 20], false)]);
        given.limits(|l| (l.memory, l.disk) = (Bytes::mib(2), Bytes::mib(16))).run(&mut world.slot()).report.outcome
    };
    assert_eq!(given("true"), Outcome::Exited(0));
    assert_eq!(given("cat data > copy"), Outcome::Exited(1), "the copy exceeds the memory limit");
    // With the smallest valid value of each limit, the run must have an outcome; any outcome is correct.
    for (what, change) in [
        ("memory", (|l| l.memory = Limits::MEMORY_MIN) as fn(&mut Limits)),
        ("address space", |l| l.address_space = Some(Limits::MEMORY_MIN)),
        ("stack", |l| l.stack = Limits::STACK_MIN),
        ("files", |l| l.open_files = Limits::OPEN_FILES_MIN),
        ("processes", |l| l.processes = 1),
        ("file size", |l| l.file_size = Bytes::ZERO),
        ("CPU time", |l| l.cpu_time = Duration::from_nanos(1)),
        ("wall time", |l| l.wall_time = Duration::from_nanos(1)),
        ("idle time", |l| l.idle_time = Duration::from_nanos(1)),
    ] {
        let ended = Program::shell("exec /bin/true").limits(change).try_run(&mut world.slot());
        assert!(ended.is_ok(), "{what}: {:?}", ended.err());
    }
}

fn maximal_limits_do_not_limit(world: &World) {
    let everything = Limits {
        cpu_time: Duration::MAX,
        wall_time: Duration::MAX,
        idle_time: Duration::MAX,
        instructions: None,
        address_space: Some(Bytes::new(u64::MAX)),
        memory: Bytes::new(u64::MAX),
        processes: u32::MAX,
        open_files: u32::MAX,
        file_size: Bytes::new(u64::MAX),
        disk: Bytes::new(u64::MAX),
        inodes: u64::MAX,
        output: Bytes::new(u64::MAX),
        stack: Bytes::new(u64::MAX),
    };
    let program = Program::shell("echo written > f; cat f; exit 3").limits(|l| *l = everything);
    let ended = world.check(&program, Outcome::Exited(3), "written\n");
    assert!(ended.stderr.is_empty(), "{ended}");
    for change in [
        (|l, all| l.cpu_time = all.cpu_time) as fn(&mut Limits, &Limits),
        |l, all| l.wall_time = all.wall_time,
        |l, all| l.idle_time = all.idle_time,
        |l, all| l.memory = all.memory,
        |l, all| l.address_space = all.address_space,
        |l, all| l.disk = all.disk,
        |l, all| l.inodes = all.inodes,
    ] {
        let mut program = program.clone().limits(|l| *l = crate::kit::small());
        change(&mut program.command.limits, &everything);
        world.check(&program, Outcome::Exited(3), "written\n");
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
    // A descriptor as standard input is read from its current position.
    let mut program = Program::shell("cat; exit 8");
    let data = std::fs::File::open(&world.fixtures.secret).unwrap();
    program.command.stdin = Stdin::Descriptor(Arc::new(data.into()));
    let ended = program.run(&mut slot);
    assert_eq!((ended.text().as_str(), ended.report.outcome), ("what the judge knows\n", Outcome::Exited(8)));
}
