//! Common code of the trials: one shared sandbox with a pool of its slots, the hostile programs compiled into one
//! executable, and a run that keeps its output.
//!
//! Invariant: a slot taken from the pool is returned, even if its trial panics; the sandbox is dropped after the last
//! trial.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_sandbox::{
    CellKind, CellReport, CellRoot, CollectLimits, Command, Mount, Observer, RunError, Sandbox, SandboxConfig, Slot,
    Stdin,
};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits, Outcome};

use crate::machine::{patient, slowness};
use crate::noise::Noise;

const SOURCES: &[(&str, &str)] = &[
    ("kit.h", include_str!("hostile/kit.h")),
    ("kit.c", include_str!("hostile/kit.c")),
    ("victim.c", include_str!("hostile/victim.c")),
    ("processes.c", include_str!("hostile/processes.c")),
    ("memory.c", include_str!("hostile/memory.c")),
    ("privilege.c", include_str!("hostile/privilege.c")),
    ("files.c", include_str!("hostile/files.c")),
    ("network.c", include_str!("hostile/network.c")),
    ("misc.c", include_str!("hostile/misc.c")),
    ("escapes.c", include_str!("hostile/escapes.c")),
    ("leaks.c", include_str!("hostile/leaks.c")),
    ("depth.c", include_str!("hostile/depth.c")),
    ("instructions.c", include_str!("hostile/instructions.c")),
];

/// Everything the trials share.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    slots: Mutex<Vec<Slot>>,
    freed: Condvar,
    pub(crate) fixtures: Fixtures,
    /// The root of the hostile programs.
    pub(crate) root: CellRoot,
}

/// Path inside the sandbox of the directory that trials mount, independent of its path on the host.
pub(crate) const SHOWN: &str = "/opt/cupel/shown";

/// A mount of this host directory at a fixed path. Symbolic links in the host path are resolved first.
pub(crate) fn showing_at(source: &Path, target: &str) -> Mount {
    Mount { source: fs::canonicalize(source).unwrap(), target: target.into() }
}

/// Host files that trials need.
#[derive(Clone)]
pub(crate) struct Fixtures {
    /// Host directory, mounted read-only at [`SHOWN`], with the files of the fields below except `secret`. The paths in
    /// these fields are paths inside the sandbox.
    pub(crate) shown: PathBuf,
    /// The executable with all hostile programs.
    pub(crate) attacks: String,
    /// A set-uid copy of that executable, owned by the host's root.
    pub(crate) set_uid: String,
    /// A file of 192 MiB, several times the memory of a hostile program.
    pub(crate) large: String,
    /// Mounted inside, with a mode that allows all users to write.
    pub(crate) writable: String,
    /// Mounted inside, readable only by the host's root.
    pub(crate) private: String,
    /// Host path of a file that all users may read and that is not mounted inside.
    pub(crate) secret: String,
}

impl Fixtures {
    /// Compiles the hostile programs, unless they are compiled already, into a directory named after a hash of the
    /// sources.
    pub(crate) fn make() -> Fixtures {
        let mut hasher = DefaultHasher::new();
        SOURCES.hash(&mut hasher);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{:016x}", hasher.finish()));
        let shown = dir.join("shown");
        let inside = |name: &str| format!("{SHOWN}/{name}");
        let fixtures = Fixtures {
            attacks: inside("attacks"),
            set_uid: inside("set-uid"),
            large: inside("large"),
            writable: inside("writable"),
            private: inside("private"),
            secret: dir.join("secret").to_str().expect("the target directory's path is UTF-8").to_owned(),
            shown,
        };
        if !Path::new(&fixtures.secret).exists() {
            fs::create_dir_all(&fixtures.shown).unwrap();
            for (name, source) in SOURCES {
                fs::write(dir.join(name), source).unwrap();
            }
            let c_files = SOURCES
                .iter()
                .map(|(name, _)| dir.join(name))
                .filter(|path| path.extension().is_some_and(|e| e == "c"));
            let gcc = std::process::Command::new("gcc")
                .args(["-O1", "-static", "-w", "-o"])
                .arg(fixtures.on_the_host("attacks"))
                .args(c_files)
                .output()
                .expect("gcc compiles the hostile programs: apt-get install gcc libc6-dev");
            assert!(gcc.status.success(), "gcc: {}", String::from_utf8_lossy(&gcc.stderr));
            fs::copy(fixtures.on_the_host("attacks"), fixtures.on_the_host("set-uid")).unwrap();
            fs::set_permissions(fixtures.on_the_host("set-uid"), fs::Permissions::from_mode(0o6755)).unwrap();
            fs::File::create(fixtures.on_the_host("large")).unwrap().set_len(192 * 1024 * 1024).unwrap();
            for (name, mode) in [("writable", 0o666), ("private", 0o600)] {
                fs::write(fixtures.on_the_host(name), "text\n").unwrap();
                fs::set_permissions(fixtures.on_the_host(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            fs::write(&fixtures.secret, "what the judge knows\n").unwrap();
        }
        fixtures
    }

    /// The host path of a file in the mounted directory.
    pub(crate) fn on_the_host(&self, name: &str) -> PathBuf {
        self.shown.join(name)
    }

    /// Drops the large file from the host's page cache, so that the next cell that reads it is charged for it.
    pub(crate) fn forget_large(&self) {
        let large = fs::File::open(self.on_the_host("large")).unwrap();
        rustix::fs::fadvise(&large, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }

    /// Configuration of the sandbox that all trials use.
    pub(crate) fn config(&self) -> SandboxConfig {
        SandboxConfig { mounts: vec![showing_at(&self.shown, SHOWN)], slots: 2, ..SandboxConfig::default() }
    }
}

impl World {
    pub(crate) fn start() -> World {
        World::showing(&[])
    }

    /// A separate world with additional mounts.
    pub(crate) fn showing(more: &[Mount]) -> World {
        World::with(|config| config.mounts.extend_from_slice(more))
    }

    /// A separate world with a changed configuration.
    pub(crate) fn with(change: impl FnOnce(&mut SandboxConfig)) -> World {
        let fixtures = Fixtures::make();
        let mut config = fixtures.config();
        change(&mut config);
        let sandbox = Sandbox::start(config).expect("the sandbox starts");
        let slots = (0..sandbox.slots()).map(|index| sandbox.slot(index)).collect();
        World { sandbox, slots: Mutex::new(slots), freed: Condvar::new(), fixtures, root: CellRoot::System }
    }

    /// A slot that only this trial uses; blocks until one is free.
    pub(crate) fn slot(&self) -> Lent<'_> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(slot) = slots.pop() {
                return Lent { world: self, slot: Some(slot) };
            }
            slots = self.freed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Two slots at once, for a trial about neighbours; blocks until both are free.
    pub(crate) fn both_slots(&self) -> (Lent<'_>, Lent<'_>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if slots.len() >= 2 {
                let mut lend = || Lent { world: self, slot: slots.pop() };
                return (lend(), lend());
            }
            slots = self.freed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A hostile program by name, with its arguments.
    pub(crate) fn attack(&self, name: &str, arguments: &[&str]) -> Program {
        let argv = [self.fixtures.attacks.as_str(), name].iter().chain(arguments).map(|s| (*s).to_owned()).collect();
        Program::new(argv).root(&self.root)
    }

    /// Runs the program on any slot.
    pub(crate) fn run(&self, program: &Program) -> Ended {
        program.run(&mut self.slot())
    }

    /// Runs the program and asserts its standard output and its outcome.
    pub(crate) fn check(&self, program: &Program, outcome: Outcome, stdout: &str) -> Ended {
        let ended = self.run(program);
        assert_eq!(ended.text(), stdout, "standard output; {ended}");
        assert_eq!(ended.report.outcome, outcome, "{ended}");
        ended
    }
}

/// A slot that returns to the pool when dropped.
pub(crate) struct Lent<'a> {
    world: &'a World,
    slot: Option<Slot>,
}

impl std::ops::Deref for Lent<'_> {
    type Target = Slot;
    fn deref(&self) -> &Slot {
        self.slot.as_ref().expect("the slot is returned only on drop")
    }
}

impl std::ops::DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Slot {
        self.slot.as_mut().expect("the slot is returned only on drop")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.world.slots.lock().unwrap_or_else(PoisonError::into_inner).extend(self.slot.take());
        self.world.freed.notify_all();
    }
}

/// A program with its limits. The default is valid, and its limits are small so that programs reach them quickly.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) command: Command,
}

/// The limits of hostile programs.
pub(crate) fn small() -> Limits {
    Limits {
        cpu_time: patient(Duration::from_secs(5)),
        // On a slow machine, a program that uses a few seconds of CPU time runs for a minute.
        wall_time: patient(Duration::from_secs(300)),
        idle_time: patient(Duration::from_secs(120)),
        instructions: None,
        address_space: None,
        memory: Bytes::mib(64),
        processes: 32,
        open_files: 64,
        file_size: Bytes::mib(16),
        disk: Bytes::mib(32),
        inodes: 500,
        output: Bytes::kib(64),
        stack: Bytes::mib(8),
    }
}

impl Program {
    pub(crate) fn new(argv: Vec<String>) -> Program {
        Program {
            command: Command {
                argv,
                env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
                files: Vec::new(),
                counted_files: Bytes::ZERO,
                stdin: Stdin::Bytes(Arc::from(&b""[..])),
                limits: small(),
                root: CellRoot::System,
                kind: CellKind::Run,
                warm: None,
                stderr_to_stdout: false,
                result: false,
                collect: None,
                outbox: None,
                fetch: Vec::new(),
                find: None,
                watch: false,
            },
        }
    }

    /// `sh -c script`.
    pub(crate) fn shell(script: &str) -> Program {
        Program::new(vec!["/bin/sh".into(), "-c".into(), script.into()])
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Program {
        change(&mut self.command.limits);
        self
    }

    pub(crate) fn root(mut self, root: &CellRoot) -> Program {
        self.command.root = root.clone();
        self
    }

    pub(crate) fn stdin(mut self, data: &[u8]) -> Program {
        self.command.stdin = Stdin::Bytes(Arc::from(data));
        self
    }

    pub(crate) fn files(mut self, files: Vec<BoxFile>) -> Program {
        self.command.files.push(BoxFiles::new(files));
        self
    }

    pub(crate) fn collect(mut self, files: u32, bytes: Bytes) -> Program {
        self.command.collect = Some(CollectLimits { files, bytes, after_failure: false });
        self
    }

    /// Runs the program; panics if the sandbox itself fails.
    pub(crate) fn run(&self, slot: &mut Slot) -> Ended {
        match self.try_run(slot) {
            Ok(ended) => ended,
            Err(error) => {
                panic!("the sandbox failed: {error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))
            }
        }
    }

    pub(crate) fn try_run(&self, slot: &mut Slot) -> Result<Ended, RunError> {
        let mut kept = Captured::default();
        let noise = Noise::begin();
        let report = slot.run(&self.command, &mut kept)?;
        let noise = noise.overrun();
        Ok(Ended { report, stdout: kept.stdout, stderr: kept.stderr, result: kept.result, noise })
    }
}

/// A file to put into a box.
pub(crate) fn file(path: &str, data: &[u8], executable: bool) -> BoxFile {
    BoxFile { path: BoxPath::new(path).unwrap(), data: data.into(), executable }
}

/// Waits until a condition holds. The timeout is far longer than the wait should take.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let longest = patient(Duration::from_secs(120));
    let deadline = Instant::now() + longest;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out after {longest:?}: {what}");
        std::thread::yield_now();
    }
}

/// Repeats a measurement until it is as expected. A busy machine sometimes measures too much; a wrong product is wrong
/// each time.
pub(crate) fn repeatedly(mut measure: impl FnMut() -> Result<(), String>) {
    const ROUNDS: usize = 40;
    let mut far = String::new();
    for _ in 0..ROUNDS {
        match measure() {
            Ok(()) => return,
            Err(error) => far = error,
        }
    }
    panic!("in each of {ROUNDS} rounds; in the last one: {far}");
}

/// An observer that keeps a program's output.
#[derive(Default)]
struct Captured {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    result: Vec<u8>,
}

impl Observer for Captured {
    fn stdout(&mut self, data: &[u8]) {
        self.stdout.extend_from_slice(data);
    }
    fn stderr(&mut self, data: &[u8]) {
        self.stderr.extend_from_slice(data);
    }
    fn result(&mut self, data: &[u8]) {
        self.result.extend_from_slice(data);
    }
}

/// The report and the output of a run.
pub(crate) struct Ended {
    pub(crate) report: CellReport,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) result: Vec<u8>,
    /// Maximum time that the delays of this machine added to the overrun of a limit.
    pub(crate) noise: Duration,
}

impl Ended {
    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The reported CPU time.
    pub(crate) fn cpu_ns(&self) -> u64 {
        u64::try_from(self.report.usage.cpu_time.as_nanos()).unwrap()
    }

    /// The first number in standard output.
    pub(crate) fn number(&self) -> u64 {
        let text = self.text();
        let digits = text.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
        digits.and_then(|d| d.parse().ok()).unwrap_or_else(|| panic!("the program printed no number; {self}"))
    }

    /// Paths of the collected files, sorted and joined by spaces.
    pub(crate) fn collected(&self) -> String {
        let mut paths: Vec<&str> = self.report.files.iter().map(|f| f.path.as_str()).collect();
        paths.sort_unstable();
        paths.join(" ")
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        write!(f, "{:?}; stdout {:?}; stderr {:?}", self.report, short(&self.stdout), short(&self.stderr))
    }
}

/// Asserts that a measured figure is near the expected one; see [`is_near`].
pub(crate) fn assert_near(what: &str, measured: u64, expected: u64, per_cent: u64, slack: u64) {
    is_near(what, measured, expected, per_cent, slack).unwrap_or_else(|far| panic!("{far}"));
}

/// Whether a program's CPU time is near its own figure; see [`is_near`]. A machine sometimes charges a program for more
/// CPU time than it used, but never for less, so a figure that is too small panics.
pub(crate) fn is_charged_near(ended: &Ended, per_cent: u64, slack: u64) -> Result<(), String> {
    let (charged, used) = (ended.cpu_ns(), ended.number());
    let near = is_near("CPU time, ns", charged, used, per_cent, slack);
    assert!(charged >= used || near.is_ok(), "{near:?}; {ended}");
    near
}

/// Whether a measured figure differs from the expected one by at most `per_cent` of the expected figure plus `slack`.
/// For a time (`what` ends with `, ns`), `slack` is multiplied by the machine's slowness, because on a slow machine the
/// kernel also needs more time to start and end a program.
pub(crate) fn is_near(what: &str, measured: u64, expected: u64, per_cent: u64, slack: u64) -> Result<(), String> {
    let slack = if what.ends_with(", ns") { slack * u64::from(slowness()) } else { slack };
    let tolerance = expected * per_cent / 100 + slack;
    if measured.abs_diff(expected) <= tolerance {
        return Ok(());
    }
    Err(format!("{what}: measured {measured}, expected {expected} ± {tolerance}"))
}
