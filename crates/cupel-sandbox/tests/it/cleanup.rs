//! No process outlives its owner, no matter which process is killed. Control groups are removed with their launcher or,
//! if the launcher was killed, at the next start.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;

use cupel_sandbox::{RunError, Sandbox, SandboxConfig, SetupStep};
use cupel_types::{Bytes, Outcome};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::kit::{Fixtures, Program, eventually};

const OWNER: &str = "__own-a-sandbox";

pub(crate) fn trials() -> Vec<Trial> {
    let rules: &[(&str, fn())] = &[
        ("a_dropped_sandbox_leaves_nothing", a_dropped_sandbox_leaves_nothing),
        ("a_killed_owner_leaves_nothing", a_killed_owner_leaves_nothing),
        (
            "a_killed_launcher_leaves_no_process_and_the_next_start_removes_its_groups",
            a_killed_launcher_leaves_no_process_and_the_next_start_removes_its_groups,
        ),
        ("a_hundred_lanes_leave_nothing", a_hundred_lanes_leave_nothing),
        ("a_killed_lane_is_replaced", a_killed_lane_is_replaced),
        (
            "a_run_whose_process_is_killed_for_the_memory_of_a_group_above_ends_as_a_failure",
            a_run_whose_process_is_killed_for_the_memory_of_a_group_above_ends_as_a_failure,
        ),
    ];
    let wrap = |rule: fn()| {
        move || {
            rule();
            Ok(())
        }
    };
    rules.iter().map(|(name, rule)| Trial::test(format!("cleanup::{name}"), wrap(*rule))).collect()
}

/// Another mode of this executable: the owner of a sandbox in which two programs run forever. This mode prints the
/// launcher's process id when both programs run.
pub(crate) fn own_a_sandbox_if_asked() {
    if std::env::args().nth(1).as_deref() != Some(OWNER) {
        return;
    }
    let fixtures = Fixtures::make();
    let sandbox = Sandbox::start(fixtures.config()).expect("the sandbox starts");
    let (said, begun) = mpsc::channel();
    std::thread::scope(|scope| {
        for index in 0..2 {
            let mut slot = sandbox.slot(index);
            let said = said.clone();
            let program = Program::new(vec![fixtures.attacks.clone(), "stay_everywhere".into()]);
            scope.spawn(move || slot.run(&program.command, &mut OutputSeen(said)));
        }
        // Drops the last sender that does not belong to an observer, so that `recv` returns an error if a program
        // cannot run.
        drop(said);
        for _ in 0..2 {
            begun.recv().expect("the program prints a line");
        }
        println!("{}", sandbox.launcher_pid());
    });
    std::process::exit(0);
}

struct OutputSeen(mpsc::Sender<()>);

impl cupel_sandbox::Observer for OutputSeen {
    fn stdout(&mut self, _: &[u8]) {
        let _ = self.0.send(());
    }
    fn stderr(&mut self, _: &[u8]) {}
}

/// Starts an owner process; returns it and its launcher's process id.
fn owner() -> (Child, u32) {
    // Compile the fixtures here first, because the owner would otherwise compile them for minutes.
    Fixtures::make();
    let mut child = std::process::Command::new("/proc/self/exe").arg(OWNER).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let launcher = line.trim().parse().unwrap_or_else(|_| panic!("the owner printed {line:?}, not a process id"));
    (child, launcher)
}

pub(crate) fn kill_9(pid: u32) {
    match kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL) {
        // The process has already ended with another process that was killed before.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(other) => panic!("{other}"),
    }
}

/// The control groups of a launcher started by this process, one per hierarchy. Other parts of the hierarchy are not
/// searched, because a killed launcher with the same process id may have left groups there, which are never removed.
pub(crate) fn groups_of(launcher: u32) -> Vec<PathBuf> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let groups = own.lines().map(|line| {
        // cgroups(7): hierarchy:controllers:path.
        let (controllers, path) = line.split_once(':').unwrap().1.split_once(':').unwrap();
        // A launcher moves the processes of the group it uses into `cupel-main` below it.
        let above = path.trim_end_matches("/cupel-main").trim_start_matches('/');
        Path::new("/sys/fs/cgroup").join(controllers).join(above).join(format!("cupel-{launcher}"))
    });
    groups.filter(|group| group.is_dir()).collect()
}

/// The processes in these groups and their subtrees.
pub(crate) fn processes_in(groups: &[PathBuf]) -> Vec<u32> {
    fn look(dir: &Path, found: &mut Vec<u32>) {
        let text = std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
        found.extend(text.lines().filter_map(|l| l.parse::<u32>().ok()));
        let Ok(entries) = std::fs::read_dir(dir) else { return };
        for entry in entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
            look(&entry.path(), found);
        }
    }
    let mut found = Vec::new();
    groups.iter().for_each(|group| look(group, &mut found));
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether the process exists and is not a zombie.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next())
        .is_some_and(|state| state != 'Z' && state != 'X')
}

fn a_dropped_sandbox_leaves_nothing() {
    let fixtures = Fixtures::make();
    let sandbox = Sandbox::start(fixtures.config()).unwrap();
    let launcher = sandbox.launcher_pid();
    let mut slots: Vec<_> = (0..2).map(|index| sandbox.slot(index)).collect();
    for slot in &mut slots {
        slot.warm_up().unwrap();
        let daemons = Program::new(vec![fixtures.attacks.clone(), "daemons".into()]);
        assert_eq!(daemons.run(slot).report.outcome, Outcome::Exited(0));
    }
    let groups = groups_of(launcher);
    let processes = processes_in(&groups);
    assert!(
        !groups.is_empty() && processes.len() >= 4,
        "the sandbox had no groups or too few processes: {groups:?} {processes:?}"
    );
    drop(slots);
    drop(sandbox);
    eventually("the launcher ends", || !lives(launcher));
    eventually("the lanes end", || !processes.iter().any(|pid| lives(*pid)));
    eventually("the groups are removed", || groups_of(launcher).is_empty());
}

fn a_killed_owner_leaves_nothing() {
    let (mut child, launcher) = owner();
    let processes = processes_in(&groups_of(launcher));
    // Two lane inits, two cell inits, and two programs with twenty children each.
    assert!(processes.len() >= 2 * 23, "{processes:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the launcher ends", || !lives(launcher));
    eventually("lanes, cells and programs end", || !processes.iter().any(|pid| lives(*pid)));
    eventually("the groups are removed", || groups_of(launcher).is_empty());
}

fn a_killed_launcher_leaves_no_process_and_the_next_start_removes_its_groups() {
    // A launcher whose owner is stopped stays a zombie, because nothing reaps it.
    for is_zombie in [false, true] {
        let (mut child, launcher) = owner();
        let processes = processes_in(&groups_of(launcher));
        assert!(processes.len() >= 2 * 23, "{processes:?}");
        assert!(!groups_of(launcher).is_empty(), "the launcher has no groups to remove");
        if is_zombie {
            kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
        }
        kill_9(launcher);
        eventually("lanes, cells and programs end", || !processes.iter().any(|pid| lives(*pid)));
        if is_zombie {
            eventually("the launcher is a zombie", || !lives(launcher));
        } else {
            // The owner detects that its lanes are lost and exits.
            child.wait().unwrap();
            eventually("the launcher is gone", || !Path::new(&format!("/proc/{launcher}")).exists());
        }
        let next = Sandbox::start(SandboxConfig { slots: 1, ..SandboxConfig::default() }).unwrap();
        assert_eq!(groups_of(launcher), Vec::<PathBuf>::new(), "is_zombie: {is_zombie}");
        drop(next);
        if is_zombie {
            assert!(Path::new(&format!("/proc/{launcher}")).exists(), "the launcher was reaped before the next start");
            kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
            child.wait().unwrap();
        }
    }
}

fn a_run_whose_process_is_killed_for_the_memory_of_a_group_above_ends_as_a_failure() {
    let sandbox = Sandbox::start(SandboxConfig { slots: 1, ..SandboxConfig::default() }).unwrap();
    let mut slot = sandbox.slot(0);
    slot.warm_up().unwrap();
    for group in groups_of(sandbox.launcher_pid()) {
        // Version 1, or version 2.
        for file in ["memory.limit_in_bytes", "memory.max"].map(|name| group.join(name)) {
            if file.exists() {
                std::fs::write(&file, (128 << 20).to_string()).unwrap();
            }
        }
    }
    // `tail` keeps the bytes in memory. The shell lives on after `tail` was killed.
    let program = Program::shell("head -c 512M /dev/zero | tail -c 512M >/dev/null; while :; do sleep 1; done")
        .limits(|limits| limits.memory = Bytes::mib(1024));
    let failed = program.try_run(&mut slot).err().expect("the run is not valid");
    assert!(
        matches!(failed, RunError::Setup { step: SetupStep::ForeignOom, .. }),
        "the kernel killed a process, but not because of the program's own limit: {failed}"
    );
}

fn a_hundred_lanes_leave_nothing() {
    let fixtures = Fixtures::make();
    // Every run gets a new lane.
    let sandbox = Sandbox::start(SandboxConfig { slots: 1, lane_runs_max: 1, ..fixtures.config() }).unwrap();
    let launcher = sandbox.launcher_pid();
    let mut slot = sandbox.slot(0);
    let program = Program::new(vec![fixtures.attacks.clone(), "exit".into(), "3".into()]);
    for _ in 0..100 {
        assert_eq!(program.run(&mut slot).report.outcome, Outcome::Exited(3));
    }
    let lanes = |groups: &[PathBuf]| {
        let dirs = groups.iter().flat_map(|group| std::fs::read_dir(group).unwrap());
        dirs.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).count()
    };
    let groups = groups_of(launcher);
    let hierarchies = groups.len();
    eventually("at most three lanes have groups", || lanes(&groups) <= 3 * hierarchies);
    let children = || {
        let text = std::fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap_or_default();
        text.split_whitespace().count()
    };
    eventually("at most three lanes have processes", || children() <= 3);
    drop(slot);
    drop(sandbox);
    eventually("the launcher's groups are removed", || groups_of(launcher).is_empty());
}

fn a_killed_lane_is_replaced() {
    let fixtures = Fixtures::make();
    let sandbox = Sandbox::start(SandboxConfig { slots: 1, ..fixtures.config() }).unwrap();
    let launcher = sandbox.launcher_pid();
    let mut slot = sandbox.slot(0);
    let program = Program::new(vec![fixtures.attacks.clone(), "exit".into(), "3".into()]);
    assert_eq!(program.run(&mut slot).report.outcome, Outcome::Exited(3));
    let before = processes_in(&groups_of(launcher));
    for pid in &before {
        kill_9(*pid);
    }
    eventually("the killed processes end", || !before.iter().any(|pid| lives(*pid)));
    // A lane that died undetected may make one run fail with a transient error. Later runs succeed.
    let tries: Vec<_> = (0..3).map(|_| program.try_run(&mut slot).map(|ended| ended.report.outcome)).collect();
    assert!(matches!(tries[2], Ok(Outcome::Exited(3))), "{tries:?}");
    assert!(tries.iter().flatten().all(|outcome| *outcome == Outcome::Exited(3)), "{tries:?}");
    assert!(tries.iter().filter_map(|t| t.as_ref().err()).all(cupel_sandbox::RunError::is_transient), "{tries:?}");
}
