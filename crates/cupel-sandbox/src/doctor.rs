//! Proves the walls on this machine by attacking them: the sandbox is started as it would be for service, and
//! the probe (`probe.rs`) goes against each wall from inside a cell.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{Bytes, Limits, Outcome};

use crate::command::{CellKind, CellReport, Command, RunError, Stdin};
use crate::config::{SandboxConfig, Wall};
use crate::probe::PROBE_ARGUMENT;
use crate::slot::Slot;
use crate::{Features, Launched, Sandbox, StartError};

/// What became of the attack on one wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which wall.
    pub wall: Wall,
    /// `None`: it held. Otherwise what the attacker saw.
    pub breach: Option<String>,
    /// What to do about a breach.
    pub remedy: &'static str,
}

/// The result of an examination.
#[derive(Clone, Debug)]
pub struct Examination {
    /// One finding per wall, in the order of [`Wall::ALL`].
    pub findings: Vec<Finding>,
    /// What the machine gives.
    pub features: Features,
    /// The kernel's release, such as `6.1.0`.
    pub kernel: String,
}

impl Examination {
    /// The walls that did not hold.
    pub fn missing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.breach.is_some())
    }
}

/// Why no examination was possible.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// The sandbox does not even start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A cell could not be run.
    #[error("cannot run a probe")]
    Run(#[from] RunError),
    /// The machine could not be looked at.
    #[error("cannot prepare the examination")]
    Io(#[from] io::Error),
}

/// Attacks every wall of a sandbox made like `config`. Takes about a second.
///
/// # Errors
/// When there is no sandbox to attack, or the probe could not be run.
pub fn examine(config: &SandboxConfig) -> Result<Examination, ExamineError> {
    examine_launched(launch(config)?, Path::new(KERNEL))
}

/// Something that every host has and no program may reach, for [`examine_launched`] where there is nothing better.
pub const KERNEL: &str = "/sys";

/// Starts the launcher of a sandbox to be attacked, and no thread: between this and [`examine_launched`] the process
/// can give up its privileges.
///
/// # Errors
/// When there is no sandbox to attack.
pub fn launch(config: &SandboxConfig) -> Result<Launched, StartError> {
    Sandbox::launch(SandboxConfig { slots: 1, with_probe: true, ..config.clone() })
}

/// Attacks every wall of a sandbox whose launcher [`launch`] started. Takes about a second. `secret` is a path of the host's
/// for the probe to look for: it exists, and nothing of the configuration shows it. No file is made for this: whoever writes
/// one where others may write, too, can be led elsewhere by a link.
///
/// # Errors
/// When the probe could not be run.
pub fn examine_launched(launched: Launched, secret: &Path) -> Result<Examination, ExamineError> {
    let sandbox = launched.start();
    let mut slot = sandbox.slot(0);
    let mut findings = Vec::new();
    for wall in Wall::ALL {
        let breach = attack(&mut slot, *wall, secret)?;
        findings.push(Finding { wall: *wall, breach, remedy: remedy(*wall) });
    }
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    Ok(Examination { findings, features: sandbox.features().clone(), kernel })
}

const MEMORY: Bytes = Bytes::mib(64);
const PROCESSES: u32 = 12;
const OPEN_FILES: u32 = 77;
const DISK_KIB: u64 = 4096;
const OUTPUT_KIB: u64 = 64;

/// `None`: the wall held.
fn attack(slot: &mut Slot, wall: Wall, secret: &Path) -> Result<Option<String>, ExamineError> {
    let fact = match wall {
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
    };
    let command = Command {
        argv: vec!["/probe".into(), PROBE_ARGUMENT.into(), wall.slug().into()],
        env: vec![("CUPEL_PROBE_FACT".into(), fact)],
        files: Vec::new(),
        stdin: Stdin::Bytes(Arc::from([])),
        limits: Limits {
            // Only a wall that is down makes a probe run into another limit, unless the machine is very slow.
            cpu_time: Duration::from_millis(if wall == Wall::CpuAccounting { 200 } else { 60_000 }),
            wall_time: Duration::from_millis(if wall == Wall::WallClockLimit { 200 } else { 120_000 }),
            idle_time: Duration::from_millis(if wall == Wall::IdleLimit { 200 } else { 60_000 }),
            output: Bytes::kib(OUTPUT_KIB),
            memory: MEMORY,
            processes: PROCESSES,
            open_files: OPEN_FILES,
            disk: Bytes::kib(DISK_KIB),
            inodes: 64,
            ..Limits::default()
        },
        kind: CellKind::Run,
        result: false,
        warm: None,
        collect: None,
        outbox: None,
        watch: false,
    };
    // What an earlier run leaves is found by the second.
    let visits = if matches!(wall, Wall::IpcNamespace | Wall::FreshBox) { 2 } else { 1 };
    let mut breach = None;
    for _ in 0..visits {
        let mut said = Vec::new();
        let report = slot.run(&command, &mut said)?;
        breach = judge(wall, &report, &said).or(breach);
    }
    Ok(breach)
}

fn judge(wall: Wall, report: &CellReport, said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    let said = said.trim();
    match (wall, report.outcome) {
        (Wall::MemoryLimit, Outcome::MemoryLimit)
        | (Wall::CpuAccounting, Outcome::TimeLimit)
        | (Wall::WallClockLimit, Outcome::WallLimit)
        | (Wall::IdleLimit, Outcome::IdleLimit)
        | (Wall::OutputLimit, Outcome::OutputLimit) => None,
        (_, Outcome::Exited(0)) if said == "held" => None,
        (_, outcome) => Some(match said.lines().last().and_then(|line| line.strip_prefix("breached: ")) {
            Some(seen) => seen.to_owned(),
            None => format!("the probe ended with {outcome:?} and said nothing"),
        }),
    }
}

fn own_namespace(kind: &str) -> io::Result<String> {
    Ok(fs::read_link(format!("/proc/self/ns/{kind}"))?.to_string_lossy().into_owned())
}

/// What an operator does about a wall that is missing.
fn remedy(wall: Wall) -> &'static str {
    match wall {
        Wall::UserNamespace => {
            "allow user namespaces: sysctl user.max_user_namespaces=15000, and in a container a seccomp profile that permits clone with CLONE_NEWUSER"
        }
        Wall::PidNamespace | Wall::NetNamespace | Wall::IpcNamespace | Wall::UtsNamespace | Wall::CgroupNamespace => {
            "build or boot a kernel with all namespaces (CONFIG_NAMESPACES), and allow them: sysctl user.max_*_namespaces above 0"
        }
        Wall::ReadOnlyRoot | Wall::PrivateRoot | Wall::FreshBox => {
            "a kernel from 5.12 on (mount_setattr), and in a container the right to mount inside a user namespace"
        }
        Wall::PrivateProc => "a kernel from 5.8 on (proc subset=pid), and in a container an unmasked /proc",
        Wall::Seccomp => "build or boot a kernel with CONFIG_SECCOMP_FILTER",
        Wall::Landlock => {
            "build or boot a kernel from 5.13 on with CONFIG_SECURITY_LANDLOCK, and name landlock in the boot option lsm="
        }
        Wall::Capabilities
        | Wall::NoNewPrivs
        | Wall::Descriptors
        | Wall::Rlimits
        | Wall::WallClockLimit
        | Wall::IdleLimit
        | Wall::OutputLimit => "this is a fault of Cupel's own: please report it",
        Wall::MemoryLimit => {
            "give the memory controller: boot with cgroup_enable=memory, or in a container or service delegate the control groups (systemd: Delegate=yes)"
        }
        Wall::ProcessLimit => "give the pids controller, or delegate the control groups (systemd: Delegate=yes)",
        Wall::CpuAccounting => {
            "give the cpu (version 2) or cpuacct (version 1) controller, or delegate the control groups (systemd: Delegate=yes)"
        }
        Wall::DiskLimit => "build or boot a kernel with CONFIG_TMPFS",
    }
}
