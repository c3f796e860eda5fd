//! Configuration of a sandbox, fixed at its start by an operator or a test.

use std::fmt;
use std::path::PathBuf;

use crate::warm::WarmTemplate;

/// Configuration of a [`Sandbox`](crate::Sandbox).
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Number of programs that run at the same time; each slot is pinned to one of the processors this process may use.
    pub slots: usize,
    /// Number of further slots, for programs that wait most of the time. If the control group controller `cpu` is
    /// available, all of them on one processor together get at most half of it while another slot's program needs it.
    pub background_slots: usize,
    /// Directories and files of the host that programs may read, in addition to the system's programs and libraries
    /// (`SYSTEM` in `mechanism/mounts.rs`).
    /// Entries that do not exist or are not accessible are omitted.
    pub mounts: Vec<Mount>,
    /// The directory whose entries are the root directories of images, named by the images' ids; `None` if no program
    /// may use an image. The path contains no symbolic link.
    pub images: Option<PathBuf>,
    /// First of the host user ids that lanes run as; each lane uses two. The default is in a range that no other
    /// allocation scheme claims (source: systemd, "Users, Groups, UIDs and GIDs on systemd Systems").
    pub uid_base: u32,
    /// Interpreters that are kept warm, each in a separate lane of every slot but the background slots.
    pub warm: Vec<WarmTemplate>,
    /// The event that is counted and limited as instructions.
    pub counted: CountedEvent,
    /// Maximum number of runs that a lane serves before it is replaced.
    pub lane_runs_max: u32,
    /// Whether replacements for retired lanes are created in advance.
    pub spares: bool,
    /// Walls to omit. Only for tests, which check that the other walls hold and that `doctor` detects a missing wall.
    pub walls_off: WallSet,
    /// Whether Cupel's executable is visible in cells as `/probe`; for `doctor`.
    pub with_probe: bool,
}

impl Default for SandboxConfig {
    fn default() -> SandboxConfig {
        SandboxConfig {
            slots: std::thread::available_parallelism().map_or(1, usize::from),
            background_slots: 0,
            mounts: Vec::new(),
            images: None,
            uid_base: 0x7000_0000,
            warm: Vec::new(),
            counted: CountedEvent::Instructions,
            lane_runs_max: 10_000,
            spares: true,
            walls_off: WallSet::NONE,
            with_probe: false,
        }
    }
}

/// The event that is counted as a program's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedEvent {
    /// Executed instructions, if the processor counts them.
    Instructions = 1,
    /// Page faults, which the kernel itself counts. Only for tests of rules that hold for any counter.
    PageFaults = 2,
}

impl CountedEvent {
    pub(crate) fn from_number(number: u32) -> Option<CountedEvent> {
        [CountedEvent::Instructions, CountedEvent::PageFaults].into_iter().find(|counted| *counted as u32 == number)
    }
}

/// A directory or file of the host that programs may read. A directory is shown live: existing lanes see files that are
/// added to it later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mount {
    /// Path on the host. If `target` differs, the source is opened when the sandbox starts: a missing path is omitted
    /// even if it is created later, and a symbolic link in the path is an error. Programs then see the object found at
    /// that time, even if the path refers to another object later.
    pub source: PathBuf,
    /// Path in the cell. Refused at or below the cell's private directories (`/box`, `/tmp`, `/proc`, `/dev`, `/cell`)
    /// and, if `source` differs, at or below the system's directories (`/usr` and the like). Prefer a fixed path, such
    /// as one below `/opt/cupel`, so that cells contain no path of the host.
    pub target: PathBuf,
}

impl From<PathBuf> for Mount {
    /// A mount at the same path as on the host.
    fn from(path: PathBuf) -> Mount {
        Mount { source: path.clone(), target: path }
    }
}

macro_rules! walls {
    ($($name:ident, $slug:literal, $text:literal;)*) => {
        /// One protection that prevents a program from performing a forbidden action.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "`describe` documents them")]
        pub enum Wall { $($name),* }

        impl Wall {
            /// Every wall.
            pub const ALL: &'static [Wall] = &[$(Wall::$name),*];

            /// The stable name, for configuration and the command line.
            pub const fn slug(self) -> &'static str {
                match self { $(Wall::$name => $slug),* }
            }

            /// What the wall prevents a program from doing.
            pub const fn describe(self) -> &'static str {
                match self { $(Wall::$name => $text),* }
            }
        }
    };
}

walls! {
    UserNamespace, "user-namespace", "being the host's root, or any user of the host";
    PidNamespace, "pid-namespace", "seeing and signalling other processes";
    NetNamespace, "net-namespace", "reaching any network, including the host's loopback";
    IpcNamespace, "ipc-namespace", "leaving System V objects and message queues for the next run";
    UtsNamespace, "uts-namespace", "learning or changing the host's name";
    CgroupNamespace, "cgroup-namespace", "seeing its own path in the host's control groups";
    ReadOnlyRoot, "read-only-root", "changing toolchains and libraries";
    PrivateRoot, "private-root", "reading the host's files";
    PrivateProc, "private-proc", "reading the kernel's and other processes' state";
    FreshBox, "fresh-box", "leaving files for the next run";
    Seccomp, "seccomp", "using system calls that programs do not need";
    Landlock, "landlock", "reaching files, ports and abstract sockets outside the box";
    Capabilities, "capabilities", "acting as an administrator inside the cell";
    NoNewPrivs, "no-new-privs", "gaining privileges from set-uid programs";
    Descriptors, "descriptors", "using descriptors that the judge has open";
    Rlimits, "rlimits", "writing huge files or core dumps, and opening files without bound";
    MemoryLimit, "memory-limit", "using more memory than the limit";
    ProcessLimit, "process-limit", "forking without bound";
    CpuAccounting, "cpu-accounting", "computing without being charged";
    DiskLimit, "disk-limit", "filling the disk and its inodes";
    WallClockLimit, "wall-clock-limit", "holding a slot for longer than the wall-clock limit, even without computing";
    IdleLimit, "idle-limit", "holding a slot while doing nothing";
    OutputLimit, "output-limit", "printing without bound";
}

impl Wall {
    /// The wall with this [`slug`](Wall::slug).
    pub fn from_slug(slug: &str) -> Option<Wall> {
        Wall::ALL.iter().copied().find(|w| w.slug() == slug)
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}

/// A set of walls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallSet(u64);

impl WallSet {
    /// The empty set.
    pub const NONE: WallSet = WallSet(0);

    /// This set and `wall`.
    #[must_use]
    pub const fn with(self, wall: Wall) -> WallSet {
        WallSet(self.0 | 1 << wall as u64)
    }

    /// Whether the set contains `wall`.
    pub const fn contains(self, wall: Wall) -> bool {
        self.0 & (1 << wall as u64) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> WallSet {
        WallSet(bits)
    }
}

impl FromIterator<Wall> for WallSet {
    fn from_iter<I: IntoIterator<Item = Wall>>(walls: I) -> WallSet {
        walls.into_iter().fold(WallSet::NONE, WallSet::with)
    }
}
