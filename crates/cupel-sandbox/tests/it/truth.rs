//! The truth table: programs in five languages that measure their own usage. Each row has the outcome and the figures
//! that the sandbox must report. While a program runs, the other slot uses the resource that the row does not measure.
//!
//! Each program prints its own figures, `cpu NS` and `memory BYTES` (see `truth/`). The sandbox's figures may differ
//! from these by at most [`CPU_EXACT`] and [`MEMORY_EXACT`]. In the CPU rows of languages other than C, the command
//! `truth measure` starts the program as its child and prints its own CPU time plus the CPU time that the kernel
//! reports for the child. The child's CPU time includes the start and the end of the interpreter.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cupel_sandbox::{Observer, Slot};
use cupel_types::{Bytes, Limits, Outcome, Signal};
use libtest_mimic::Trial;

use crate::kit::{Ended, Program, World, file, repeatedly, showing_at};
use crate::machine::{patient, slowness};
use crate::noise::Noise;

use Language::{Bash, C, Go, Java, Python};
use Outcome::{Exited, IdleLimit, MemoryLimit, OutputLimit, Signalled, TimeLimit, WallLimit};

/// Tolerance of CPU time: per cent and nanoseconds. The nanoseconds cover the kernel's own work at the start and the
/// end of a program.
const CPU_EXACT: (u64, u64) = (2, 2_000_000);
/// Tolerance of memory: per cent and bytes. The kernel charges a group in batches of 64 pages, and also charges its own
/// records of a process. With version 2 a cell has a new group, whose first batch may not be charged yet when the
/// program starts.
const MEMORY_EXACT: (u64, u64) = (2, 256 * 1024);
const MEMORY_EXACT_IN_A_NEW_GROUP: (u64, u64) = (2, (256 + 128) * 1024);
/// Tolerance of memory if much page cache was charged and reclaimed during the run. The kernel also charges its own
/// records of page cache, and reclaims page cache in batches.
const MEMORY_BESIDE_FILES: (u64, u64) = (2, 2 * 1024 * 1024);
/// Tolerance of memory relative to the limit, if the kernel refuses memory beyond the limit: per cent and bytes.
const MEMORY_OF_LIMIT: (u64, u64) = (2, 768 * 1024);
/// Minimum number of rows.
const ROWS_MIN: usize = 60;

const SOURCES: &[(&str, &str)] = &[
    ("truth.c", include_str!("truth/truth.c")),
    ("truth.py", include_str!("truth/truth.py")),
    ("Truth.java", include_str!("truth/Truth.java")),
    ("truth.go", include_str!("truth/truth.go")),
    ("truth.sh", include_str!("truth/truth.sh")),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    C,
    Python,
    Java,
    Go,
    Bash,
}

/// One program, with the outcome and figures that must be reported for it.
struct Row {
    language: Language,
    rule: &'static str,
    arguments: &'static str,
    ends: Outcome,
    limits: fn(&mut Limits),
    check: Check,
}

/// The reported figure that is compared with the program's own.
#[derive(Clone, Copy)]
enum Check {
    /// None: only the outcome is compared.
    End,
    Cpu,
    Memory,
    /// Memory, for a program that reads a file of 192 MiB into the page cache.
    MemoryBesideFiles,
    /// A limit ended the program; the figure of that limit must have reached it.
    Limit,
}

fn ends(language: Language, rule: &'static str, arguments: &'static str, ends: Outcome) -> Row {
    Row { language, rule, arguments, ends, limits: |_| {}, check: Check::End }
}

fn cpu(language: Language, rule: &'static str, arguments: &'static str) -> Row {
    Row { check: Check::Cpu, ..ends(language, rule, arguments, Exited(0)) }
}

fn memory(language: Language, rule: &'static str, arguments: &'static str) -> Row {
    Row { check: Check::Memory, ..ends(language, rule, arguments, Exited(0)) }
}

fn beside_files(language: Language, rule: &'static str, arguments: &'static str) -> Row {
    Row { check: Check::MemoryBesideFiles, ..ends(language, rule, arguments, Exited(0)) }
}

fn over(
    language: Language,
    rule: &'static str,
    arguments: &'static str,
    limit: Outcome,
    limits: fn(&mut Limits),
) -> Row {
    Row { check: Check::Limit, limits, ..ends(language, rule, arguments, limit) }
}

const TENTH: Duration = Duration::from_millis(100);
fn little_cpu(l: &mut Limits) {
    l.cpu_time = patient(TENTH);
}
fn little_time(l: &mut Limits) {
    l.wall_time = patient(10 * TENTH);
}
fn little_patience(l: &mut Limits) {
    l.idle_time = patient(10 * TENTH);
}
fn little_memory(l: &mut Limits) {
    l.memory = Bytes::mib(32);
}
/// Limits that leave time for the start of an interpreter.
fn seconds(l: &mut Limits) {
    l.cpu_time = patient(Duration::from_secs(2));
    l.wall_time = patient(Duration::from_secs(300));
}
fn jvm_memory(l: &mut Limits) {
    l.memory = Bytes::mib(128);
}

#[rustfmt::skip] // A table.
fn table() -> Vec<Row> {
    vec![
        // CPU time.
        cpu(C, "no_work", "cpu spin 0"),
        cpu(C, "a_few_milliseconds", "cpu spin 5"),
        cpu(C, "one_process", "cpu spin 80"),
        cpu(C, "one_process_for_longer", "cpu spin 600"),
        cpu(C, "four_threads", "cpu threads 40"),
        cpu(C, "children", "cpu children 40"),
        cpu(C, "grandchildren", "cpu grandchildren 40"),
        cpu(C, "orphans", "cpu orphans 40"),
        cpu(C, "orphans_of_other_sessions", "cpu sessions 40"),
        cpu(C, "children_without_a_wait", "cpu ignored 40"),
        cpu(C, "forty_children_in_a_row", "cpu relay 3"),
        cpu(C, "system_time", "cpu kernel 80"),
        cpu(C, "twenty_programs_in_one_process", "cpu exec 20"),
        cpu(C, "sleep_takes_no_cpu_time", "cpu sleep 200"),
        cpu(Python, "one_process", "cpu spin 200"),
        cpu(Python, "threads", "cpu threads 200"),
        cpu(Python, "forks", "cpu fork 200"),
        cpu(Python, "an_interpreter_below_another", "cpu subprocess 100"),
        cpu(Java, "one_thread", "cpu spin 300"),
        cpu(Java, "four_threads", "cpu threads 200"),
        cpu(Go, "one_goroutine", "cpu spin 100"),
        cpu(Go, "four_goroutines", "cpu goroutines 100"),
        cpu(Go, "children", "cpu children 30"),
        cpu(Bash, "a_loop", "cpu loop 60000"),
        cpu(Bash, "subshells", "cpu subshells 20000"),
        cpu(Bash, "a_pipeline", "cpu pipeline 20000"),
        cpu(Bash, "fifty_commands", "cpu commands 50"),

        // Memory.
        memory(C, "almost_none", "memory none 0"),
        memory(C, "one_private_mebibyte", "memory private 1"),
        memory(C, "private", "memory private 40"),
        memory(C, "shared", "memory shared 40"),
        memory(C, "the_heap", "memory heap 40"),
        memory(C, "the_stack", "memory stack 6"),
        memory(C, "stacks_of_threads", "memory threads 24"),
        memory(C, "a_file_in_the_box", "memory file 30 /box/f"),
        memory(C, "a_file_in_tmp", "memory file 30 /tmp/f"),
        memory(C, "a_file_in_dev_shm", "memory file 30 /dev/shm/f"),
        memory(C, "a_file_without_a_name", "memory file 30 memfd"),
        memory(C, "a_deleted_file", "memory deleted 30"),
        memory(C, "a_mapped_file_counts_once", "memory mapped 30"),
        memory(C, "a_privately_mapped_file_counts_with_its_copy", "memory copied 24"),
        memory(C, "system_v_shared_memory", "memory sysv 30"),
        memory(C, "reserved_memory_does_not_count", "memory reserved 1000"),
        memory(C, "the_peak_is_not_the_sum", "memory again 20"),
        memory(C, "the_peak_is_not_the_end", "memory falling 40"),
        memory(C, "concurrent_children_add_up", "memory children 40"),
        memory(C, "a_fork_shares_until_it_writes", "memory forked 24"),
        beside_files(C, "reading_toolchain_files_does_not_count", "memory held_and_read 10 {large}"),
        beside_files(C, "mapping_toolchain_files_does_not_count", "memory held_and_mapped 10 {large}"),
        beside_files(C, "reading_toolchain_files_before_the_peak_does_not_count", "memory read_and_held 40 {large}"),
        memory(Python, "one_object", "memory bytearray 30"),
        memory(Python, "many_objects", "memory list 20"),
        memory(Python, "shared", "memory mmap 30"),
        beside_files(Python, "reading_toolchain_files_does_not_count", "memory read 10 {large}"),
        memory(Java, "the_heap", "memory heap 40"),
        memory(Java, "outside_the_heap", "memory direct 40"),
        memory(Go, "the_heap", "memory heap 40"),
        memory(Go, "shared", "memory mmap 40"),
        memory(Bash, "strings", "memory string 20"),

        // Programs that end by themselves.
        ends(C, "exit_0", "end exit 0", Exited(0)),
        ends(C, "exit_42", "end exit 42", Exited(42)),
        ends(C, "exit_137_is_not_a_kill", "end exit 137", Exited(137)),
        ends(C, "exit_255", "end exit 255", Exited(255)),
        ends(C, "exit_256_is_0", "end exit 256", Exited(0)),
        ends(C, "kills_itself", "end signal 9", Signalled(Signal(9))),
        ends(C, "terminates_itself", "end signal 15", Signalled(Signal(15))),
        ends(C, "a_real_time_signal", "end signal 40", Signalled(Signal(40))),
        ends(C, "kills_its_group", "end group 9", Signalled(Signal(9))),
        ends(C, "terminates_its_group", "end group 15", Signalled(Signal(15))),
        ends(C, "kills_all_other_processes", "end everybody 9", Exited(9)),
        ends(C, "cannot_kill_the_init", "end init 9", Exited(5)),
        ends(C, "a_signal_to_a_thread_kills_the_process", "end thread 9", Signalled(Signal(9))),
        ends(C, "a_childs_signal_does_not_end_the_program", "end child 11", Exited(11)),
        ends(C, "a_null_pointer", "end fault 11", Signalled(Signal(11))),
        ends(C, "a_division_by_zero", "end fault 8", Signalled(Signal(8))),
        ends(C, "abort", "end fault 6", Signalled(Signal(6))),
        ends(C, "an_illegal_instruction", "end fault 4", Signalled(Signal(4))),
        ends(C, "past_the_end_of_a_mapped_file", "end fault 7", Signalled(Signal(7))),
        ends(C, "its_own_address_space_limit_is_not_the_memory_limit", "end no_memory 12", Exited(12)),
        ends(Python, "exit", "end exit 7", Exited(7)),
        ends(Python, "exit_with_a_text_is_1", "end text", Exited(1)),
        ends(Python, "exit_at_once", "end at_once 9", Exited(9)),
        ends(Python, "an_exception", "end exception", Exited(1)),
        ends(Python, "an_endless_recursion", "end recursion", Exited(1)),
        ends(Python, "abort", "end abort", Signalled(Signal(6))),
        ends(Python, "kills_itself", "end signal 9", Signalled(Signal(9))),
        ends(Python, "a_handler_decides", "end handler 15", Exited(17)),
        ends(Java, "exit", "end exit 3", Exited(3)),
        ends(Java, "halt", "end halt 4", Exited(4)),
        ends(Java, "an_exception", "end exception", Exited(1)),
        ends(Java, "an_endless_recursion", "end stack", Exited(1)),
        ends(Java, "a_full_heap_is_not_the_memory_limit", "end heap", Exited(1)),
        ends(Java, "terminated_is_143", "end signal 15", Exited(143)),
        ends(Java, "killed", "end signal 9", Signalled(Signal(9))),
        ends(Go, "exit", "end exit 3", Exited(3)),
        ends(Go, "a_panic", "end panic", Exited(2)),
        ends(Go, "a_null_pointer", "end nil", Exited(2)),
        ends(Go, "a_deadlock", "end deadlock", Exited(2)),
        ends(Go, "kills_itself", "end signal 9", Signalled(Signal(9))),
        ends(Bash, "exit", "end exit 9", Exited(9)),
        ends(Bash, "exit_259_is_3", "end exit 259", Exited(3)),
        ends(Bash, "terminates_itself", "end signal 15", Signalled(Signal(15))),
        ends(Bash, "kills_its_group", "end group 9", Signalled(Signal(9))),
        ends(Bash, "a_missing_command_is_127", "end missing", Exited(127)),
        ends(Bash, "a_command_that_is_not_executable_is_126", "end not_executable", Exited(126)),
        ends(Bash, "errexit", "end errexit", Exited(1)),
        ends(Bash, "a_broken_pipe_is_141", "end pipe", Exited(141)),
        ends(Bash, "the_signal_of_a_subshell_is_an_exit_code", "end child 11", Exited(139)),

        // Limits.
        over(C, "cpu_time", "forever spin", TimeLimit, little_cpu),
        over(C, "cpu_time_of_threads", "forever threads", TimeLimit, little_cpu),
        over(C, "cpu_time_of_children", "forever children", TimeLimit, little_cpu),
        over(C, "wall_time", "forever spin", WallLimit, little_time),
        over(C, "wall_time_asleep", "forever sleep", WallLimit, little_time),
        over(C, "idle_time", "forever sleep", IdleLimit, little_patience),
        over(C, "memory", "forever memory", MemoryLimit, little_memory),
        over(C, "memory_in_files", "forever files", MemoryLimit, little_memory),
        ends(C, "memory_of_a_child", "end child_out_of_memory 0", MemoryLimit),
        over(C, "output", "forever output", OutputLimit, |_| {}),
        over(Python, "cpu_time", "forever spin", TimeLimit, seconds),
        over(Python, "idle_time", "forever sleep", IdleLimit, |l| l.idle_time = patient(Duration::from_secs(1))),
        over(Python, "memory", "forever memory", MemoryLimit, little_memory),
        over(Python, "output", "forever output", OutputLimit, |_| {}),
        over(Java, "cpu_time", "forever spin", TimeLimit, seconds),
        over(Java, "wall_time", "forever sleep", WallLimit, |l| l.wall_time = patient(Duration::from_secs(8))),
        over(Java, "memory", "forever memory", MemoryLimit, jvm_memory),
        over(Java, "output", "forever output", OutputLimit, |_| {}),
        over(Go, "cpu_time", "forever spin", TimeLimit, seconds),
        over(Go, "wall_time", "forever sleep", WallLimit, little_time),
        over(Go, "memory", "forever memory", MemoryLimit, little_memory),
        over(Go, "output", "forever output", OutputLimit, |_| {}),
        over(Bash, "cpu_time", "forever spin", TimeLimit, little_cpu),
        over(Bash, "wall_time", "forever sleep", WallLimit, little_time),
        over(Bash, "memory", "forever memory", MemoryLimit, little_memory),
        over(Bash, "output", "forever output", OutputLimit, |_| {}),
    ]
}

/// Compiles the programs, unless they are compiled already; returns their directory.
pub(crate) fn programs() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    SOURCES.hash(&mut hasher);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("truth-{:016x}", hasher.finish()));
    let ready = dir.join("ready");
    if ready.exists() {
        return dir;
    }
    fs::create_dir_all(&dir).unwrap();
    for (name, source) in SOURCES {
        fs::write(dir.join(name), source).unwrap();
    }
    for (package, command) in [
        ("gcc libc6-dev", &["gcc", "-O1", "-static", "-pthread", "-o", "truth", "truth.c"][..]),
        ("golang-go", &["go", "build", "-o", "truth-go", "truth.go"]),
        ("openjdk-17-jdk-headless", &["javac", "Truth.java"]),
    ] {
        let compiled = std::process::Command::new(command[0])
            .args(&command[1..])
            .current_dir(&dir)
            .env("GOCACHE", dir.join("go-cache"))
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}: apt-get install {package}", command[0]));
        assert!(compiled.status.success(), "{}: {}", command[0], String::from_utf8_lossy(&compiled.stderr));
    }
    fs::write(ready, "").unwrap();
    dir
}

/// The table's own sandbox, with the programs mounted in its root.
struct Court {
    world: World,
}

/// Path of the programs inside the sandbox.
const PROGRAMS: &str = "/opt/cupel/truth";

impl Court {
    fn open() -> Court {
        // Java reads its settings from this directory.
        let java = PathBuf::from("/etc/java-17-openjdk");
        Court { world: World::showing(&[showing_at(&programs(), PROGRAMS), java.into()]) }
    }

    fn program(&self, language: Language, arguments: &str, before: Option<&str>) -> Program {
        let truth = format!("{PROGRAMS}/truth");
        let own = |path: &str| format!("{PROGRAMS}/{path}");
        let mut argv: Vec<String> = match language {
            C => vec![truth.clone()],
            Python => vec!["/usr/bin/python3".into(), own("truth.py")],
            Java => [
                "java",
                // The JIT compiler is off, because its threads allocate and free megabytes at any time between two
                // measurements of the program.
                "-Xint",
                "-Xmx64m",
                "-XX:MaxDirectMemorySize=1g",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-cp",
                PROGRAMS,
                "Truth",
            ]
            .map(str::to_owned)
            .to_vec(),
            Go => vec![own("truth-go")],
            Bash => vec!["/bin/bash".into(), own("truth.sh")],
        };
        if let Some(before) = before.filter(|_| language != C) {
            argv.splice(0..0, [truth, before.to_owned()]);
        }
        argv.extend(arguments.split(' ').map(|word| word.replace("{large}", &self.world.fixtures.large)));
        let memory = if language == Java { 192 } else { 64 };
        Program::new(argv).limits(|l| {
            l.memory = Bytes::mib(memory);
            l.file_size = Bytes::mib(64);
            l.disk = Bytes::mib(48);
            l.processes = 128;
            // A program that ends by itself has the time for an interpreter on a slow machine.
            l.cpu_time = patient(Duration::from_secs(60));
        })
    }

    /// The limits of a row. The wall-clock limit of a row that reaches it is multiplied by `longer`.
    fn limits(row: &Row, limits: &mut Limits, longer: u32) {
        (row.limits)(limits);
        if row.ends == WallLimit {
            limits.wall_time *= longer;
            limits.idle_time = limits.idle_time.max(2 * limits.wall_time);
        }
    }

    /// Runs a row while a neighbour on the other slot uses the resource that the row does not measure.
    fn run(&self, row: &Row, longer: u32) -> (Ended, Ended) {
        let before = match row.check {
            Check::Cpu => Some("measure"),
            Check::Memory | Check::MemoryBesideFiles => Some("in_small_pages"),
            Check::End | Check::Limit => None,
        };
        let program = self.program(row.language, row.arguments, before).limits(|l| Court::limits(row, l, longer));
        let neighbour = match row.check {
            Check::Cpu => "forever hold",
            _ => "forever spin",
        };
        let neighbour = self.program(C, neighbour, None).limits(|l| {
            l.memory = Bytes::mib(128);
            let long = patient(Duration::from_secs(600));
            (l.cpu_time, l.wall_time, l.idle_time) = (long, long, long);
        });
        let (mut one, mut other) = self.world.both_slots();
        if row.arguments.contains("{large}") {
            self.world.fixtures.forget_large();
        }
        beside(&neighbour, &mut other, || program.run(&mut one))
    }
}

/// Observes a neighbour and cancels it when `stop` is set.
struct Neighbour<'a> {
    received: Vec<u8>,
    ready: Option<SyncSender<()>>,
    stop: &'a AtomicBool,
}

impl Observer for Neighbour<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.received.extend_from_slice(data);
        if self.received.ends_with(b"\n") {
            self.ready = None;
        }
    }
    fn stderr(&mut self, _: &[u8]) {}
    fn cancelled(&mut self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Does `work` while `neighbour` runs on `slot`, then ends the neighbour.
fn beside<T>(neighbour: &Program, slot: &mut Slot, work: impl FnOnce() -> T) -> (T, Ended) {
    /// Stops the neighbour even if the work panics.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    let (ready, is_ready) = sync_channel(0);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let mut observer = Neighbour { received: Vec::new(), ready: Some(ready), stop: &stop };
            let noise = Noise::begin();
            let report = slot.run(&neighbour.command, &mut observer).unwrap();
            Ended { report, stdout: observer.received, stderr: Vec::new(), result: Vec::new(), noise: noise.overrun() }
        });
        let done = {
            let _stop = Stop(&stop);
            // No value is sent: the sender is dropped when the neighbour has printed a line or failed.
            let _ = is_ready.recv();
            work()
        };
        (done, running.join().unwrap())
    })
}

pub(crate) fn trials() -> Vec<Trial> {
    let court: Arc<OnceLock<Court>> = Arc::default();
    let mut trials: Vec<Trial> = table()
        .into_iter()
        .map(|row| {
            let court = court.clone();
            let kind = match row.check {
                Check::Cpu => "cpu",
                Check::Memory | Check::MemoryBesideFiles => "memory",
                Check::End => "end",
                Check::Limit => "limit",
            };
            let language = format!("{:?}", row.language).to_lowercase();
            Trial::test(format!("truth::{kind}_{language}_{}", row.rule), move || {
                prove(court.get_or_init(Court::open), &row);
                Ok(())
            })
        })
        .collect();
    let shared = court.clone();
    trials.push(Trial::test("truth::a_thousand_tiny_programs", move || {
        a_thousand_tiny_programs(shared.get_or_init(Court::open));
        Ok(())
    }));
    type Rule = (&'static str, fn(&Court));
    let rules: [Rule; 3] = [
        ("truth::memory_is_the_same_from_run_to_run", memory_is_the_same_from_run_to_run),
        ("truth::memory_excludes_the_files_given_to_a_program", memory_excludes_given_files),
        ("truth::the_memory_limit_excludes_the_files_given_to_a_program", the_memory_limit_excludes_given_files),
    ];
    trials.extend(rules.map(|(name, rule)| {
        let court = court.clone();
        Trial::test(name, move || {
            rule(court.get_or_init(Court::open));
            Ok(())
        })
    }));
    trials.push(Trial::test("truth::the_table_has_enough_rows_in_each_language", || {
        let rows = table();
        assert!(rows.len() >= ROWS_MIN);
        for language in [C, Python, Java, Go, Bash] {
            assert!(rows.iter().filter(|r| r.language == language).count() >= 10, "{language:?}");
        }
        Ok(())
    }));
    trials
}

/// The number that a program printed after this word.
fn printed_number(ended: &Ended, word: &str) -> u64 {
    ended
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(word)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("the program did not print `{word}`; {ended}"))
}

fn is_exact(what: &str, reported: u64, used: u64, (per_cent, slack): (u64, u64), ended: &Ended) -> Result<(), String> {
    let tolerance = used * per_cent / 100 + slack;
    if reported.abs_diff(used) <= tolerance {
        return Ok(());
    }
    let off = reported as i64 - used as i64;
    Err(format!("{what}: reported {reported}, used {used}, off by {off} where {tolerance} is allowed; {ended}"))
}

fn prove(court: &Court, row: &Row) {
    let mut longer = 1;
    repeatedly(|| {
        let (ended, neighbour) = court.run(row, longer);
        // A program that is not scheduled within a wall-clock limit prints nothing. So after an attempt that was
        // disturbed, the limit grows.
        let is_silent = ended.stdout.is_empty() && ended.noise > Duration::from_millis(100);
        if (row.ends, ended.report.outcome) == (WallLimit, WallLimit) && is_silent && longer < 64 {
            longer *= 4;
            return Err(format!("the program printed nothing; {ended}"));
        }
        let limits = court.program(row.language, "", None).limits(|l| Court::limits(row, l, longer)).command.limits;
        is_as_expected(row, &limits, &ended, &neighbour)
    });
}

/// Whether the times of a row and of its neighbour are as expected. Panics if anything else is not.
fn is_as_expected(row: &Row, limits: &Limits, ended: &Ended, neighbour: &Ended) -> Result<(), String> {
    assert_eq!(ended.report.outcome, row.ends, "{ended}");
    let times = match row.check {
        Check::End => Ok(()),
        Check::Cpu => cpu_is_exact(ended),
        Check::Memory => {
            memory_is_exact(ended, memory_exact());
            Ok(())
        }
        Check::MemoryBesideFiles => {
            memory_is_exact(ended, MEMORY_BESIDE_FILES);
            Ok(())
        }
        Check::Limit => the_limit_shows(ended, limits),
    };
    assert_eq!(neighbour.report.outcome, Outcome::Cancelled, "the neighbour: {neighbour}");
    match row.check {
        // The neighbour holds much memory and does nothing.
        Check::Cpu => {
            memory_is_exact(neighbour, memory_exact());
            // The neighbour is charged for freeing 48 MiB when it is killed, but the neighbour's own figure does not
            // include that.
            let (reported, used) = (neighbour.cpu_ns(), printed_number(neighbour, "cpu"));
            assert!(reported >= used, "the neighbour: {neighbour}");
            if reported > used + 20_000_000 * u64::from(slowness()) {
                return Err(format!("the neighbour: {neighbour}"));
            }
        }
        // The neighbour uses almost no memory and computes all the time.
        _ => assert_eq!(neighbour.report.usage.memory, Limits::MEMORY_MIN, "the neighbour: {neighbour}"),
    }
    times
}

/// A machine sometimes charges a program for more CPU time than it used, but never for less, so a figure that is too
/// small panics.
fn cpu_is_exact(ended: &Ended) -> Result<(), String> {
    let (per_cent, ns) = CPU_EXACT;
    let exact = (per_cent, ns * u64::from(slowness()));
    let (reported, used) = (ended.cpu_ns(), printed_number(ended, "cpu"));
    let is_exact = is_exact("CPU time, ns", reported, used, exact, ended);
    assert!(reported >= used || is_exact.is_ok(), "{is_exact:?}");
    is_exact
}

fn memory_exact() -> (u64, u64) {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { MEMORY_EXACT_IN_A_NEW_GROUP } else { MEMORY_EXACT }
}

/// If the program used less than `Limits::MEMORY_MIN`, that minimum is reported.
fn memory_is_exact(ended: &Ended, tolerance: (u64, u64)) {
    let used = printed_number(ended, "memory").max(Limits::MEMORY_MIN.get());
    is_exact("memory, bytes", ended.report.usage.memory.get(), used, tolerance, ended)
        .unwrap_or_else(|off| panic!("{off}"));
}

/// Asserts that the figure reached the limit and that the output is kept; returns whether a time exceeded its limit by
/// no more than the delay of detection.
fn the_limit_shows(ended: &Ended, limits: &Limits) -> Result<(), String> {
    let usage = &ended.report.usage;
    let mut times = Ok(());
    let mut beyond = |used: Duration, limit: Duration, most: Duration| {
        assert!(used >= limit, "{used:?} of {limit:?}; {ended}");
        if used > limit + most {
            times = Err(format!("{used:?} of {limit:?}; {ended}"));
        }
    };
    match ended.report.outcome {
        TimeLimit => beyond(usage.cpu_time, limits.cpu_time, patient(Duration::from_millis(20))),
        WallLimit => beyond(usage.wall_time, limits.wall_time, patient(Duration::from_millis(200)) + ended.noise),
        IdleLimit => assert!(usage.wall_time >= limits.idle_time, "{ended}"),
        MemoryLimit => {
            is_exact("memory, bytes", usage.memory.get(), limits.memory.get(), MEMORY_OF_LIMIT, ended)
                .unwrap_or_else(|off| panic!("{off}"));
        }
        OutputLimit => {
            assert_eq!(ended.stdout.len() as u64, limits.output.get(), "{ended}");
            assert!(ended.report.stdout_truncated && !ended.report.stderr_truncated, "{ended}");
        }
        other => panic!("{other:?} is not the outcome of a limit"),
    }
    assert!(usage.memory >= Limits::MEMORY_MIN, "the reported memory is below the minimum: {ended}");
    assert!(ended.stdout.starts_with(b"begun\n"), "{ended}");
    times
}

/// A thousand programs that use almost no CPU time; the error of their sum is bounded. A busy machine charges some
/// programs for more time than they used, so the ten best batches of a hundred programs count.
fn a_thousand_tiny_programs(court: &Court) {
    let program = court.program(C, "cpu spin 0", None);
    let mut slot = court.world.slot();
    // A program is charged for its start and its end, but its own figure does not include them.
    let most = 1000 * 1_500_000 * u64::from(slowness());
    let mut beyond: Vec<u64> = Vec::new();
    for _ in 0..40 {
        let (mut reported, mut used) = (0, 0);
        for _ in 0..100 {
            let ended = program.run(&mut slot);
            reported += ended.cpu_ns();
            used += printed_number(&ended, "cpu");
        }
        assert!(reported > used, "reported {reported} ns, the programs printed {used} ns");
        beyond.push(reported - used);
        beyond.sort_unstable();
        if beyond.len() >= 10 && beyond[..10].iter().sum::<u64>() < most {
            return;
        }
    }
    panic!("reported beyond the programs' own figures, ns: {beyond:?}; at most {most} are allowed for ten of them");
}

/// Programs of several sizes, each run repeatedly in one lane. The kernel charges memory in batches, and a remainder of
/// a batch carries over from run to run.
fn memory_is_the_same_from_run_to_run(court: &Court) {
    for (arguments, least) in
        [("memory none 0", 0), ("memory private 1", 1), ("memory private 3", 3), ("memory heap 12", 12)]
    {
        let program = court.program(C, arguments, None);
        let mut slot = court.world.slot();
        let figures: Vec<u64> = (0..20).map(|_| program.run(&mut slot).report.usage.memory.get()).collect();
        let (min, max) = (figures.iter().min().unwrap(), figures.iter().max().unwrap());
        assert!(*min >= (least << 20).max(Limits::MEMORY_MIN.get()), "{arguments}: {figures:?}");
        assert!(max - min <= max / 20, "{arguments}: {figures:?}");
    }
}

/// The C program as a file in the box. 12 MiB that are never read are appended, so that it is a large executable.
fn as_a_large_file(court: &Court, arguments: &str) -> Program {
    let mut program = court.program(C, arguments, None);
    let mut executable = fs::read(programs().join("truth")).unwrap();
    executable.extend_from_slice(&vec![7; 12 << 20]);
    program.command.argv[0] = "./large".to_owned();
    program.files(vec![file("large", &executable, true)])
}

fn memory_excludes_given_files(court: &Court) {
    let ended = court.world.run(&as_a_large_file(court, "memory private 3"));
    assert_eq!(ended.report.outcome, Exited(0), "{ended}");
    memory_is_exact(&ended, memory_exact());
}

fn the_memory_limit_excludes_given_files(court: &Court) {
    let outcome = |arguments| {
        let program = as_a_large_file(court, arguments).limits(|l| l.memory = Bytes::mib(8));
        court.world.run(&program).report.outcome
    };
    assert_eq!(outcome("memory private 6"), Exited(0));
    assert_eq!(outcome("memory private 9"), MemoryLimit);
}
