//! Warm starts: every program of `warm/programs.txt` behaves the same whether the interpreter is executed (cold) or
//! forked (warm). This conformance is the reason that warm starts are on by default.
//!
//! The programs do not test these inherent differences:
//!
//! - `hash(str)` and addresses are those of the zygote until the lane is replaced.
//! - `/proc/self/exe` and `/proc/self/maps` show an executable without a name.
//! - The garbage collector does not list the objects that existed at the start.
//! - `object.__subclasses__()` includes the classes of preloaded modules.
//! - The CPU time of the start is not charged to the program.
//! - Preloaded modules use none of the program's memory.
//! - `import _decimal` does not add `numbers` and `collections` to `sys.modules`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use cupel_sandbox::{Sandbox, SandboxConfig, Slot, Stdin, Warm, WarmTemplate};
use cupel_types::{BoxFile, Bytes, ExitStatus, Limits, LiveInput, Outcome, Signal, TerminalSize};
use libtest_mimic::Trial;

use crate::cleanup::{groups_of, kill_9, lives, processes_in};
use crate::kit::{Ended, Program, assert_near, eventually, file};
use crate::live::try_talk;
use crate::machine::patient;

const PROGRAMS: &str = include_str!("warm/programs.txt");

/// A sandbox that keeps Python warm, with its only slot.
struct Warmed {
    slot: Mutex<Slot>,
    sandbox: Sandbox,
}

/// The name of a trial and its function.
type Rule = (&'static str, fn(&Warmed));

type Shared = Arc<OnceLock<Warmed>>;

impl Warmed {
    fn start() -> Warmed {
        let config = SandboxConfig { warm: vec![template()], slots: 1, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).expect("the sandbox starts");
        Warmed { slot: Mutex::new(sandbox.slot(0)), sandbox }
    }

    fn run(&self, program: &Program, warm: bool) -> Ended {
        let mut program = program.clone();
        program.command.warm = warm.then_some(Warm::Python);
        program.run(&mut self.slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn environment() -> Vec<(String, String)> {
    [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn template() -> WarmTemplate {
    WarmTemplate { kind: Warm::Python, argv: vec!["python3".into(), "main.py".into()], env: environment() }
}

/// One section of the file of programs.
#[derive(Clone)]
struct Case {
    name: String,
    options: BTreeMap<String, String>,
    source: String,
}

impl Case {
    fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.option(name).map(|n| n.parse().unwrap())
    }

    fn program(&self, all: &[Case]) -> Program {
        let run_as = unescape(self.option("file").unwrap_or("main.py"));
        let run_as = String::from_utf8(run_as).unwrap();
        let lies_at = self.option("write").unwrap_or(&run_as);
        let lies_at = lies_at.trim_start_matches("/box/").trim_start_matches("./");
        let mut files: Vec<BoxFile> = vec![file(lies_at, self.source.as_bytes(), false)];
        for beside in self.option("beside").into_iter().flat_map(|names| names.split(':')) {
            let other = all.iter().find(|case| case.name == beside).unwrap();
            files.push(file(beside, other.source.as_bytes(), false));
        }
        let list = |name| self.option(name).into_iter().flat_map(|list| list.split(',').map(unescape));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let mut argv = vec!["python3".to_owned(), run_as];
        argv.extend(list("args").map(text));
        let mut program = Program::new(argv).files(files).limits(|limits| {
            *limits = Limits {
                cpu_time: patient(Duration::from_secs(self.number("seconds").unwrap_or(20))),
                wall_time: patient(Duration::from_secs(self.number("wall").unwrap_or(60))),
                memory: Bytes::mib(self.number("memory").unwrap_or(256)),
                processes: 32,
                open_files: 64,
                output: Bytes::mib(1),
                ..Limits::default()
            };
        });
        program.command.env = environment();
        program.command.env.extend(list("env").map(text).map(|variable| {
            let (name, value) = variable.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        }));
        program.command.stdin = Stdin::Bytes(unescape(self.option("stdin").unwrap_or_default()).into());
        program
    }
}

/// Replaces `\n`, `\r`, `\xNN` and `\uNNNN` in the options after a section's name.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let digits = |from: usize, to: usize| u32::from_str_radix(&rest[at + from..at + to], 16).unwrap();
        let taken = match rest.as_bytes()[at + 1] {
            b'n' => (bytes.push(b'\n'), 2).1,
            b'r' => (bytes.push(b'\r'), 2).1,
            b'x' => (bytes.push(u8::try_from(digits(2, 4)).unwrap()), 4).1,
            b'u' => {
                let letter = char::from_u32(digits(2, 6)).unwrap();
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                6
            }
            other => panic!("an unknown escape: {other}"),
        };
        rest = &rest[at + taken..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn cases() -> Vec<Case> {
    let sections = PROGRAMS.split("\n#### ").skip(1);
    sections
        .map(|section| {
            let (head, source) = section.split_once('\n').unwrap_or((section, ""));
            let mut words = head.split(' ');
            let name = words.next().unwrap().to_owned();
            let option = |word: &str| word.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
            let source = if source.is_empty() { String::new() } else { format!("{source}\n") };
            Case { name, options: words.map(option).collect(), source }
        })
        .collect()
}

/// The parts of a report that a caller sees, except the figures.
fn seen(ended: &Ended) -> (Outcome, Option<ExitStatus>, String, String) {
    // Removes addresses, which differ from run to run.
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut parts = text.split("0x");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + "0x" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
    };
    (ended.report.outcome, ended.report.exit, text(&ended.stdout), text(&ended.stderr))
}

fn same_both_ways(world: &Warmed, program: &Program) {
    let (cold, warm) = (seen(&world.run(program, false)), seen(&world.run(program, true)));
    // After a kill, the amount of output depends on the moment of the kill.
    if matches!(cold.0, Outcome::OutputLimit) {
        assert_eq!(cold.0, warm.0);
        return;
    }
    assert!(cold == warm, "cold: {cold:#?}\nwarm: {warm:#?}");
}

fn python(source: &str) -> Program {
    let case = Case { name: "main".into(), options: BTreeMap::new(), source: format!("{source}\n") };
    case.program(&[])
}

fn library_is_there() -> bool {
    let lies_in = |directory: &Path| {
        let names = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.into_iter().any(|name| name.to_string_lossy().starts_with("libpython3."))
    };
    let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    lies_in(Path::new(&multiarch)) || lies_in(Path::new("/usr/lib"))
}

pub(crate) fn trials() -> Vec<Trial> {
    let shared = Shared::default();
    let all = Arc::new(cases());
    // A trial is ignored if the interpreter's library is not installed.
    let missing = !library_is_there();
    let trial = |name: String, body: Box<dyn FnOnce(&Warmed) + Send>| {
        let shared = shared.clone();
        let trial = Trial::test(name, move || {
            body(shared.get_or_init(Warmed::start));
            Ok(())
        });
        trial.with_ignored_flag(missing)
    };
    let is_program = |case: &&Case| !case.name.contains('.');
    let mut trials: Vec<Trial> = all
        .iter()
        .filter(is_program)
        .map(|case| {
            let (case, all) = (case.clone(), all.clone());
            trial(
                format!("warm::same::{}", case.name),
                Box::new(move |world| same_both_ways(world, &case.program(&all))),
            )
        })
        .collect();
    let rules: [Rule; 23] = [
        ("the_memory_of_a_small_program_is_the_same_in_all_runs_lanes_and_starts", steady_memory),
        ("a_warm_program_is_forked_and_not_executed", forked),
        ("both_streams_in_one_pipe_keep_their_order", streams_in_one_pipe),
        ("other_commands_are_executed", executed),
        ("a_warm_program_has_live_input_and_one_with_a_terminal_is_cold", live_input),
        ("a_report_says_how_its_program_was_started", report_says_so),
        ("a_large_stack_can_be_used_completely", large_stack),
        ("peak_memory_equals_that_of_a_cold_start", memory),
        ("the_memory_limit_acts_as_in_a_cold_start", memory_limit),
        ("limits_under_which_no_interpreter_starts_act_as_in_a_cold_start", limits_of_a_start),
        ("a_copy_that_executes_the_interpreter_has_the_whole_memory_limit", memory_of_a_copy_that_executes),
        ("a_programs_parent_is_the_init_from_the_first_instruction", parent),
        ("random_numbers_differ_from_run_to_run", random),
        ("no_data_of_earlier_runs_is_in_a_programs_memory", leftovers),
        ("a_program_cannot_reach_the_lanes_shared_page", shared_page),
        ("a_warm_start_takes_less_than_half_the_cpu_time", faster),
        ("a_killed_zygote_costs_at_most_two_runs_and_is_replaced", zygote_killed),
        ("a_lane_that_cannot_start_warm_reports_the_reason_once", cold_lane),
        ("the_cold_start_of_an_interpreter_is_measured_in_one_lane", measured_once),
        ("a_lane_measures_the_cold_start_again_if_the_interpreter_has_changed", changed_interpreter),
        ("addresses_differ_between_lanes", addresses),
        ("no_data_of_the_launcher_is_in_a_programs_memory", launchers_memory),
        ("the_executable_has_no_name", no_name),
    ];
    trials.extend(rules.map(|(name, rule)| trial(format!("warm::{name}"), Box::new(rule))));
    trials
}

/// A program learns neither the sandbox's path nor its file name.
fn no_name(world: &Warmed) {
    let named = "import os\n\
        files = {line.split(None, 5)[5].strip() for line in open('/proc/self/maps') if '/' in line}\n\
        files.add(os.readlink('/proc/self/exe'))\n\
        print(sorted(name for name in files if not name.startswith('/usr/')))\n\
        print([name for name in files if 'cupel' in name or 'target' in name])";
    assert_eq!(world.run(&python(named), true).text(), "['/']\n[]\n");
}

const WHOSE: &str = "import os; print('python' in os.readlink('/proc/self/exe'))";

fn forked(world: &Warmed) {
    assert_eq!(world.run(&python(WHOSE), false).text(), "True\n");
    assert_eq!(world.run(&python(WHOSE), true).text(), "False\n");
}

fn streams_in_one_pipe(world: &Warmed) {
    let source = "import os\nfor n in range(5): os.write(1, b'o'); os.write(2, b'e')\nprint('', flush=True)";
    let mut program = python(source);
    program.command.stderr_to_stdout = true;
    for warm in [true, false] {
        let ended = world.run(&program, warm);
        assert_eq!((ended.text().as_str(), &ended.stderr[..]), ("oeoeoeoeoe\n", &b""[..]));
    }
}

fn executed(world: &Warmed) {
    let with = |change: fn(&mut Program)| {
        let mut program = python(WHOSE);
        change(&mut program);
        world.run(&program, true).text()
    };
    assert_eq!(with(|p| p.command.argv.insert(1, "-O".into())), "True\n", "a program with a flag is executed");
    assert_eq!(
        with(|p| p.command.env.push(("PYTHONHASHSEED".into(), "0".into()))),
        "True\n",
        "a program with a variable that Python reads is executed"
    );
    assert_eq!(
        with(|p| p.command.env.push(("MODE".into(), "0".into()))),
        "False\n",
        "a program with another variable is forked"
    );
    assert_eq!(
        with(|p| p.command.limits.stack = Bytes::mib(1024)),
        "False\n",
        "a program with a stack limit of 1 GiB is forked"
    );
    assert_eq!(
        with(|p| p.command.limits.stack = Bytes::mib(1 << 20)),
        "True\n",
        "a program with a larger stack limit is executed"
    );
    let null = || std::fs::File::open("/dev/null").unwrap().into();
    let mut program = python(WHOSE);
    program.command.stdin = Stdin::Descriptor(Arc::new(null()));
    assert_eq!(world.run(&program, true).text(), "True\n", "a program whose standard input is a device is executed");
    let mut input = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut input, &[b'x'; 3 << 20]).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let mut program = python(&format!("{WHOSE}; print(len(input()))"));
    program.command.stdin = Stdin::Descriptor(Arc::new(input.into()));
    assert_eq!(
        world.run(&program, true).text(),
        "False\n3145728\n",
        "a program with a file as standard input gets a pipe and is forked"
    );
}

fn live_input(warmed: &Warmed) {
    let source = "import os, sys\nfor line in sys.stdin: print(os.isatty(0), line, end='', flush=True)\nos.kill(0, 15)";
    let mut program = Program::new(["python3", "main.py"].map(str::to_owned).to_vec());
    program = program.files(vec![file("main.py", source.as_bytes(), false)]);
    program.command.env = environment();
    program.command.warm = Some(Warm::Python);
    program.command.limits = Limits { memory: Bytes::mib(256), ..Limits::default() };
    let mut slot = warmed.slot.lock().unwrap_or_else(PoisonError::into_inner);
    for terminal in [None, TerminalSize::new(80, 24)] {
        let has_terminal = if terminal.is_some() { "True" } else { "False" };
        let (report, _) = try_talk(&mut slot, &program, terminal, |talk| {
            for word in ["one", "two"] {
                talk.send(&format!("{word}\n"));
                talk.hears(&format!("{has_terminal} {word}"));
            }
            talk.push(LiveInput::EndOfInput);
        })
        .unwrap();
        assert_eq!(report.outcome, Outcome::Signalled(Signal(15)), "{report:?}");
        assert_eq!(report.warm, terminal.is_none(), "{report:?}");
    }
}

fn report_says_so(world: &Warmed) {
    for (source, warm, expected) in [("pass", true, true), ("pass", false, false), ("while True: pass", true, true)] {
        let program = python(source).limits(|limits| limits.cpu_time = Duration::from_millis(300));
        assert_eq!(world.run(&program, warm).report.warm, expected, "{source}");
    }
    // The forked copy itself executes Python for an archive, so the figures are those of a cold start.
    let archive = |warm| {
        let mut bytes = b"print(1)\n#".to_vec();
        bytes.extend_from_slice(b"PK\x05\x06");
        let mut program = python("");
        program.command.files = vec![cupel_types::BoxFiles::new(vec![file("main.py", &bytes, false)])];
        world.run(&program, warm).report
    };
    let [cold, warm] = [false, true].map(archive);
    if !warm.warm {
        assert_near("memory, bytes", warm.usage.memory.get(), cold.usage.memory.get(), 5, 256 * 1024);
    }
}

/// A program can use a stack as large as its memory limit: the mappings below the stack leave enough space.
fn large_stack(world: &Warmed) {
    const DEEP: &str = "import sys, resource\n\
        print(resource.getrlimit(resource.RLIMIT_STACK)[0] >> 20)\n\
        sys.setrecursionlimit(1 << 20)\n\
        def down(n): return 0 if n == 0 else max(0, *map(down, [n - 1]))\n\
        print(down(150_000))\n";
    let program = python(DEEP).limits(|limits| (limits.stack, limits.memory) = (Bytes::mib(512), Bytes::mib(512)));
    let [cold, warm] = [false, true].map(|warm| world.run(&program, warm));
    assert_eq!(warm.text(), "512\n0\n", "{warm}");
    assert_eq!(cold.text(), warm.text(), "{cold}");
    assert!(warm.report.warm);
}

/// The interpreter is charged as after a cold start, apart from the kernel's batches. A program with many objects, or
/// with a thread's arena, is charged more: its objects need new pages, whereas in a cold start the interpreter has free
/// ones.
fn memory(world: &Warmed) {
    for (what, source, per_cent) in [
        ("nothing", "pass", 0),
        ("a line", "print('hello')", 0),
        ("a sum", "import sys\nprint(sum(map(int, sys.stdin.read().split())))", 0),
        (
            "modules",
            "import collections, heapq, itertools, functools, math, re, random\nprint(re.compile('a+b').match('aab'))",
            0,
        ),
        ("20 MiB", "x = bytearray(20 << 20)", 2),
        ("a dictionary", "d = {n: str(n) for n in range(20000)}", 10),
        ("many objects", "x = [[n] for n in range(200000)]", 10),
        ("a thread", "import threading; threading.Thread(target=lambda: bytearray(5 << 20)).start()", 25),
    ] {
        let peak = |warm| world.run(&python(source), warm).report.usage.memory.get();
        let [cold, warm] = [false, true].map(|warm| (0..4).map(|_| peak(warm)).min().unwrap());
        // Each of the two figures is exact to one batch of the kernel's charges, 64 pages.
        assert_near(what, warm, cold, per_cent, 2 * 256 * 1024);
    }
}

/// The smallest memory limit under which the program succeeds is the same for both starts, within 1 MiB.
fn memory_limit(world: &Warmed) {
    let first_good = |warm: bool| {
        (20..48).find(|mebibytes| {
            let program = python("x = bytearray(16 << 20)").limits(|limits| limits.memory = Bytes::mib(*mebibytes));
            match world.run(&program, warm).report.outcome {
                Outcome::Exited(0) => true,
                Outcome::MemoryLimit => false,
                other => panic!("{other:?}"),
            }
        })
    };
    let (cold, warm) = (first_good(false).unwrap(), first_good(true).unwrap());
    assert!(cold.abs_diff(warm) <= 1, "cold: {cold} MiB, warm: {warm} MiB");
    // These limits are lower than the usage of the interpreter itself.
    for mebibytes in [1, 2, 3] {
        let program = python("print('too much')").limits(|limits| limits.memory = Bytes::mib(mebibytes));
        let [cold, warm] = [false, true].map(|warm| world.run(&program, warm));
        assert_eq!((warm.report.outcome, warm.text()), (cold.report.outcome, cold.text()), "{mebibytes} MiB");
    }
}

/// Under these limits, the interpreter cannot start, or can just start.
fn limits_of_a_start(world: &Warmed) {
    let check = |what: &str, program: Program| {
        let [cold, warm] = [false, true].map(|warm| seen(&world.run(&program, warm)));
        assert!(cold == warm, "{what}: cold: {cold:#?}\nwarm: {warm:#?}");
    };
    for open_files in 3..9 {
        let program = python("import json, decimal\nprint('begun')").limits(|limits| limits.open_files = open_files);
        check(&format!("{open_files} open files"), program);
    }
    for mebibytes in [1, 8, 12, 16, 20, 24, 32] {
        let program = python("print('begun')").limits(|limits| limits.address_space = Some(Bytes::mib(mebibytes)));
        check(&format!("{mebibytes} MiB of address space"), program);
    }
}

/// A zip archive with one file, stored. Source: APPNOTE.TXT of PKWARE, 4.3.
fn archive_of(name: &str, data: &[u8]) -> Vec<u8> {
    let (name_len, data_len) = (u16::try_from(name.len()).unwrap(), u32::try_from(data.len()).unwrap());
    // The fields are version, flags, method, time, date, checksum (not checked by the interpreter), both sizes, length
    // of the name.
    let mut facts = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    facts.extend([data_len.to_le_bytes(), data_len.to_le_bytes()].concat());
    facts.extend(name_len.to_le_bytes());
    let entry = [b"PK\x03\x04", &facts[..], &[0; 2], name.as_bytes(), data].concat();
    let directory = [b"PK\x01\x02", &[20, 0][..], &facts, &[0; 16], name.as_bytes()].concat();
    let (start, length) = (u32::try_from(entry.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let end =
        [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &length.to_le_bytes(), &start.to_le_bytes(), &[0; 2]].concat();
    [entry, directory, end].concat()
}

/// The copy itself detects that it cannot become the program, in this case because the file is an archive.
fn memory_of_a_copy_that_executes(world: &Warmed) {
    let least = |warm: bool| {
        (17 << 10..48 << 10).step_by(256).find(|kibibytes| {
            let mut program = python("").limits(|limits| limits.memory = Bytes::kib(*kibibytes));
            let archive = archive_of("__main__.py", b"x = bytearray(16 << 20)\n");
            program.command.files = vec![cupel_types::BoxFiles::new(vec![file("main.py", &archive, false)])];
            let report = world.run(&program, warm).report;
            assert!(!report.warm);
            match report.outcome {
                Outcome::Exited(0) => true,
                Outcome::MemoryLimit => false,
                other => panic!("{other:?}"),
            }
        })
    };
    let (asked_cold, asked_warm) = (least(false).unwrap(), least(true).unwrap());
    assert!(asked_warm.abs_diff(asked_cold) <= 512, "asked cold: {asked_cold} KiB, asked warm: {asked_warm} KiB");
}

/// The process that forked the program may still exist when the program starts, and must not be its parent.
fn parent(world: &Warmed) {
    for _ in 0..200 {
        assert_eq!(world.run(&python("import os; print(os.getppid())"), true).text(), "1\n");
    }
}

fn random(world: &Warmed) {
    let draw = || world.run(&python("import random; print(random.random())"), true).text();
    assert_ne!(draw(), draw());
}

/// A Python program that prints how often a text occurs in its memory.
fn search_for(mark: &str) -> String {
    // The pattern matches the mark but does not contain it.
    let pattern: String = mark.chars().map(|c| format!("[{c}]")).collect();
    format!(
        r#"
import re
found = []
for line in open("/proc/self/maps"):
    start, end = (int(part, 16) for part in line.split()[0].split("-"))
    if " r" not in line or "[v" in line: continue
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        memory.seek(start)
        try: data = memory.read(end - start)
        except OSError: continue
        found += [(line.strip(), data[m.start() - 20:m.start() + 30]) for m in re.finditer(b"{pattern}", data)]
        del data
print(len(found), found[:3])
"#
    )
}

/// A warm program's memory is a copy of the zygote's memory, and the zygote has received the requests of all earlier
/// runs.
fn leftovers(world: &Warmed) {
    use std::hash::{BuildHasher, RandomState};
    let mark = format!("{:016x}", RandomState::new().hash_one(0));
    let marked = |source: &str| {
        let mut program = python(source);
        program.command.argv.push(format!("argument-{mark}"));
        program.command.env.push(("MARK".into(), format!("variable-{mark}")));
        program
    };
    for _ in 0..3 {
        assert_eq!(world.run(&marked("pass"), true).report.outcome, Outcome::Exited(0));
    }
    let search = search_for(&mark);
    let ended = world.run(&python(&search), true);
    assert_eq!(ended.text(), "0 []\n", "{ended}");
    // The search can find a mark, because it finds the program's own mark.
    assert_ne!(world.run(&marked(&search), true).text(), "0 []\n");
}

fn cold_lane(_: &Warmed) {
    let broken = ("PYTHONHOME".to_owned(), "/nowhere".to_owned());
    let mut template = template();
    template.env.push(broken.clone());
    let sandbox = Sandbox::start(SandboxConfig { warm: vec![template], slots: 1, ..SandboxConfig::default() }).unwrap();
    let mut slot = sandbox.slot(0);
    let mut program = python("");
    program.command.warm = Some(Warm::Python);
    program.command.env.push(broken);
    let [first, second] = [(); 2].map(|()| program.run(&mut slot).report.cold);
    assert!(first.as_ref().is_some_and(|reason| reason.contains("rehearsal failed")), "{first:?}");
    assert_eq!(second, None);
}

/// The reports of the first run in each of two lanes. Before each run, the text becomes the file `sitecustomize.py`,
/// which the interpreter runs at its start.
fn in_two_lanes(customizations: [&str; 2], program: &str) -> [Ended; 2] {
    let shown = tempfile::tempdir_in("/var/tmp").unwrap();
    let read = ("PYTHONPATH".to_owned(), shown.path().to_str().unwrap().to_owned());
    let mut template = template();
    template.env.push(read.clone());
    let mut config = SandboxConfig { warm: vec![template], slots: 2, spares: false, ..SandboxConfig::default() };
    config.mounts.push(shown.path().to_owned().into());
    let sandbox = Sandbox::start(config).unwrap();
    let mut program = python(program);
    program.command.warm = Some(Warm::Python);
    program.command.env.push(read);
    let mut slot = 0;
    customizations.map(|customization| {
        std::fs::write(shown.path().join("sitecustomize.py"), customization).unwrap();
        let ended = program.run(&mut sandbox.slot(slot));
        slot += 1;
        ended
    })
}

fn measured_once(_: &Warmed) {
    let fails_cold = "import os\nif 'python' in os.readlink('/proc/self/exe'): os._exit(1)\n";
    for ended in in_two_lanes(["import os\n", fails_cold], "print('runs')") {
        assert!(ended.report.warm && ended.report.cold.is_none(), "{:?}", ended.report);
        assert_eq!(ended.text(), "runs\n");
    }
}

fn changed_interpreter(_: &Warmed) {
    let marked = |mark: &str| format!("import sys\nsys.{mark} = True\n");
    let [first, second] = in_two_lanes(
        [&marked("first"), &marked("second")],
        "import sys; print(hasattr(sys, 'first'), hasattr(sys, 'second'))",
    );
    assert!(first.report.warm && second.report.warm, "{:?} {:?}", first.report, second.report);
    assert_eq!((first.text(), second.text()), ("True False\n".to_owned(), "False True\n".to_owned()));
    assert_eq!(second.report.cold, None);
}

/// Addresses differ between lanes, so a program cannot use addresses that it learnt on another lane.
fn addresses(_: &Warmed) {
    let sandbox =
        Sandbox::start(SandboxConfig { warm: vec![template()], slots: 2, ..SandboxConfig::default() }).unwrap();
    let mut program = python(
        "print(*{line.split('-')[0] for line in open('/proc/self/maps') if '/libpython' in line or '[heap]' in line})",
    );
    program.command.warm = Some(Warm::Python);
    let [first, second] = [0, 1].map(|index| {
        let text = program.run(&mut sandbox.slot(index)).text();
        text.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>()
    });
    assert!(first.len() > 2 && first.is_disjoint(&second), "{first:?} {second:?}");
}

/// The paths of mounts are in the memory of the launcher and the lanes' inits, and must not be in a program's.
fn launchers_memory(_: &Warmed) {
    use std::hash::{BuildHasher, RandomState};
    let mark = format!("{:016x}", RandomState::new().hash_one(0));
    let shown = tempfile::Builder::new().prefix(&mark).tempdir_in("/var/tmp").unwrap();
    let mut config = SandboxConfig { warm: vec![template()], slots: 1, ..SandboxConfig::default() };
    config.mounts.push(shown.path().to_owned().into());
    let sandbox = Sandbox::start(config).unwrap();
    let mut program = python(&format!("{WHOSE}\n{}", search_for(&mark)));
    program.command.warm = Some(Warm::Python);
    assert_eq!(program.run(&mut sandbox.slot(0)).text(), "False\n0 []\n");
}

fn shared_page(world: &Warmed) {
    let shared = "print([line for line in open('/proc/self/maps') if line.split()[1][1:4:2] == 'ws'])";
    assert_eq!(world.run(&python(shared), true).text(), "[]\n");
}

/// The lane seems healthy, but requests to its zygote fail. The run then fails because of the sandbox, so the error is
/// transient.
fn zygote_killed(_: &Warmed) {
    let world = Warmed::start();
    assert_eq!(world.run(&python(WHOSE), true).text(), "False\n");
    // If a zygote dies before its lane has checked itself, the lane detects that and no run fails. So wait for that
    // check first.
    world.slot.lock().unwrap().warm_up().unwrap();
    let has_interpreter =
        |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("libpython"));
    let zygotes: Vec<u32> = processes_in(&groups_of(world.sandbox.launcher_pid()))
        .into_iter()
        .filter(has_interpreter)
        .inspect(|pid| kill_9(*pid))
        .collect();
    eventually("the killed zygotes end", || !zygotes.iter().any(|pid| lives(*pid)));
    let mut warm = python(WHOSE);
    warm.command.warm = Some(Warm::Python);
    let tries: Vec<_> = (0..3).map(|_| warm.try_run(&mut world.slot.lock().unwrap())).collect();
    let texts: Vec<_> = tries.iter().map(|tried| tried.as_ref().map(Ended::text)).collect();
    assert!(matches!(&texts[2], Ok(text) if text == "False\n"), "{texts:?}");
    assert!(!zygotes.is_empty() && texts[0].is_err(), "{zygotes:?} {texts:?}");
    assert!(texts.iter().filter_map(|t| t.as_ref().err()).all(|error| error.is_transient()), "{texts:?}");
}

/// Compares ratios with a margin, because the figures vary. In a cold start, most of the CPU time is used by the
/// interpreter's start.
fn faster(world: &Warmed) {
    let cpu = |warm: bool| {
        let mut times: Vec<Duration> =
            (0..15).map(|_| world.run(&python("print('hello')"), warm).report.usage.cpu_time).collect();
        times.sort();
        times[times.len() / 2]
    };
    let (cold, warm) = (cpu(false), cpu(true));
    assert!(warm * 2 < cold, "cold: {cold:?}, warm: {warm:?}");
}

/// The figures of a program agree within 5 %, whichever lane ran it and however it started. Where the kernel counts
/// memory only in batches, they may also differ by two batches. The two largest of 80 figures are not compared: a busy
/// machine sometimes adds some pages of the kernel to one run (6 % were seen).
fn steady_memory(_: &Warmed) {
    const BATCH: u64 = 256 * 1024;
    let counts_pages = Path::new("/sys/fs/cgroup/memory/memory.kmem.max_usage_in_bytes").exists();
    let slack = if counts_pages { 0 } else { 2 * BATCH };
    for source in ["pass", "print('hello')"] {
        let mut all = Vec::new();
        for _ in 0..4 {
            let world = Warmed::start();
            let peak = |warm| world.run(&python(source), warm).report.usage.memory.get();
            all.extend((0..10).map(|_| peak(true)));
            all.extend((0..10).map(|_| peak(false)));
        }
        all.sort_unstable();
        let (least, most) = (all[0], all[all.len() - 3]);
        eprintln!("{source:?}: {least} to {most} bytes");
        assert_near(&format!("{source}, of {all:?}"), most, least, 5, slack);
    }
}
