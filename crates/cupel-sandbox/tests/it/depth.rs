//! Defence in depth: each attack runs with one of its walls off, with all but one off, and with all off. The result is
//! the matrix in SECURITY.md. This trial writes the matrix (`UPDATE_DOCS=1`) or compares it with the measurement.
//!
//! The attacks (`hostile/depth.c`) do no harm when they succeed, because they also run with all their walls off.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

use cupel_sandbox::{Sandbox, SandboxConfig, Wall, WallSet};
use cupel_types::Bytes;
use libtest_mimic::Trial;

use crate::kit::{Program, World};
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "depth",
        &[("the_matrix_in_security_md_is_what_the_walls_do", the_matrix_in_security_md_is_what_the_walls_do)],
    )
}

/// A class of attacks with one goal, and the walls that help to stop them.
struct Class {
    wants: &'static str,
    attack: &'static str,
    argument: &'static str,
    walls: Vec<Wall>,
    with: fn(Program) -> Program,
    /// Whether an earlier run on the lane leaves something that this run looks for.
    after_another: bool,
    /// The first version of Landlock's ABI that helps to stop the attack.
    landlock_since: u32,
}

fn class(wants: &'static str, attack: &'static str, argument: &'static str, walls: &[Wall]) -> Class {
    Class { wants, attack, argument, walls: walls.to_vec(), with: |p| p, after_another: false, landlock_since: 1 }
}

impl Class {
    fn with(mut self, with: fn(Program) -> Program) -> Class {
        self.with = with;
        self
    }

    fn after_another(mut self) -> Class {
        self.after_another = true;
        self
    }

    fn landlock_since(mut self, version: u32) -> Class {
        self.landlock_since = version;
        self
    }
}

/// Attacks on things that a program may not see, change or reach.
#[rustfmt::skip] // A table.
fn isolation() -> Vec<Class> {
    use Wall::{Capabilities, CgroupNamespace, Descriptors, FreshBox, IpcNamespace, Landlock, NetNamespace, NoNewPrivs, PidNamespace, PrivateProc, PrivateRoot,
        ReadOnlyRoot, Seccomp, UserNamespace, UtsNamespace};
    vec![
        class("read a file of the host", "read_host", "{secret}", &[PrivateRoot, Landlock]),
        class("read a file that only the host's root may read", "be_root", "{private}", &[UserNamespace, Capabilities]),
        class("write a toolchain's file", "write_toolchain", "{writable}", &[ReadOnlyRoot, Landlock]),
        class("change the mode of a toolchain's file", "chmod_toolchain", "{writable}", &[ReadOnlyRoot, UserNamespace, Capabilities]),
        class("become root with a set-uid program", "set_uid", "{set_uid}", &[NoNewPrivs, UserNamespace]),
        class("make and open a device", "device", "", &[UserNamespace, Landlock, Capabilities]),
        class("make a user namespace", "user_namespace", "", &[UserNamespace, Seccomp]),
        class("mount a file system", "mount", "", &[Seccomp, Landlock, Capabilities]),
        class("set the kernel's release agent", "release_agent", "", &[UserNamespace, CgroupNamespace, Seccomp, Landlock, Capabilities]),
        class("open a file by its handle", "by_handle", "", &[UserNamespace, Seccomp, Capabilities]),
        class("load a program into the kernel", "kernel_program", "", &[UserNamespace, Seccomp, Capabilities]),
        class("write a kernel setting", "kernel_setting", "", &[UserNamespace, PrivateProc, Landlock, Capabilities]),
        class("set the clock", "clock", "", &[UserNamespace, Seccomp, Capabilities]),
        class("change the host's name", "host_name", "{uts}", &[UserNamespace, UtsNamespace, Seccomp, Capabilities]),
        class("use io_uring, userfaultfd or keys", "odd_calls", "", &[Seccomp]),
        class("reach the host's loopback", "loopback", "{port}", &[NetNamespace, Seccomp, Landlock]).landlock_since(4),
        class("reach an abstract socket of the host", "abstract", "{name}", &[NetNamespace, Landlock]).landlock_since(6),
        class("open a raw socket", "raw_socket", "", &[Seccomp, Capabilities]),
        class("read or trace the cell's init", "memory_of_init", "", &[PrivateProc, Seccomp, Landlock, Capabilities]),
        class("signal the cell's init", "signal_init", "", &[Landlock, Capabilities]).landlock_since(6),
        class("use a descriptor of the judge", "descriptors", "", &[Descriptors]),
        class("escape the OOM killer", "oom_preference", "", &[PrivateProc, Landlock]),
        class("run in real time", "real_time", "", &[UserNamespace, Capabilities]),
        class("find a file of the run before", "find_file", "", &[FreshBox]).after_another(),
        class("find shared memory of the run before", "find_segment", "", &[IpcNamespace]).after_another(),
        class("outlive its run", "find_process", "", &[PidNamespace]).after_another(),
    ]
}

/// Attacks on limits.
#[rustfmt::skip] // A table.
fn limits() -> Vec<Class> {
    use Wall::{CpuAccounting, DiskLimit, IdleLimit, MemoryLimit, ProcessLimit, Rlimits, WallClockLimit};
    vec![
        class("compute beyond its time limit", "compute", "1000", &[CpuAccounting, WallClockLimit])
            .with(|p| p.limits(|l| { l.cpu_time = Duration::from_millis(150); l.wall_time = Duration::from_millis(500); })),
        class("hold a slot while it sleeps", "sleep", "8000", &[WallClockLimit, IdleLimit])
            .with(|p| p.limits(|l| { l.idle_time = Duration::from_millis(200); l.wall_time = Duration::from_millis(400); })),
        class("fork beyond its limit", "processes", "1500", &[ProcessLimit, MemoryLimit]).with(|p| p.limits(|l| l.memory = Bytes::mib(24))),
        class("fill the disk", "fill_disk", "48", &[DiskLimit, MemoryLimit])
            .with(|p| p.limits(|l| { l.disk = Bytes::mib(8); l.memory = Bytes::mib(24); })),
        class("write one huge file", "large_file", "48", &[Rlimits, DiskLimit, MemoryLimit])
            .with(|p| p.limits(|l| { l.file_size = Bytes::mib(4); l.disk = Bytes::mib(8); l.memory = Bytes::mib(24); })),
        class("use more memory than its limit", "memory", "64", &[MemoryLimit]).with(|p| p.limits(|l| l.memory = Bytes::mib(24))),
    ]
}

/// Host resources that the attacks target; they exist until this value is dropped.
struct Targets {
    port: String,
    name: String,
    uts: String,
    /// Readable by all users, in a directory that all users may enter. Independent of the path of the checkout.
    secret: tempfile::NamedTempFile,
    _listeners: (TcpListener, UnixListener),
}

impl Targets {
    fn new() -> Targets {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("cupel-depth-{}", std::process::id());
        let unix = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Targets {
            port: tcp.local_addr().unwrap().port().to_string(),
            name,
            uts: std::fs::read_link("/proc/self/ns/uts").unwrap().to_str().unwrap().to_owned(),
            secret: tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o644)).tempfile().unwrap(),
            _listeners: (tcp, unix),
        }
    }
}

/// For each of these attacks: whether a sandbox without these walls stops it.
fn stopped(world: &World, targets: &Targets, off: WallSet, classes: &[&Class]) -> Vec<bool> {
    let config = SandboxConfig { walls_off: off, slots: 1, ..world.fixtures.config() };
    let sandbox = Sandbox::start(config).unwrap_or_else(|error| panic!("without {}: {error}", names(off)));
    let mut slot = sandbox.slot(0);
    let mut is_stopped = |class: &Class| {
        if class.after_another {
            let left = world.attack("depth_leave", &[]).run(&mut slot);
            assert_eq!(left.text(), "left\n", "without {}: {left}", names(off));
        }
        let argument = match class.argument {
            "{secret}" => targets.secret.path().to_str().expect("the path is UTF-8"),
            "{private}" => &world.fixtures.private,
            "{writable}" => &world.fixtures.writable,
            "{set_uid}" => &world.fixtures.set_uid,
            "{port}" => &targets.port,
            "{name}" => &targets.name,
            "{uts}" => &targets.uts,
            other => other,
        };
        let program = (class.with)(world.attack(&format!("depth_{}", class.attack), &[argument]));
        let ended = program.run(&mut slot);
        let breached = ended.text().starts_with("breached");
        assert!(
            breached || ended.text().starts_with("stopped") || ended.report.outcome != cupel_types::Outcome::Exited(0),
            "{} without {}: {ended}",
            class.wants,
            names(off)
        );
        !breached
    };
    let mut is_always_stopped = |class: &Class| {
        match (class.after_another, class.attack) {
            // If the lane is retired between the two runs, the second run finds nothing.
            (true, _) => (0..20).all(|_| is_stopped(class)),
            // A busy machine sometimes notices a limit only after the program has ended. Without the limit, each
            // attempt succeeds. The program cannot compute for longer instead, because `RLIMIT_CPU` is 2 s.
            (false, "compute") => (0..5).any(|_| is_stopped(class)),
            (false, _) => is_stopped(class),
        }
    };
    classes.iter().map(|class| is_always_stopped(class)).collect()
}

fn names(off: WallSet) -> String {
    let names: Vec<&str> = Wall::ALL.iter().filter(|wall| off.contains(**wall)).map(|wall| wall.slug()).collect();
    names.join(", ")
}

fn set_of(walls: &[Wall]) -> WallSet {
    walls.iter().copied().collect()
}

fn all_but(class: &Class, one: Wall) -> WallSet {
    class.walls.iter().copied().filter(|wall| *wall != one).collect()
}

/// A set of walls as a map key.
fn key(off: WallSet) -> Vec<&'static str> {
    Wall::ALL.iter().filter(|wall| off.contains(**wall)).map(|wall| wall.slug()).collect()
}

fn the_matrix_in_security_md_is_what_the_walls_do(world: &World) {
    let probe =
        std::process::Command::new(world.fixtures.on_the_host("attacks")).arg("landlock_version").output().unwrap();
    let landlock: u32 = String::from_utf8_lossy(&probe.stdout).trim().parse().unwrap_or(0);
    let tables: Vec<String> = [isolation(), limits()]
        .into_iter()
        .map(|mut classes| {
            for class in &mut classes {
                class.walls.retain(|wall| *wall != Wall::Landlock || landlock >= class.landlock_since);
            }
            table(&classes, &measure(world, &classes))
        })
        .collect();
    // On an older kernel, Landlock stops fewer attacks than the page states, so only the assertions above apply there.
    if landlock >= 6 {
        compare(&tables.join("\n"));
    }
}

/// For each set of walls that are off, and for each class, whether the attack was stopped.
type Results = BTreeMap<(Vec<&'static str>, usize), bool>;

/// Runs all attacks that the matrix needs. Classes that need the same set of walls share one sandbox.
fn measure(world: &World, classes: &[Class]) -> Results {
    let mut asked: BTreeMap<Vec<&str>, (WallSet, Vec<usize>)> = BTreeMap::new();
    for (index, class) in classes.iter().enumerate() {
        let mut sets = vec![WallSet::NONE, set_of(&class.walls)];
        sets.extend(class.walls.iter().map(|wall| WallSet::NONE.with(*wall)));
        sets.extend(class.walls.iter().map(|wall| all_but(class, *wall)));
        for set in sets {
            let (_, indexes) = asked.entry(key(set)).or_insert((set, Vec::new()));
            if indexes.last() != Some(&index) {
                indexes.push(index);
            }
        }
    }
    let targets = Targets::new();
    let mut results = Results::new();
    for (key, (set, indexes)) in asked {
        let tried: Vec<&Class> = indexes.iter().map(|index| &classes[*index]).collect();
        for (index, result) in indexes.iter().zip(stopped(world, &targets, set, &tried)) {
            results.insert((key.clone(), *index), result);
        }
    }
    results
}

/// Formats one matrix and asserts its claims.
fn table(classes: &[Class], results: &Results) -> String {
    let result = |set: WallSet, index: usize| results[&(key(set), index)];
    let columns: Vec<Wall> =
        Wall::ALL.iter().copied().filter(|w| classes.iter().any(|c| c.walls.contains(w))).collect();
    let mut table = String::from("| a program wants to |");
    columns.iter().for_each(|wall| write!(table, " {wall} |").unwrap());
    table.push_str(" none of these |\n|---|");
    columns.iter().for_each(|_| table.push_str(":-:|"));
    table.push_str(":-:|\n");
    for (index, class) in classes.iter().enumerate() {
        assert!(result(WallSet::NONE, index), "{}: not stopped with all walls", class.wants);
        let held_without_all = result(set_of(&class.walls), index);
        write!(table, "| {} |", class.wants).unwrap();
        for wall in &columns {
            let has_a_part = class.walls.contains(wall);
            let mark = match has_a_part {
                false => "",
                // If the attack is stopped without these walls, the effect of a single wall cannot be measured.
                true if held_without_all => "+",
                true if result(all_but(class, *wall), index) => "●",
                true => "○",
            };
            write!(table, " {mark} |").unwrap();
            // Defence in depth: if a class has two or more walls, the attack is stopped even if any single one of them
            // is off.
            if has_a_part && (class.walls.len() > 1 || held_without_all) {
                assert!(result(WallSet::NONE.with(*wall), index), "{}: not stopped without {wall}", class.wants);
            }
        }
        table.push_str(if held_without_all { " stopped |\n" } else { " |\n" });
    }
    table
}

/// The part of SECURITY.md between these two lines is the table.
const BEGIN: &str = "<!-- the matrix: written by UPDATE_DOCS=1 cargo test -p cupel-sandbox --test it -- depth -->\n";
const END: &str = "<!-- end of the matrix -->\n";

fn compare(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SECURITY.md");
    // If the suite runs without its sources, there is no page to compare with.
    let Ok(page) = std::fs::read_to_string(&path) else { return };
    let begin = page.find(BEGIN).expect("SECURITY.md has the line that begins the matrix") + BEGIN.len();
    let end = begin + page[begin..].find(END).expect("SECURITY.md has the line that ends the matrix");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{}\n{table}\n{}", &page[..begin], &page[end..])).unwrap();
        return;
    }
    assert_eq!(
        page[begin..end].trim(),
        table.trim(),
        "the matrix in SECURITY.md differs from the measurement: run with UPDATE_DOCS=1 to write it"
    );
}
