//! A run leaves nothing that a later run can detect. One program leaves marks everywhere it can, and a second program
//! on the same lane checks for each mark. SECURITY.md, "What is not closed", lists the known exceptions.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_sandbox::{Sandbox, SandboxConfig, Warm, WarmTemplate};
use cupel_types::{Bytes, Outcome};
use libtest_mimic::Trial;

use crate::kit::{Ended, Program, SHOWN, World, eventually, file};
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    let mut trials = rules(
        world,
        "leaks",
        &[
            ("a_mark_is_seen_by_the_process_that_left_it", a_mark_is_seen_by_the_process_that_left_it),
            ("no_mark_is_seen_by_the_next_run_on_the_lane", no_mark_is_seen_by_the_next_run_on_the_lane),
            ("no_descriptor_in_flight_is_seen_by_the_next_run", no_descriptor_in_flight_is_seen_by_the_next_run),
            (
                "a_lock_in_flight_is_released_when_its_lane_is_retired",
                a_lock_in_flight_is_released_when_its_lane_is_retired,
            ),
            ("no_mark_is_seen_by_a_run_on_another_lane", no_mark_is_seen_by_a_run_on_another_lane),
        ],
    );
    let warm = Trial::test("leaks::a_warm_program_has_nothing_of_earlier_ones_in_its_memory", || {
        a_warm_program_has_nothing_of_earlier_ones_in_its_memory();
        Ok(())
    });
    // The trial is ignored if Python is not installed.
    trials.push(warm.with_ignored_flag(!std::path::Path::new("/usr/bin/python3").exists()));
    trials
}

/// Serializes the trials: locks on host files are visible to all lanes while their holder runs (see SECURITY.md).
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Host files that are mounted inside and that only one trial uses; removed on drop.
struct SharedFiles<'a> {
    /// Prefix of the files' paths inside the sandbox; a number follows.
    inside: String,
    paths: [PathBuf; 3],
    _alone: MutexGuard<'a, ()>,
}

impl SharedFiles<'_> {
    fn new(world: &World) -> SharedFiles<'static> {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("shared-{}-", std::process::id());
        let paths = [0, 1, 2].map(|n| world.fixtures.on_the_host(&format!("{name}{n}")));
        paths.iter().for_each(|path| std::fs::write(path, "text\n").unwrap());
        SharedFiles { inside: format!("{SHOWN}/{name}"), paths, _alone: alone }
    }

    /// The program that leaves marks or checks for them.
    fn marks(&self, world: &World, arguments: &[&str]) -> Program {
        let mut program = world.attack("marks", arguments);
        program.command.env.push(("SHARED".into(), self.inside.clone()));
        program
    }

    /// Waits until the lock is free: a retired lane releases the locks that it held in flight.
    fn lock_comes_back(&self) {
        let file = std::fs::File::open(&self.paths[1]).unwrap();
        eventually("the lock is released", || {
            rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
        });
    }
}

impl Drop for SharedFiles<'_> {
    fn drop(&mut self) {
        self.paths.iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
}

/// Places where a program cannot leave a mark, and the error it gets there.
const REFUSED: &[(&str, &str)] = &[
    ("file in /", "EROFS"),
    ("file in /usr", "EROFS"),
    ("file in /var", "EROFS"),
    ("POSIX message queue", "EACCES"),
    ("key", "EPERM"),
    ("lease", "EPERM"),
    ("watch", "ENOSYS"),
    ("host name", "EPERM"),
    ("core file", "EPERM"),
    ("I/O priority", "ENOSYS"),
    ("OOM preference", "EROFS"),
    ("kernel setting", "ENOENT"),
    ("control group", "ENOENT"),
    ("access time of a toolchain's file", "EROFS"),
];

/// The lane of a run, and what the run printed about each mark.
fn marks_of(ended: &Ended) -> (String, Vec<(String, String)>) {
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    let text = ended.text();
    let mut lines =
        text.lines().filter_map(|l| l.split_once(": ")).map(|(mark, word)| (mark.to_owned(), word.to_owned()));
    let (first, lane) = lines.next().unwrap_or_else(|| panic!("the first line must name the lane; {ended}"));
    assert_eq!(first, "lane", "{ended}");
    (lane, lines.collect())
}

/// Asserts that a mark was left in every place except those in [`REFUSED`].
fn left_everywhere(marks: &[(String, String)]) {
    let refused: Vec<(&str, &str)> =
        marks.iter().filter(|(_, word)| word != "left").map(|(mark, word)| (mark.as_str(), word.as_str())).collect();
    assert_eq!(refused, REFUSED, "the places where no mark can be left");
    assert!(marks.len() >= REFUSED.len() + 25, "{marks:?}");
}

fn nothing_seen(marks: &[(String, String)]) {
    let seen: Vec<_> = marks.iter().filter(|(_, word)| word != "clean").collect();
    assert!(seen.is_empty() && marks.len() >= 40, "{seen:?} of {}", marks.len());
}

/// Asserts that a checking run found none of the marks left on `lane`; returns whether this run was on the same lane. A
/// different lane is also correct: a lane that cannot prove that it is clean is replaced. In this case, a lock in
/// flight on a host file is released slightly later, when the old lane is retired.
fn nothing_seen_after(lane: &str, look: (String, Vec<(String, String)>), shared: &SharedFiles<'_>) -> bool {
    let (next_lane, marks) = look;
    let is_same = lane == next_lane;
    let may_be_seen = |mark: &str| !is_same && mark == "lock in flight";
    let seen: Vec<_> = marks.iter().filter(|(mark, word)| word != "clean" && !may_be_seen(mark)).collect();
    assert!(seen.is_empty(), "{seen:?} of {}, same lane: {is_same}", marks.len());
    if !is_same {
        shared.lock_comes_back();
    }
    is_same
}

/// Proves that the checks can detect marks: a process that leaves marks and then checks for them finds its own.
fn a_mark_is_seen_by_the_process_that_left_it(world: &World) {
    let shared = SharedFiles::new(world);
    let (_, marks) = marks_of(&world.run(&shared.marks(world, &["both"])));
    // The kernel frees descriptors in flight as soon as any process closes such a socket, so these marks may be gone.
    // Their checks are the same as those of two other marks.
    let overlooked: Vec<_> =
        marks.iter().filter(|(mark, word)| word != "seen" && !mark.ends_with("in flight")).collect();
    assert!(overlooked.is_empty() && marks.len() >= 25, "{overlooked:?} of {marks:?}");
}

fn no_mark_is_seen_by_the_next_run_on_the_lane(world: &World) {
    let shared = SharedFiles::new(world);
    let mut slot = world.slot();
    let mut pairs_on_one_lane = 0;
    // On a busy machine, most lanes are replaced, because the kernel frees files and sockets late.
    for pairs in 1.. {
        let (lane, marks) = marks_of(&shared.marks(world, &["leave"]).run(&mut slot));
        left_everywhere(&marks);
        let look = marks_of(&shared.marks(world, &["look"]).run(&mut slot));
        assert!(look.1.len() >= 40, "{look:?}");
        pairs_on_one_lane += u32::from(nothing_seen_after(&lane, look, &shared));
        if pairs >= 20 && pairs_on_one_lane >= 5 {
            break;
        }
        assert!(pairs < 200, "{pairs_on_one_lane} of {pairs} pairs were on one lane");
    }
}

/// Descriptors that are referenced only by a ring of sockets in flight. The kernel frees them in its next garbage
/// collection, which runs when a process closes such a socket. No other process closes such a socket here.
fn no_descriptor_in_flight_is_seen_by_the_next_run(world: &World) {
    let shared = SharedFiles::new(world);
    let mut slot = world.slot();
    let mut pairs_on_one_lane = 0;
    // On a busy machine, most lanes are replaced, because the kernel frees files and sockets late.
    for pairs in 1.. {
        let (lane, marks) = marks_of(&shared.marks(world, &["leave", "in flight"]).run(&mut slot));
        assert!(marks.len() == 2 && marks.iter().all(|(_, word)| word == "left"), "{marks:?}");
        let look = marks_of(&shared.marks(world, &["look", "in flight"]).run(&mut slot));
        assert_eq!(look.1.len(), 2, "{look:?}");
        pairs_on_one_lane += u32::from(nothing_seen_after(&lane, look, &shared));
        if pairs >= 20 && pairs_on_one_lane >= 5 {
            break;
        }
        assert!(pairs < 200, "{pairs_on_one_lane} of {pairs} pairs were on one lane");
    }
}

/// A run that is killed by a limit retires its lane, which then never checks that it is clean.
fn a_lock_in_flight_is_released_when_its_lane_is_retired(world: &World) {
    let shared = SharedFiles::new(world);
    let program =
        shared.marks(world, &["leave", "in flight", "and go on"]).limits(|l| l.cpu_time = Duration::from_millis(150));
    let ended = world.run(&program);
    assert!(ended.report.outcome == Outcome::TimeLimit && ended.text().contains("lock in flight: left\n"), "{ended}");
    shared.lock_comes_back();
}

fn no_mark_is_seen_by_a_run_on_another_lane(world: &World) {
    let shared = SharedFiles::new(world);
    let (mut one, mut other) = world.both_slots();
    let (lane, marks) = marks_of(&shared.marks(world, &["leave"]).run(&mut one));
    left_everywhere(&marks);
    // The lane frees descriptors in flight while it checks that it is clean, before it takes another run.
    assert_eq!(world.attack("exit", &["3"]).run(&mut one).report.outcome, Outcome::Exited(3));
    shared.lock_comes_back();
    let (other_lane, marks) = marks_of(&shared.marks(world, &["look"]).run(&mut other));
    nothing_seen(&marks);
    assert_ne!(lane, other_lane);
}

/// A warm program is forked from the zygote, which received the arguments, the environment and the message of every run
/// on the lane. The program has a copy of the zygote's memory, and may read all of it.
fn a_warm_program_has_nothing_of_earlier_ones_in_its_memory() {
    const SCAN: &str = r#"
import os, re, sys
# The words are never stored in plain form, because the scan would find them here.
hidden = bytes(n ^ 0x55 for n in range(256))
wanted = [bytes(c ^ 0x55 for c in reversed(word.encode())) for word in sys.argv[1:]]
found, scanned = {}, 0
memory = os.open("/proc/self/mem", os.O_RDONLY)
for line in open("/proc/self/maps"):
    first, last, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
    first, last = int(first, 16), int(last, 16)
    # A writable shared page, from which other processes read state that they trust.
    if rights[1] == "w" and rights[3] == "s":
        found["shared"] = line
    if rights[0] != "r" or last > 1 << 47:
        continue
    for at in range(first, last, 1 << 20):
        try:
            block = os.pread(memory, min(1 << 20, last - at) + 64, at)
        except OSError:
            continue
        scanned += len(block)
        block = block.translate(hidden)
        for word in wanted:
            if word in block:
                found[chr(word[-1] ^ 0x55)] = line.split()[-1]
print("warm:", "python" not in os.readlink("/proc/self/exe"), "scanned:", scanned > 1 << 20, "found:", sorted(found.items()))
"#;
    let environment = vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())];
    let template =
        WarmTemplate { kind: Warm::Python, argv: vec!["python3".into(), "main.py".into()], env: environment.clone() };
    let sandbox = Sandbox::start(SandboxConfig { warm: vec![template], slots: 1, ..SandboxConfig::default() }).unwrap();
    let mut slot = sandbox.slot(0);
    let mut run = |source: &str, arguments: &[String], more: Vec<(String, String)>| {
        let argv = ["python3".to_owned(), "main.py".to_owned()].into_iter().chain(arguments.iter().cloned()).collect();
        let mut program =
            Program::new(argv).files(vec![file("main.py", source.as_bytes(), false)]).collect(10, Bytes::mib(1));
        program.command.env = environment.iter().cloned().chain(more).collect();
        program.command.warm = Some(Warm::Python);
        program.run(&mut slot)
    };
    let backwards = |word: &String| word.chars().rev().collect::<String>();
    let words: Vec<String> = (0..5).map(|n| format!("{n}xyz-mark-of-a-tenant-{n}{n}-{}", std::process::id())).collect();
    // runc, CVE-2019-5736: a warm program's executable is that of the sandbox.
    let runner = run(
        "import os\nfor flags in os.O_RDONLY, os.O_WRONLY, os.O_RDWR:\n    try: os.open('/proc/self/exe', flags); print('opened')\n    \
         except OSError as e: print(e.errno in (13, 26, 30))\ntry: os.execv('/proc/self/exe', ['x', '--list'])\nexcept OSError as e: print(e.errno == 13)\n",
        &[],
        Vec::new(),
    );
    assert_eq!(runner.text(), "True\nTrue\nTrue\nTrue\n", "{runner}");
    // The scan can find a word, because it finds the program's own variable.
    let own = run(SCAN, &words, vec![("MARK".into(), backwards(&words[1]))]);
    assert!(own.text().starts_with("warm: True scanned: True found: [('1',"), "{own}");
    for _ in 0..5 {
        let leave = format!(
            "import sys\nprint('{}', sys.argv)\nopen('{}', 'w').write('{}')\n",
            words[2],
            words[3],
            words[4].repeat(1000)
        );
        let left = run(&leave, &words[..1], vec![("MARK".into(), words[1].clone())]);
        assert_eq!(left.report.outcome, Outcome::Exited(0), "{left}");
        let looked = run(SCAN, &words.iter().map(backwards).collect::<Vec<_>>(), Vec::new());
        assert_eq!(looked.text(), "warm: True scanned: True found: []\n", "{looked}");
    }
}
