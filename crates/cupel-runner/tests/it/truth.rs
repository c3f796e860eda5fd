//! The truth table of the sandbox's suite, applied to its program in C. Each row states an outcome, and the program
//! prints its own measurements. Every place must report the outcome and, within the tolerances, the same measurements.

use std::time::Duration;

use cupel_types::Outcome::{Exited, IdleLimit, MemoryLimit, OutputLimit, Signalled, TimeLimit, WallLimit};
use cupel_types::{Bytes, Limits, Outcome, Signal};

use crate::kit::{Backend, World, text};

pub(crate) struct Row {
    pub(crate) rule: &'static str,
    arguments: &'static str,
    ends: Outcome,
    limits: fn(&mut Limits),
    check: Check,
}

#[derive(Clone, Copy, PartialEq)]
enum Check {
    /// Only the outcome is compared.
    End,
    /// CPU time, which the program prints in nanoseconds.
    Cpu,
    /// Peak memory, which the program prints in bytes.
    Memory,
}

fn row(rule: &'static str, arguments: &'static str, ends: Outcome, limits: fn(&mut Limits), check: Check) -> Row {
    Row { rule, arguments, ends, limits, check }
}

fn cpu(rule: &'static str, arguments: &'static str) -> Row {
    row(rule, arguments, Exited(0), |_| {}, Check::Cpu)
}

fn memory(rule: &'static str, arguments: &'static str) -> Row {
    row(rule, arguments, Exited(0), |_| {}, Check::Memory)
}

fn ends(rule: &'static str, arguments: &'static str, outcome: Outcome) -> Row {
    row(rule, arguments, outcome, |_| {}, Check::End)
}

fn over(rule: &'static str, arguments: &'static str, outcome: Outcome, limits: fn(&mut Limits)) -> Row {
    row(rule, arguments, outcome, limits, Check::End)
}

pub(crate) fn table() -> Vec<Row> {
    vec![
        cpu("one_process", "cpu spin 200"),
        cpu("four_threads", "cpu threads 40"),
        cpu("children", "cpu children 40"),
        cpu("orphans", "cpu orphans 40"),
        cpu("children_without_a_wait", "cpu ignored 40"),
        cpu("system_time", "cpu kernel 80"),
        cpu("sleep_takes_no_cpu_time", "cpu sleep 200"),
        memory("private_memory", "memory private 40"),
        memory("shared_memory", "memory shared 40"),
        memory("a_file_in_the_box", "memory file 30 /box/f"),
        memory("a_file_in_tmp", "memory file 30 /tmp/f"),
        memory("the_peak_is_not_the_end", "memory falling 40"),
        memory("concurrent_children_add_up", "memory children 40"),
        ends("exit_0", "end exit 0", Exited(0)),
        ends("exit_137_is_not_a_kill", "end exit 137", Exited(137)),
        ends("kills_itself", "end signal 9", Signalled(Signal(9))),
        ends("a_real_time_signal", "end signal 40", Signalled(Signal(40))),
        ends("terminates_its_group", "end group 15", Signalled(Signal(15))),
        ends("a_null_pointer", "end fault 11", Signalled(Signal(11))),
        ends("abort", "end fault 6", Signalled(Signal(6))),
        ends("a_childs_signal_does_not_end_the_program", "end child 11", Exited(11)),
        ends("memory_of_a_child", "end child_out_of_memory 0", MemoryLimit),
        over("cpu_time", "forever spin", TimeLimit, |l| l.cpu_time = Duration::from_millis(300)),
        over("cpu_time_of_children", "forever children", TimeLimit, |l| l.cpu_time = Duration::from_millis(300)),
        over("wall_time_asleep", "forever sleep", WallLimit, |l| l.wall_time = Duration::from_secs(1)),
        over("idle_time", "forever sleep", IdleLimit, |l| l.idle_time = Duration::from_secs(1)),
        over("memory", "forever memory", MemoryLimit, |l| l.memory = Bytes::mib(32)),
        over("memory_in_files", "forever files", MemoryLimit, |l| l.memory = Bytes::mib(32)),
        over("output", "forever output", OutputLimit, |l| l.output = Bytes::kib(64)),
    ]
}

/// A busy machine sometimes charges a program for more CPU time than it used, so a row is repeated. A wrong figure is
/// wrong each time.
pub(crate) fn check(row: &Row, world: &World, place: Backend) {
    const ROUNDS: usize = 20;
    let mut far = Ok(());
    for _ in 0..ROUNDS {
        far = check_once(row, world, place);
        if far.is_ok() {
            return;
        }
    }
    panic!("in each of {ROUNDS} rounds; in the last one: {far:?}");
}

/// Returns whether the CPU time is right. Panics if anything else is wrong.
fn check_once(row: &Row, world: &World, place: Backend) -> Result<(), String> {
    let arguments: Vec<&str> = row.arguments.split(' ').collect();
    let step = world.step_of(&world.truth, place, &arguments).limited(|limits| {
        limits.memory = Bytes::mib(64);
        limits.file_size = Bytes::mib(64);
        limits.disk = Bytes::mib(48);
        (row.limits)(limits);
    });
    let result = step.run();
    assert_eq!(result.report.outcome, row.ends, "{result:?}");
    let printed = text(&result);
    let own = |name: &str| -> u64 {
        let line = printed.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{printed:?}"));
        line.trim().parse().unwrap()
    };
    let usage = result.report.usage;
    match row.check {
        Check::End => Ok(()),
        Check::Cpu => {
            // A container also counts the start of the program by the agent.
            let slack = if place == Backend::Docker { Duration::from_millis(8) } else { Duration::from_millis(4) };
            let (reported, own) = (usage.cpu_time.as_nanos() as u64, own("cpu "));
            let near = near(reported, own, 5, slack.as_nanos() as u64);
            assert!(reported >= own || near.is_ok(), "{near:?}");
            near
        }
        // The kernel charges memory in batches. On control groups version 1, a container is also charged for the pages
        // of its own files.
        Check::Memory => {
            near(usage.memory.get(), own("memory "), 3, 2 << 20).unwrap_or_else(|far| panic!("{far}"));
            Ok(())
        }
    }
}

/// Whether a figure differs from the program's own by at most `per_cent` and `slack`.
fn near(reported: u64, own: u64, per_cent: u64, slack: u64) -> Result<(), String> {
    let tolerance = own * per_cent / 100 + slack;
    if reported.abs_diff(own) <= tolerance {
        return Ok(());
    }
    Err(format!("reported {reported}, the program measured {own} ± {tolerance}"))
}
