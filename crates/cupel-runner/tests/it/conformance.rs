//! Rules for every executor, as a table: rule, input, expected result.

use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cupel_judge::{Collect, LiveInput, LiveSource, LiveStdin, Party, StdinSource, StepObserver, TerminalSize};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, FileSearch, LiveSignal, Outcome, PathPattern};

use crate::kit::{Backend, Seen, World, host_file, text};

pub(crate) const RULES: &[(&str, crate::PlaceRule)] = &[
    ("a_program_has_exactly_its_arguments_variables_and_files", surroundings),
    ("a_program_finds_the_entries_of_the_images_working_directory", working_directory),
    ("standard_input_arrives_whole_and_ends", input),
    ("standard_input_may_be_a_pipe_or_a_file", descriptors),
    ("a_program_need_not_read_its_input", unread_input),
    ("the_streams_are_apart_or_in_one_pipe_in_order", streams),
    ("output_arrives_while_the_program_runs_and_a_run_can_be_cancelled", streaming),
    ("output_beyond_the_limit_ends_the_program_and_what_fits_is_kept", output),
    ("a_full_box_is_an_error_of_the_write", disk),
    ("a_limit_on_the_size_of_a_file_is_an_error_of_the_write", file_size),
    ("processes_and_open_files_are_bounded", numbers),
    ("the_kernels_limit_on_cpu_time_is_far_above_that_of_the_executor", cpu_limit),
    ("memory_that_belongs_to_no_process_is_the_memory_limit", exhaust),
    ("input_files_that_are_counted_are_memory_of_the_program", counted_files),
    ("files_are_returned_as_asked", files),
    ("files_of_a_program_that_crashed_are_those_of_its_outbox", files_of_a_crash),
    ("files_that_the_program_may_not_read_are_returned", files_without_permissions),
    ("nothing_of_a_run_is_there_in_the_next", cleanup),
    ("a_program_cannot_reach_beyond_its_cell", attack),
    ("input_that_arrives_later_reaches_the_program", live),
    ("a_program_at_a_terminal_has_its_size_and_gets_signals", terminal),
    ("a_signal_reaches_a_program_without_a_terminal", signal),
    ("a_program_cannot_take_all_pseudo_terminals", pairs),
    ("two_programs_interact", interact),
    ("a_program_that_is_missing_is_an_error_or_an_exit_code", missing),
];

fn surroundings(world: &World, place: Backend) {
    let mut step = world.step(place, &["surroundings", "a b", ""]);
    step.env = vec![("A".to_owned(), "b=c\nd".to_owned()), ("EMPTY".to_owned(), String::new())];
    assert_eq!(
        step.printed(),
        "argument ./program\nargument surroundings\nargument a b\nargument \nvariable A=b=c\nd\nvariable EMPTY=\n\
         directory /box\nis root 0\n"
    );
    // The groups of files are merged; directories are created.
    let file = |path: &str| BoxFile { path: BoxPath::new(path).unwrap(), data: Arc::from(*b"x"), executable: false };
    let mut step = world.step(place, &["look"]);
    step.files.push(BoxFiles::new(vec![file("data/deep/file"), file("other")]));
    let mut found: Vec<_> = step.printed().lines().map(str::to_owned).collect();
    found.sort();
    assert_eq!(found, ["/box/data", "/box/other"]);
}

fn working_directory(world: &World, place: Backend) {
    let root = match place {
        // The machine's toolchains have no working directory.
        Backend::Native => return,
        Backend::Image => &world.course[0],
        Backend::Docker => &world.course[1],
    };
    let file = |path: &str| BoxFile { path: BoxPath::new(path).unwrap(), data: Arc::from(*b"mine"), executable: false };
    let step = |arguments: &[&str], files: &[&str]| {
        let mut step = world.step(place, arguments);
        step.files.push(BoxFiles::new(files.iter().map(|path| file(path)).collect()));
        step.root = root;
        step
    };
    let printed = step(&["show", "table.csv", "data/first", "/course/table.csv"], &[]).printed();
    assert_eq!(
        printed,
        "table.csv: the image's table.csv\ndata/first: the image's data/first\n/course/table.csv: the image's table.csv\n"
    );
    // Files of the submission come first. A directory of the submission is not merged with one of the image.
    let printed = step(&["show", "input.txt", "data/first", "table.csv"], &["input.txt", "data/second"]).printed();
    assert_eq!(printed, "input.txt: mine\ndata/first: missing\ntable.csv: the image's table.csv\n");
    // Files of the image are no results.
    let result = step(&["files"], &[]).collect(Collect::All).run();
    assert_eq!(shown(&result.files), ["out/a first", "out/deep/b* second", "top third"]);
}

fn bytes(length: usize) -> Arc<[u8]> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn input(world: &World, place: Backend) {
    for length in [0, 1, 65_536, 900_000] {
        let sent = bytes(length);
        let step = world.step(place, &["copy"]).stdin(StdinSource::Bytes(sent.clone()));
        let result = step.limited(|l| l.output = Bytes::mib(2)).run();
        assert!(*result.report.stdout.data == *sent, "{length} bytes");
        assert_eq!(&*result.report.stderr.data, format!("end after {length}\n").as_bytes());
    }
}

fn descriptors(world: &World, place: Backend) {
    let directory = tempfile::tempdir().unwrap();
    let file = std::fs::File::open(host_file(&directory, "input", b"of a file")).unwrap();
    let (end, mut pipe) = std::io::pipe().unwrap();
    pipe.write_all(b"of a pipe").unwrap();
    drop(pipe);
    for (descriptor, expected) in [(file.into(), "of a file"), (end.into(), "of a pipe")] {
        let step = world.step(place, &["copy"]).stdin(StdinSource::Descriptor(Arc::new(descriptor)));
        assert_eq!(step.printed(), expected);
    }
}

fn unread_input(world: &World, place: Backend) {
    let step = world.step(place, &["nothing"]).stdin(StdinSource::Bytes(bytes(900_000)));
    assert_eq!(step.printed(), "");
}

fn streams(world: &World, place: Backend) {
    let mut step = world.step(place, &["streams"]);
    step.result = true;
    let mut seen = Seen::default();
    let result = step.try_run(&mut seen).unwrap();
    assert_eq!((&*result.report.stdout.data, &*result.report.stderr.data), (&b"out"[..], &b"error"[..]));
    assert_eq!((&seen.stdout[..], &seen.stderr[..], &seen.result[..]), (&b"out"[..], &b"error"[..], &b"result"[..]));
    let mut step = world.step(place, &["order"]);
    step.stderr_to_stdout = true;
    assert_eq!(step.printed(), "oeoeoeoeoe");
}

fn streaming(world: &World, place: Backend) {
    let mut seen = Seen { cancels: true, ..Seen::default() };
    let result = world.step(place, &["stream"]).try_run(&mut seen).unwrap();
    assert_eq!((result.report.outcome, text(&result)), (Outcome::Cancelled, "early\n".to_owned()));
}

fn output(world: &World, place: Backend) {
    let step = world.step(place, &["copy"]).stdin(StdinSource::Bytes(bytes(300_000)));
    let result = step.limited(|l| l.output = Bytes::new(100_000)).run();
    assert_eq!(result.report.outcome, Outcome::OutputLimit);
    assert!(*result.report.stdout.data == bytes(300_000)[..100_000], "{} bytes", result.report.stdout.data.len());
    assert!(result.report.stdout.truncated);
}

fn disk(world: &World, place: Backend) {
    for path in ["/box/file", "/tmp/file"] {
        let step = world.step(place, &["fill", path]).limited(|l| {
            l.disk = Bytes::mib(8);
            l.file_size = Bytes::mib(64);
        });
        let printed = step.printed();
        // The program itself occupies a megabyte of its box.
        let fits = ["ENOSPC after 7 MiB\n", "ENOSPC after 8 MiB\n", "ENOSPC after 9 MiB\n"];
        assert!(fits.contains(&printed.as_str()), "{path}: {printed}");
    }
}

fn file_size(world: &World, place: Backend) {
    let step = world.step(place, &["fill", "/box/file"]).limited(|l| l.file_size = Bytes::mib(4));
    assert_eq!(step.run().report.outcome, Outcome::Signalled(cupel_types::Signal(25)), "SIGXFSZ");
}

fn numbers(world: &World, place: Backend) {
    assert_eq!(world.step(place, &["forks"]).limited(|l| l.processes = 10).printed(), "10 EAGAIN\n");
    for open_files in [3, 4, 5, 6, 7, 20] {
        let printed = world.step(place, &["opens"]).limited(|l| l.open_files = open_files).printed();
        assert_eq!(printed, format!("{open_files} EMFILE\n"));
    }
}

/// The kernel counts timer ticks, which can be more than the exact time.
fn cpu_limit(world: &World, place: Backend) {
    let printed = world.step(place, &["cpu_limit"]).limited(|l| l.cpu_time = Duration::from_secs(60)).printed();
    assert_eq!(printed, "122 s\n");
}

fn exhaust(world: &World, place: Backend) {
    for _ in 0..8 {
        let result = world.step(place, &["exhaust"]).limited(|limits| limits.memory = Bytes::mib(64)).run();
        assert_eq!(result.report.outcome, Outcome::MemoryLimit, "{result:?}");
    }
}

fn counted_files(world: &World, place: Backend) {
    let run = |counted_mib, arguments: &[&str]| {
        let mut step = world.step(place, arguments).limited(|limits| limits.memory = Bytes::mib(64));
        let data = BoxFile { path: BoxPath::new("data").unwrap(), data: bytes(40 << 20), executable: false };
        step.files.push(BoxFiles::new(vec![data]));
        step.counted_files = Bytes::mib(counted_mib);
        let report = step.run().report;
        (report.outcome, report.usage.memory)
    };
    // The kernel accounts memory in batches of up to 64 pages per processor, so the highest value that it records can be
    // that much below the limit.
    let reaches_limit = |(outcome, memory): (Outcome, Bytes)| {
        assert_eq!(outcome, Outcome::MemoryLimit);
        assert!((Bytes::mib(63)..=Bytes::mib(64)).contains(&memory), "{memory}");
    };
    // Without the counted part: the memory limit and the removed file.
    assert_eq!(run(0, &["replace", "90"]).0, Outcome::Exited(0));
    reaches_limit(run(24, &["replace", "90"]));
    let ((is_free, free), (is_counted, counted)) = (run(0, &["nothing"]), run(24, &["nothing"]));
    assert_eq!((is_free, is_counted), (Outcome::Exited(0), Outcome::Exited(0)));
    assert!(free < Bytes::mib(16) && (Bytes::mib(24)..Bytes::mib(40)).contains(&counted), "{free} {counted}");
    // Nothing is left for the program.
    reaches_limit(run(64, &["nothing"]));
}

/// Paths of returned files with their content; `*` marks executable ones.
fn shown(files: &BoxFiles) -> Vec<String> {
    let mut all: Vec<String> = files
        .iter()
        .map(|file| {
            let mark = if file.executable { "*" } else { "" };
            format!("{}{mark} {}", file.path.as_str(), String::from_utf8_lossy(&file.data))
        })
        .filter(|line| !line.starts_with("program"))
        .collect();
    all.sort();
    all
}

fn files(world: &World, place: Backend) {
    let result = world.step(place, &["files"]).collect(Collect::All).run();
    assert_eq!(shown(&result.files), ["out/a first", "out/deep/b* second", "top third"]);
    assert!(!result.files_truncated);
    let result = world.step(place, &["files"]).collect(Collect::Outbox(BoxPath::new("out").unwrap())).run();
    assert_eq!(shown(&result.files), ["out/a first", "out/deep/b* second"]);
    let paths = ["top", "missing", "out/link", "out/pipe", "out/a"].map(|path| BoxPath::new(path).unwrap()).to_vec();
    let result = world.step(place, &["files"]).collect(Collect::Named { paths, keep: Bytes::new(8), find: None }).run();
    let fetched = result.fetched.iter();
    let fetched: Vec<_> = fetched
        .map(|file| {
            (file.path.as_str(), String::from_utf8_lossy(&file.content.data).into_owned(), file.content.truncated)
        })
        .collect();
    assert_eq!(fetched, [("top", "third".to_owned(), false), ("out/a", "fir".to_owned(), true)]);
    let find = |files_max, bytes| FileSearch {
        patterns: ["out/**", "t?p"].map(|pattern| PathPattern::new(pattern).unwrap()).to_vec(),
        files_max,
        file_bytes_max: Bytes::new(100),
        bytes_max: Bytes::new(bytes),
    };
    let found = |find, paths| {
        let named = Collect::Named { paths, keep: Bytes::new(100), find: Some(find) };
        let result = world.step(place, &["files"]).collect(named).run();
        let shown = result.found.files.iter().map(|file| match &file.data {
            Some(data) => format!("{} {}", file.path, String::from_utf8_lossy(data)),
            None => format!("{} {}", file.path, file.size),
        });
        (shown.collect::<Vec<_>>(), result.found.has_more, result.fetched.len())
    };
    let all = ["out/a first", "out/deep/b second", "top third"].map(str::to_owned);
    assert_eq!(found(find(3, 16), Vec::new()), (all.to_vec(), false, 0));
    assert_eq!(found(find(2, 16), vec![BoxPath::new("top").unwrap()]), (all[..2].to_vec(), true, 1));
    let (shown_without_room, _, _) = found(find(3, 10), Vec::new());
    assert_eq!(shown_without_room, [all[0].clone(), "out/deep/b 6 bytes".to_owned(), all[2].clone()]);
    assert_eq!(shown(&world.step(place, &["nothing"]).collect(Collect::All).run().files), [""; 0]);
}

fn files_of_a_crash(world: &World, place: Backend) {
    let result = world.step(place, &["files_and_crash"]).collect(Collect::All).run();
    assert_eq!((result.report.outcome, shown(&result.files).len()), (Outcome::Signalled(cupel_types::Signal(11)), 0));
    let outbox = Collect::Outbox(BoxPath::new("out").unwrap());
    let result = world.step(place, &["files_and_crash"]).collect(outbox).run();
    assert_eq!(shown(&result.files), ["out/a first", "out/deep/b* second"]);
}

fn files_without_permissions(world: &World, place: Backend) {
    let run = |collect| {
        let result = world.step(place, &["files_without_permissions"]).collect(collect).run();
        assert_eq!(result.report.outcome, Outcome::Exited(0), "{result:?}");
        result
    };
    let of_outbox = ["out/a first", "out/deep/b* second", "out/listed/c fourth"].map(str::to_owned);
    let all = [&of_outbox[..], &["top third".to_owned()]].concat();
    let result = run(Collect::All);
    assert_eq!((shown(&result.files), result.files_truncated), (all, false));
    let result = run(Collect::Outbox(BoxPath::new("out").unwrap()));
    assert_eq!((shown(&result.files), result.files_truncated), (of_outbox.to_vec(), false));
    let paths = ["out/deep/b", "out/link", "out/listed/c"].map(|path| BoxPath::new(path).unwrap()).to_vec();
    let find = FileSearch {
        patterns: vec![PathPattern::new("out/**").unwrap()],
        files_max: 10,
        file_bytes_max: Bytes::kib(1),
        bytes_max: Bytes::kib(1),
    };
    let result = run(Collect::Named { paths, keep: Bytes::kib(1), find: Some(find) });
    let fetched: Vec<_> = result.fetched.iter().map(|file| (file.path.as_str(), &*file.content.data)).collect();
    assert_eq!(fetched, [("out/deep/b", &b"second"[..]), ("out/listed/c", b"fourth")]);
    let found: Vec<_> = result.found.files.iter().map(|file| (file.path.as_str(), file.data.as_deref())).collect();
    let expected = [("out/a", &b"first"[..]), ("out/deep/b", b"second"), ("out/listed/c", b"fourth")];
    assert_eq!(found, expected.map(|(path, data)| (path, Some(data))));
}

fn cleanup(world: &World, place: Backend) {
    for _ in 0..3 {
        assert_eq!(world.step(place, &["leave"]).printed(), "");
        assert_eq!(world.step(place, &["look"]).printed(), "");
    }
}

fn attack(world: &World, place: Backend) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let socket = world.settings.socket.clone();
    assert_eq!(world.step(place, &["attack", &port, &socket]).printed(), "done\n");
}

/// Input that the test sends while the program runs.
struct Sent(Mutex<Receiver<LiveInput>>);

impl LiveSource for Sent {
    fn next(&self, timeout: Duration) -> Option<LiveInput> {
        self.0.lock().unwrap().recv_timeout(timeout).ok()
    }

    fn consumed(&self, _: u64) {}
}

/// Sends each input once the program has printed the text that precedes this input.
struct Dialogue {
    input: Sender<LiveInput>,
    rest: std::collections::VecDeque<(&'static str, LiveInput)>,
    printed: String,
}

impl StepObserver for Dialogue {
    fn stdout(&mut self, data: &[u8]) {
        // A terminal turns a line feed into two characters.
        self.printed.push_str(&String::from_utf8_lossy(data).replace('\r', ""));
        while self.rest.front().is_some_and(|(after, _)| self.printed.ends_with(after)) {
            let (_, input) = self.rest.pop_front().unwrap();
            self.input.send(input).unwrap();
        }
    }

    fn stderr(&mut self, _: &[u8]) {}
}

/// Runs a mode with this dialogue. Returns the outcome and the output.
fn dialogue(
    world: &World,
    place: Backend,
    mode: &str,
    terminal: Option<TerminalSize>,
    mut steps: Vec<(&'static str, LiveInput)>,
) -> (Outcome, String) {
    let (input, received) = channel();
    while steps.first().is_some_and(|(after, _)| after.is_empty()) {
        input.send(steps.remove(0).1).unwrap();
    }
    let source = Arc::new(Sent(Mutex::new(received)));
    let step = world.step(place, &[mode]).stdin(StdinSource::Live(LiveStdin { source, terminal }));
    let mut observer = Dialogue { input, rest: steps.into(), printed: String::new() };
    let result = step.try_run(&mut observer).unwrap();
    assert_eq!(text(&result).replace('\r', ""), observer.printed);
    (result.report.outcome, observer.printed)
}

fn send(text: &str) -> LiveInput {
    LiveInput::Bytes(text.as_bytes().to_vec())
}

fn live(world: &World, place: Backend) {
    let steps = vec![("", send("one\n")), ("one\n", send("two\n")), ("two\n", LiveInput::EndOfInput)];
    assert_eq!(dialogue(world, place, "copy", None, steps), (Outcome::Exited(0), "one\ntwo\n".to_owned()));
}

fn terminal(world: &World, place: Backend) {
    let steps = vec![
        ("80x24\n", send("typed\n")),
        ("read typed\n", LiveInput::Resize(TerminalSize::new(100, 40).unwrap())),
        ("100x40\n", LiveInput::EndOfInput),
    ];
    let (outcome, printed) = dialogue(world, place, "terminal", TerminalSize::new(80, 24), steps);
    let expected = "terminal 1 1 1\n80x24\ntyped\nread typed\n100x40\nend of input\n";
    assert_eq!((outcome, printed.as_str()), (Outcome::Exited(0), expected));
    // What a program leaves in the terminal when it ends is not lost.
    let (outcome, printed) = dialogue(world, place, "lines", TerminalSize::new(80, 24), Vec::new());
    let expected: String = (0..7000).map(|number| format!("line {number}\n")).collect();
    assert_eq!((outcome, printed), (Outcome::Exited(0), expected));
    // The end of input first ends the incomplete line.
    let steps = vec![("80x24\n", send("part")), ("part", LiveInput::EndOfInput)];
    let (outcome, printed) = dialogue(world, place, "terminal", TerminalSize::new(80, 24), steps);
    let expected = "terminal 1 1 1\n80x24\npartread partend of input\n";
    assert_eq!((outcome, printed.as_str()), (Outcome::Exited(0), expected));
    // The input is Ctrl-C, which the terminal turns into a signal.
    let (outcome, printed) =
        dialogue(world, place, "terminal", TerminalSize::new(80, 24), vec![("80x24\n", send("\u{3}"))]);
    assert!(printed.ends_with("interrupted\n"), "{printed}");
    assert_eq!(outcome, Outcome::Exited(7));
}

fn signal(world: &World, place: Backend) {
    let interrupt = || LiveInput::Signal(LiveSignal::Interrupt);
    let (outcome, printed) = dialogue(world, place, "terminal", None, vec![("0x0\n", interrupt())]);
    assert_eq!((outcome, printed.as_str()), (Outcome::Exited(7), "terminal 0 0 0\n0x0\ninterrupted\n"));
    let kill = LiveInput::Signal(LiveSignal::Kill);
    let (outcome, _) = dialogue(world, place, "terminal", None, vec![("0x0\n", kill)]);
    assert_eq!(outcome, Outcome::Signalled(cupel_types::Signal(9)));
}

/// The kernel's maximum, `kernel.pty.max`, is shared by all containers and cells.
fn pairs(world: &World, place: Backend) {
    for terminal in [None, TerminalSize::new(80, 24)] {
        let ended = dialogue(world, place, "pairs", terminal, vec![]);
        assert_eq!(ended, (Outcome::Exited(0), "few\n".to_owned()), "{terminal:?}");
    }
    let with_few_descriptors = world.step(place, &["pair"]).limited(|limits| limits.open_files = 3);
    assert_eq!(with_few_descriptors.printed(), "none\n");
}

fn interact(world: &World, place: Backend) {
    // An author's interactor is often in another language, and so may run in another place.
    for other in Backend::ALL {
        let result = world.interact(&world.step(place, &["guess"]), &world.step(other, &["judge", "37"]));
        assert_eq!(result.program.report.outcome, Outcome::Exited(0), "{result:?}");
        assert_eq!(result.interactor.report.outcome, Outcome::Exited(42), "{result:?}");
        assert_eq!(&*result.interactor.report.stderr.data, b"3 tries\n");
        let transcript: String = result
            .transcript
            .iter()
            .map(|(party, bytes)| {
                let mark = if *party == Party::Program { "" } else { " " };
                format!("{mark}{}", String::from_utf8_lossy(bytes).replace('\n', ""))
            })
            .collect();
        assert_eq!(transcript, "50 <25 >37 =");
    }
}

fn missing(world: &World, place: Backend) {
    let mut step = world.step(place, &[]);
    step.argv = vec!["./nothing".to_owned()];
    assert_eq!(step.run().report.outcome, Outcome::Exited(127));
    let path = BoxPath::new("script").unwrap();
    let script = BoxFile { path, data: Arc::from(*b"#!/no/such/interpreter\n"), executable: true };
    step.files.push(BoxFiles::new(vec![script]));
    step.argv = vec!["./script".to_owned()];
    assert_eq!(step.run().report.outcome, Outcome::Exited(127), "the interpreter is missing");
    step.argv = vec!["no-such-program".to_owned()];
    let error = step.try_run(&mut Seen::default()).unwrap_err();
    assert!(!error.transient, "{error:?}");
}
