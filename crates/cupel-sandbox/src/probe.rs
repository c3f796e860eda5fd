//! The probe that `doctor` runs in a cell: Cupel's executable, which performs small attacks.
//!
//! Each attack targets one wall and is chosen so that no other wall stops it first. For each wall, the probe prints a
//! line: [`HELD`], or [`BREACHED`] and its observation.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::config::Wall;
use crate::sys::{attack, namespaces};

/// The argument that makes Cupel's executable run as a probe.
pub(crate) const PROBE_ARGUMENT: &str = "__cupel-probe";

/// The probe's line for a wall that held.
pub(crate) const HELD: &str = "held";
/// The beginning of the probe's line for a wall that did not hold.
pub(crate) const BREACHED: &str = "breached: ";

const SHM_KEY: i32 = 0x6375_7065;

/// Runs attacks, and prints their results to standard output. The arguments are pairs of a wall's name and a fact for
/// its attack.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ! {
    while let (Some(name), Some(fact)) = (arguments.next(), arguments.next()) {
        let result = match Wall::from_slug(&name) {
            Some(wall) => attack_on(wall, &fact),
            None => Err(format!("there is no attack called {name}")),
        };
        match result {
            Ok(()) => println!("{HELD}"),
            Err(seen) => println!("{BREACHED}{seen}"),
        }
    }
    let _ = io::stdout().flush();
    std::process::exit(0)
}

/// Attacks `wall`; returns `Ok` if it held. `fact` is a value from outside the cell: the host's namespace, a secret's
/// path, or a limit.
fn attack_on(wall: Wall, fact: &str) -> Result<(), String> {
    match wall {
        Wall::UserNamespace => namespace("user", fact),
        Wall::PidNamespace => others(),
        Wall::NetNamespace => namespace("net", fact),
        Wall::IpcNamespace => shared_memory().and_then(|()| namespace("ipc", fact)),
        Wall::UtsNamespace => namespace("uts", fact),
        Wall::CgroupNamespace => groups(),
        Wall::ReadOnlyRoot => read_only(),
        Wall::PrivateRoot => secret(fact),
        Wall::PrivateProc => kernel_state(),
        Wall::FreshBox => marks(),
        Wall::Seccomp => filter(),
        Wall::Landlock => list_root(),
        Wall::Capabilities => status(&[
            ("CapPrm", "0000000000000000"),
            ("CapEff", "0000000000000000"),
            ("CapBnd", "0000000000000000"),
            ("CapAmb", "0000000000000000"),
        ]),
        Wall::NoNewPrivs => status(&[("NoNewPrivs", "1")]),
        Wall::Descriptors => descriptors(),
        Wall::Rlimits => core_and_files(fact),
        Wall::MemoryLimit => eat(fact),
        Wall::ProcessLimit => fork(fact),
        Wall::CpuAccounting => spin(),
        Wall::DiskLimit => fill(fact),
        Wall::WallClockLimit => sleep("run"),
        Wall::IdleLimit => sleep("idle"),
        Wall::OutputLimit => print(fact),
    }
}

fn namespace(kind: &str, hosts: &str) -> Result<(), String> {
    let ours =
        fs::read_link(format!("/proc/self/ns/{kind}")).map_err(|e| format!("cannot read the {kind} namespace: {e}"))?;
    if ours.as_os_str() == hosts { Err(format!("the {kind} namespace is the host's")) } else { Ok(()) }
}

/// Sends the null signal to find other processes, because `/proc` may hide them.
fn others() -> Result<(), String> {
    let own = std::process::id() as i32;
    let exists = |pid: i32| {
        let pid = rustix::process::Pid::from_raw(pid);
        pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
    };
    match (2..own + 64).filter(|pid| *pid != own).find(|pid| exists(*pid)) {
        None => Ok(()),
        Some(pid) => Err(format!("process {pid} is visible and does not belong to the program")),
    }
}

fn shared_memory() -> Result<(), String> {
    match attack::shared_memory(SHM_KEY) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            attack::remove_shared_memory(SHM_KEY);
            Err("a shared memory segment of an earlier run still exists".into())
        }
        Err(error) => Err(format!("cannot create a shared memory segment: {error}")),
    }
}

fn groups() -> Result<(), String> {
    let text = fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
    match text.lines().find(|line| line.contains("cupel-")) {
        Some(line) => Err(format!("the program sees its path in the host's control groups: {line}")),
        None => Ok(()),
    }
}

fn read_only() -> Result<(), String> {
    for place in ["/", "/usr"] {
        let flags = rustix::fs::statvfs(place).map_err(|e| e.to_string())?.f_flag;
        if !flags.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
            return Err(format!("{place} is mounted writable"));
        }
    }
    Ok(())
}

fn secret(path: &str) -> Result<(), String> {
    let hidden = path.trim_start_matches('/');
    for path in [path.to_owned(), format!("/opt/host/{hidden}"), "/root".into(), "/home".into(), "/etc/shadow".into()] {
        // Only these errors mean that the path is missing; a permission error means that it exists.
        let is_missing =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        if !fs::symlink_metadata(&path).is_err_and(|error| is_missing(&error)) {
            return Err(format!("a file of the host is reachable: {path}"));
        }
    }
    Ok(())
}

fn kernel_state() -> Result<(), String> {
    if Path::new("/proc/sys").exists() || Path::new("/proc/kallsyms").exists() {
        return Err("/proc shows kernel state".into());
    }
    match fs::write("/proc/self/oom_score_adj", "0") {
        Ok(()) => Err("/proc is writable".into()),
        Err(_) => Ok(()),
    }
}

fn marks() -> Result<(), String> {
    for place in ["/box/mark", "/tmp/mark", "/dev/shm/mark"] {
        if Path::new(place).exists() {
            return Err(format!("{place} of an earlier run still exists"));
        }
        fs::write(place, "was here").map_err(|e| format!("cannot write {place}: {e}"))?;
    }
    Ok(())
}

fn filter() -> Result<(), String> {
    status(&[("Seccomp", "2")])?;
    for (name, result) in [("unshare", namespaces::unshare(libc::CLONE_NEWUSER)), ("keyctl", attack::session_keyring())]
    {
        match result {
            Ok(()) => return Err(format!("{name} is allowed")),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) => {}
            Err(error) => return Err(format!("{name} reached the kernel: {error}")),
        }
    }
    Ok(())
}

/// Lists the root directory: permissions and mounts allow this, and only the lack of a Landlock rule for `/` forbids
/// it.
fn list_root() -> Result<(), String> {
    match fs::read_dir("/") {
        Ok(_) => Err("the root directory can be listed".into()),
        Err(_) => Ok(()),
    }
}

fn status(wanted: &[(&str, &str)]) -> Result<(), String> {
    let text = fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
    for (name, value) in wanted {
        let found = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        if found != Some(value) {
            return Err(format!("{name} is {}", found.unwrap_or("missing from /proc/self/status")));
        }
    }
    Ok(())
}

fn descriptors() -> Result<(), String> {
    let listed = fs::read_dir("/proc/self/fd").map_err(|e| e.to_string())?;
    // Besides the standard three, only the descriptor of this listing should be open.
    let open = listed
        .flatten()
        .filter(|e| e.file_name().to_str().and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n > 2))
        .count();
    if open <= 1 { Ok(()) } else { Err(format!("{} descriptors besides the standard three are open", open - 1)) }
}

fn core_and_files(open_files: &str) -> Result<(), String> {
    let text = fs::read_to_string("/proc/self/limits").map_err(|e| e.to_string())?;
    for (name, value) in [("Max core file size", "1"), ("Max open files", open_files)] {
        let found = text.lines().find_map(|l| l.strip_prefix(name)).and_then(|rest| rest.split_whitespace().next());
        if found != Some(value) {
            return Err(format!("{name} is {}", found.unwrap_or("missing from /proc/self/limits")));
        }
    }
    Ok(())
}

fn number(fact: &str) -> Result<usize, String> {
    fact.parse().map_err(|_| "the probe got no limit as its fact".to_owned())
}

fn eat(limit_mib: &str) -> Result<(), String> {
    let mut kept = Vec::new();
    for _ in 0..number(limit_mib)? * 2 {
        // The bytes are written, so that the kernel allocates the pages.
        kept.push(vec![1u8; 1 << 20]);
    }
    Err(format!("{} MiB could be allocated", kept.len()))
}

fn fork(limit: &str) -> Result<(), String> {
    let limit = number(limit)?;
    for made in 0..limit * 2 {
        if let Err(error) = attack::fork_sleeper() {
            return if error.raw_os_error() == Some(libc::EAGAIN) && made < limit {
                Ok(())
            } else {
                Err(format!("fork {made} failed with an unexpected error: {error}"))
            };
        }
    }
    Err(format!("{} processes could be started", limit * 2))
}

fn spin() -> Result<(), String> {
    let clock = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    while clock().tv_sec < 1 {
        std::hint::spin_loop();
    }
    Err("the program could use a second of CPU time".into())
}

fn fill(limit_kib: &str) -> Result<(), String> {
    let limit = number(limit_kib)?;
    let mut file = fs::File::create("/box/fill").map_err(|e| e.to_string())?;
    let block = vec![1u8; 1 << 20];
    for _ in 0..=limit / 1024 * 2 {
        if let Err(error) = file.write_all(&block) {
            drop(file);
            let _ = fs::remove_file("/box/fill");
            return if error.raw_os_error() == Some(libc::ENOSPC) {
                inodes()
            } else {
                Err(format!("writing failed with an unexpected error: {error}"))
            };
        }
    }
    Err(format!("{} KiB could be written to the box", limit * 2))
}

/// Sleeps for much longer than the limit on the wall-clock time or on the idle time, because a busy machine may notice
/// late that the limit is reached.
fn sleep(kind: &str) -> Result<(), String> {
    std::thread::sleep(Duration::from_secs(10));
    Err(format!("the program could {kind} for ten seconds"))
}

fn print(limit_kib: &str) -> Result<(), String> {
    let limit = number(limit_kib)?;
    let line = "breached: the program can print without bound\n".repeat(1024);
    let mut out = io::stdout();
    for _ in 0..limit * 1024 * 4 / line.len() + 1 {
        out.write_all(line.as_bytes()).map_err(|e| e.to_string())?;
    }
    Err(format!("{} KiB of output were accepted", limit * 4))
}

fn inodes() -> Result<(), String> {
    for n in 0..1000 {
        if let Err(error) = fs::File::create(format!("/tmp/{n}")) {
            return if error.raw_os_error() == Some(libc::ENOSPC) {
                Ok(())
            } else {
                Err(format!("creating files failed with an unexpected error: {error}"))
            };
        }
    }
    Err("1000 files could be created".into())
}
