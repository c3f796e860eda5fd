//! Tests the walls on this machine by attacking them: starts the sandbox as in production, and runs the probe
//! (`probe.rs`) against each wall from inside a cell.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{Bytes, Limits, Outcome};

use crate::command::{CellKind, CellReport, CellRoot, Command, RunError, Stdin};
use crate::config::{SandboxConfig, Wall};
use crate::mechanism::mounts::SYSTEM;
use crate::probe::{BREACHED, HELD, PROBE_ARGUMENT};
use crate::slot::Slot;
use crate::{Features, Launched, Sandbox, StartError};

/// The result of the attack on one wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallFinding {
    /// The wall.
    pub wall: Wall,
    /// The observation of the probe; `None` if the wall held.
    pub breach: Option<String>,
    /// The remedy for a breach.
    pub remedy: &'static str,
}

/// The result of an examination.
#[derive(Clone, Debug)]
pub struct Examination {
    /// One finding per wall, in the order of [`Wall::ALL`].
    pub findings: Vec<WallFinding>,
    /// The features of the machine.
    pub features: Features,
    /// The kernel's release, such as `6.1.0`.
    pub kernel: String,
    /// Unix sockets of the host to which every program can connect.
    pub reachable_sockets: Vec<PathBuf>,
}

impl Examination {
    /// The walls that did not hold.
    pub fn missing(&self) -> impl Iterator<Item = &WallFinding> {
        self.findings.iter().filter(|f| f.breach.is_some())
    }
}

/// Why the examination was not possible.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// The sandbox could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A cell could not be run.
    #[error("cannot run a probe")]
    Run(#[from] RunError),
    /// The state of the machine could not be read.
    #[error("cannot prepare the examination")]
    Io(#[from] io::Error),
}

/// Attacks every wall of a sandbox with this configuration. Takes half a second.
///
/// # Errors
/// If the sandbox cannot be started, the probe cannot be run, or this process's namespaces cannot be read.
pub fn examine(config: &SandboxConfig) -> Result<Examination, ExamineError> {
    examine_launched(launch(config)?, Path::new(KERNEL))
}

/// A path that exists on every host and that no program may reach; the default secret for [`examine_launched`].
pub const KERNEL: &str = "/sys";

/// Starts the launcher of the sandbox that will be attacked. This starts no thread, so the process can drop its
/// privileges before it calls [`examine_launched`].
///
/// # Errors
/// If the sandbox cannot be started.
pub fn launch(config: &SandboxConfig) -> Result<Launched, StartError> {
    Sandbox::launch(SandboxConfig { slots: 1, with_probe: true, ..config.clone() })
}

/// Attacks every wall of a sandbox whose launcher [`launch`] started. Takes half a second. `secret` is a host path
/// that the probe tries to reach: the path must exist, and the configuration must not show it to programs. This
/// function creates no file for that purpose, because in a directory that others can write, a symbolic link could
/// redirect the write.
///
/// # Errors
/// If the probe cannot be run.
pub fn examine_launched(launched: Launched, secret: &Path) -> Result<Examination, ExamineError> {
    let sandbox = launched.start();
    let mut slot = sandbox.slot(0);
    let together: Vec<Wall> = Wall::ALL.iter().copied().filter(|wall| only_observes(*wall)).collect();
    let mut observed = attack_together(&mut slot, &together, secret)?.into_iter().peekable();
    let mut findings = Vec::new();
    for wall in Wall::ALL.iter().copied() {
        let breach = match observed.next_if(|(of, _)| *of == wall) {
            Some((_, breach)) => breach,
            None => attack(&mut slot, wall, secret)?,
        };
        findings.push(WallFinding { wall, breach, remedy: remedy(wall) });
    }
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let reachable_sockets = reachable_sockets(&fs::read("/proc/net/unix").unwrap_or_default());
    Ok(Examination { findings, features: sandbox.features().clone(), kernel, reachable_sockets })
}

/// Sockets in the list `/proc/net/unix` that are below a directory of the system that programs see, and to which
/// everybody may write. A network namespace does not hide sockets with a path. Source: unix(7).
fn reachable_sockets(list: &[u8]) -> Vec<PathBuf> {
    // The first line names the columns. After seven columns without blanks, the path is the rest of the line. Its bytes
    // are those that bind(2) was called with.
    let lines = list.split(|byte| *byte == b'\n').skip(1);
    let paths = lines.filter_map(|line| line.windows(2).position(|bytes| bytes == b" /").map(|at| &line[at + 1..]));
    let paths = paths.map(|path| Path::new(OsStr::from_bytes(path)));
    let is_open = |path: &Path| {
        let meta = fs::metadata(path);
        meta.is_ok_and(|meta| meta.file_type().is_socket() && meta.mode() & 0o002 != 0)
    };
    let mut found: Vec<PathBuf> = paths
        .filter(|path| SYSTEM.iter().any(|directory| path.starts_with(directory)) && is_open(path))
        .map(Path::to_path_buf)
        .collect();
    found.sort();
    found.dedup();
    found
}

const MEMORY: Bytes = Bytes::mib(64);
const PROCESSES: u32 = 12;
const OPEN_FILES: u32 = 77;
const DISK_KIB: u64 = 4096;
const OUTPUT_KIB: u64 = 64;

/// Whether the attack on this wall changes nothing that another attack observes, and reaches no limit. One run performs
/// all these attacks.
fn only_observes(wall: Wall) -> bool {
    match wall {
        Wall::UserNamespace
        | Wall::PidNamespace
        | Wall::NetNamespace
        | Wall::UtsNamespace
        | Wall::CgroupNamespace
        | Wall::ReadOnlyRoot
        | Wall::PrivateRoot
        | Wall::PrivateProc
        | Wall::Landlock
        | Wall::Capabilities
        | Wall::NoNewPrivs
        | Wall::Descriptors
        | Wall::Rlimits => true,
        // The second run searches for what the first run has left.
        Wall::IpcNamespace | Wall::FreshBox => false,
        // If this wall is missing, the attack changes the namespace of its process.
        Wall::Seccomp => false,
        Wall::MemoryLimit
        | Wall::ProcessLimit
        | Wall::CpuAccounting
        | Wall::DiskLimit
        | Wall::WallClockLimit
        | Wall::IdleLimit
        | Wall::OutputLimit => false,
    }
}

/// Attacks these walls in one run. Returns the result of each attack, or nothing if the run did not perform them all.
fn attack_together(
    slot: &mut Slot,
    walls: &[Wall],
    secret: &Path,
) -> Result<Vec<(Wall, Option<String>)>, ExamineError> {
    let mut output = Vec::new();
    let report = slot.run(&probe(walls, secret)?, &mut output)?;
    let output = String::from_utf8_lossy(&output);
    let results: Vec<Option<String>> =
        output.lines().map(|line| (line != HELD).then(|| line.trim_start_matches(BREACHED).to_owned())).collect();
    let has_performed_all = report.outcome == Outcome::Exited(0) && results.len() == walls.len();
    Ok(if has_performed_all { walls.iter().copied().zip(results).collect() } else { Vec::new() })
}

/// Attacks one wall. Returns `None` if the wall held, otherwise the probe's observation.
fn attack(slot: &mut Slot, wall: Wall, secret: &Path) -> Result<Option<String>, ExamineError> {
    let command = probe(&[wall], secret)?;
    // The second run searches for data that the first run left behind.
    let visits = if matches!(wall, Wall::IpcNamespace | Wall::FreshBox) { 2 } else { 1 };
    let mut breach = None;
    for _ in 0..visits {
        let mut output = Vec::new();
        let report = slot.run(&command, &mut output)?;
        breach = judge(wall, &report, &output).or(breach);
    }
    Ok(breach)
}

/// The fact that the attack on a wall needs: the host's namespace, a secret's path, or a limit.
fn fact(wall: Wall, secret: &Path) -> io::Result<String> {
    Ok(match wall {
        Wall::UserNamespace => own_namespace("user")?,
        Wall::NetNamespace => own_namespace("net")?,
        Wall::IpcNamespace => own_namespace("ipc")?,
        Wall::UtsNamespace => own_namespace("uts")?,
        Wall::PrivateRoot => secret.to_string_lossy().into_owned(),
        Wall::Rlimits => OPEN_FILES.to_string(),
        Wall::MemoryLimit => MEMORY.as_mib().to_string(),
        Wall::ProcessLimit => PROCESSES.to_string(),
        Wall::DiskLimit => DISK_KIB.to_string(),
        Wall::OutputLimit => OUTPUT_KIB.to_string(),
        _ => String::new(),
    })
}

/// A run of the probe that attacks these walls.
fn probe(walls: &[Wall], secret: &Path) -> io::Result<Command> {
    let mut argv = vec!["/probe".to_owned(), PROBE_ARGUMENT.to_owned()];
    for wall in walls {
        argv.extend([wall.slug().to_owned(), fact(*wall, secret)?]);
    }
    let is_attacked = |wall| walls.contains(&wall);
    Ok(Command {
        root: CellRoot::System,
        argv,
        env: Vec::new(),
        files: Vec::new(),
        counted_files: Bytes::ZERO,
        stdin: Stdin::Bytes(Arc::from([])),
        limits: Limits {
            // Time limits other than the attacked one are generous, so that a probe reaches them only if a wall is
            // missing or the machine is very slow.
            cpu_time: Duration::from_millis(if is_attacked(Wall::CpuAccounting) { 50 } else { 60_000 }),
            wall_time: Duration::from_millis(if is_attacked(Wall::WallClockLimit) { 50 } else { 120_000 }),
            idle_time: Duration::from_millis(if is_attacked(Wall::IdleLimit) { 50 } else { 60_000 }),
            output: Bytes::kib(OUTPUT_KIB),
            memory: MEMORY,
            processes: PROCESSES,
            open_files: OPEN_FILES,
            disk: Bytes::kib(DISK_KIB),
            inodes: 64,
            ..Limits::default()
        },
        kind: CellKind::Run,
        stderr_to_stdout: false,
        result: false,
        warm: None,
        collect: None,
        outbox: None,
        fetch: Vec::new(),
        find: None,
        watch: false,
    })
}

fn judge(wall: Wall, report: &CellReport, output: &[u8]) -> Option<String> {
    let output = String::from_utf8_lossy(output);
    let output = output.trim();
    match (wall, report.outcome) {
        (Wall::MemoryLimit, Outcome::MemoryLimit)
        | (Wall::CpuAccounting, Outcome::TimeLimit)
        | (Wall::WallClockLimit, Outcome::WallLimit)
        | (Wall::IdleLimit, Outcome::IdleLimit)
        | (Wall::OutputLimit, Outcome::OutputLimit) => None,
        (_, Outcome::Exited(0)) if output == HELD => None,
        (_, outcome) => Some(match output.lines().last().and_then(|line| line.strip_prefix(BREACHED)) {
            Some(seen) => seen.to_owned(),
            None => format!("the probe ended with {outcome:?} and reported nothing"),
        }),
    }
}

fn own_namespace(kind: &str) -> io::Result<String> {
    Ok(fs::read_link(format!("/proc/self/ns/{kind}"))?.to_string_lossy().into_owned())
}

/// The remedy for a missing wall, for an operator.
fn remedy(wall: Wall) -> &'static str {
    match wall {
        Wall::UserNamespace => {
            "allow user namespaces: set sysctl user.max_user_namespaces=15000; in a container, also use a seccomp profile that permits clone with CLONE_NEWUSER"
        }
        Wall::PidNamespace | Wall::NetNamespace | Wall::IpcNamespace | Wall::UtsNamespace | Wall::CgroupNamespace => {
            "build or boot a kernel with all namespaces (CONFIG_NAMESPACES), and allow them: set sysctl user.max_*_namespaces above 0"
        }
        Wall::ReadOnlyRoot | Wall::PrivateRoot | Wall::FreshBox => {
            "use Linux 5.12 or later (mount_setattr); in a container, also allow mounting inside a user namespace"
        }
        Wall::PrivateProc => "use Linux 5.8 or later (proc subset=pid); in a container, also unmask /proc",
        Wall::Seccomp => "build or boot a kernel with CONFIG_SECCOMP_FILTER",
        Wall::Landlock => {
            "build or boot Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK, and add landlock to the boot option lsm="
        }
        Wall::Capabilities
        | Wall::NoNewPrivs
        | Wall::Descriptors
        | Wall::Rlimits
        | Wall::WallClockLimit
        | Wall::IdleLimit
        | Wall::OutputLimit => "this is a bug in Cupel; please report it",
        Wall::MemoryLimit => {
            "enable the memory controller: boot with cgroup_enable=memory, or in a container or service delegate the control groups (systemd: Delegate=yes)"
        }
        Wall::ProcessLimit => "enable the pids controller, or delegate the control groups (systemd: Delegate=yes)",
        Wall::CpuAccounting => {
            "enable the cpu (version 2) or cpuacct (version 1) controller, or delegate the control groups (systemd: Delegate=yes)"
        }
        Wall::DiskLimit => "build or boot a kernel with CONFIG_TMPFS",
    }
}
