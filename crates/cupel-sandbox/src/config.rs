//! What an operator (or a test) decides about a sandbox before it starts.

use std::fmt;
use std::path::PathBuf;

use crate::warm::WarmTemplate;

/// How a [`Sandbox`](crate::Sandbox) is made.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// How many programs run at one time; slot `n` is pinned to the `n`th processor we may use.
    pub slots: usize,
    /// Directories and files of the host that programs may read, beside `/usr` and the links into it.
    /// What does not exist or cannot be reached is left out.
    pub mounts: Vec<Mount>,
    /// First of the user ids lanes run as, outside; each lane uses two. The default range lies in one that
    /// no other allocation scheme claims (source: systemd, "Users, Groups, UIDs and GIDs on systemd
    /// Systems").
    pub uid_base: u32,
    /// Interpreters that are kept warm, each in a lane of its own in every slot.
    pub warm: Vec<WarmTemplate>,
    /// What is counted and limited as instructions.
    pub counted: CountedEvent,
    /// How many runs a lane serves before it is replaced.
    pub lane_runs_max: u32,
    /// Whether lanes are made ahead that take the place of those that are retired.
    pub spares: bool,
    /// Walls left out. Only for proving that the others hold and that `doctor` sees what is missing.
    pub walls_off: WallSet,
    /// Whether our own executable is visible inside as `/probe`; for `doctor`.
    pub with_probe: bool,
}

impl Default for SandboxConfig {
    fn default() -> SandboxConfig {
        SandboxConfig {
            slots: std::thread::available_parallelism().map_or(1, usize::from),
            mounts: Vec::new(),
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

/// What is counted as a program's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedEvent {
    /// Those it executes, where the processor counts them.
    Instructions = 1,
    /// Its page faults, which the kernel itself counts. Only for proving what holds of any counter.
    PageFaults = 2,
}

impl CountedEvent {
    pub(crate) fn from_number(number: u32) -> Option<CountedEvent> {
        [CountedEvent::Instructions, CountedEvent::PageFaults].into_iter().find(|counted| *counted as u32 == number)
    }
}

/// Something of the host's that programs may read. A directory is shown as it is: what is put there later is
/// seen by lanes that exist already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mount {
    /// Where it lies on the host. What is to be shown elsewhere has to be there when the sandbox is started, with no
    /// link on the way to it: it is what was there then that is shown, whatever takes its name later.
    pub source: PathBuf,
    /// Where programs find it. Refused where a cell has something of its own (`/box`, `/tmp`, `/proc`, `/dev`, `/cell`) and,
    /// for what lies elsewhere on the host, in the system's directories (`/usr` and the like). Best a fixed place, such as
    /// one below `/opt/cupel`: then no path of the host exists in a cell.
    pub target: PathBuf,
}

impl From<PathBuf> for Mount {
    /// Shown where it lies.
    fn from(path: PathBuf) -> Mount {
        Mount { source: path.clone(), target: path }
    }
}

macro_rules! walls {
    ($($name:ident, $slug:literal, $text:literal;)*) => {
        /// One thing that stands between a program and what it must not do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "`describe` says it")]
        pub enum Wall { $($name),* }

        impl Wall {
            /// Every wall.
            pub const ALL: &'static [Wall] = &[$(Wall::$name),*];

            /// The stable name, for configuration and the command line.
            pub const fn slug(self) -> &'static str {
                match self { $(Wall::$name => $slug),* }
            }

            /// What it keeps a program from.
            pub const fn describe(self) -> &'static str {
                match self { $(Wall::$name => $text),* }
            }
        }
    };
}

walls! {
    UserNamespace, "user-namespace", "being the host's root, or any user of the host";
    PidNamespace, "pid-namespace", "seeing and signalling other processes";
    NetNamespace, "net-namespace", "reaching any network, the host's loopback included";
    IpcNamespace, "ipc-namespace", "leaving System V objects and message queues for the next run";
    UtsNamespace, "uts-namespace", "learning or changing the host's name";
    CgroupNamespace, "cgroup-namespace", "seeing where in the host's control groups it runs";
    ReadOnlyRoot, "read-only-root", "changing toolchains and libraries";
    PrivateRoot, "private-root", "reading the host's files";
    PrivateProc, "private-proc", "reading the kernel's and other processes' state";
    FreshBox, "fresh-box", "leaving files for the next run";
    Seccomp, "seccomp", "using system calls that programs do not need";
    Landlock, "landlock", "reaching files, ports and abstract sockets outside the box";
    Capabilities, "capabilities", "acting as an administrator inside";
    NoNewPrivs, "no-new-privs", "gaining privileges from set-uid programs";
    Descriptors, "descriptors", "using what the judge has open";
    Rlimits, "rlimits", "writing huge files, core dumps, and opening files without bound";
    MemoryLimit, "memory-limit", "using more memory than the limit";
    ProcessLimit, "process-limit", "forking without bound";
    CpuAccounting, "cpu-accounting", "computing without being charged";
    DiskLimit, "disk-limit", "filling the disk and its inodes";
    WallClockLimit, "wall-clock-limit", "holding a slot for longer than the limit, however little it computes";
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

    /// Whether `wall` is in it.
    pub const fn contains(self, wall: Wall) -> bool {
        self.0 & (1 << wall as u64) != 0
    }

    /// Whether it is empty.
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
