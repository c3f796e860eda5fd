//! Files enter the box unchanged and are collected as the program left them, within bounds.

use cupel_sandbox::{CellKind, CollectLimits, RunError};
use cupel_types::{BoxFile, BoxPath, Bytes, FileSearch, Limits, Outcome, PathPattern, Signal};
use libtest_mimic::Trial;

use crate::kit::{Program, World, file};
use crate::machine::patient;
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "files",
        &[
            ("hundreds_of_nested_files_go_in", hundreds_of_nested_files_go_in),
            (
                "given_files_do_not_reduce_the_memory_limit_however_small_they_are",
                given_files_do_not_reduce_the_memory_limit_however_small_they_are,
            ),
            ("several_file_groups_share_one_box", several_file_groups_share_one_box),
            ("a_duplicate_path_is_refused", a_duplicate_path_is_refused),
            (
                "changed_new_and_deleted_files_are_collected_as_left",
                changed_new_and_deleted_files_are_collected_as_left,
            ),
            (
                "nothing_is_collected_without_a_request_or_by_default_after_a_failure",
                nothing_is_collected_without_a_request_or_by_default_after_a_failure,
            ),
            (
                "after_failure_collects_after_an_exit_code_but_not_after_a_signal_or_a_limit",
                after_failure_collects_after_an_exit_code_but_not_after_a_signal_or_a_limit,
            ),
            ("with_an_outbox_only_its_files_are_collected", with_an_outbox_only_its_files_are_collected),
            ("files_are_fetched_by_path_and_only_regular_ones", files_are_fetched_by_path_and_only_regular_ones),
            ("fetched_files_are_cut_off_at_the_bound", fetched_files_are_cut_off_at_the_bound),
            ("files_are_found_by_pattern_and_only_regular_ones", files_are_found_by_pattern_and_only_regular_ones),
            ("a_search_keeps_its_bounds", a_search_keeps_its_bounds),
            ("a_hundred_mebibytes_go_in_and_come_out", a_hundred_mebibytes_go_in_and_come_out),
            ("thousands_of_files_are_collected", thousands_of_files_are_collected),
            ("collecting_keeps_its_bounds", collecting_keeps_its_bounds),
            ("a_compiled_program_runs_in_another_cell", a_compiled_program_runs_in_another_cell),
        ],
    )
}

fn hundreds_of_nested_files_go_in(world: &World) {
    let mut files: Vec<BoxFile> =
        (0..300).map(|n| file(&format!("d{}/e{}/f{n:03}", n % 3, n % 7), &vec![b'x'; n], n % 2 == 0)).collect();
    files.push(file("large", &vec![9; 5 << 20], false));
    let mut expected: Vec<String> = files
        .iter()
        .map(|f| format!("/box/{} {} {} 1000\n", f.path, f.data.len(), if f.executable { 755 } else { 644 }))
        .collect();
    expected.sort();
    world.check(&world.attack("list_box", &[]).files(files), Outcome::Exited(0), &expected.concat());
}

/// A file of any size takes at least a page and an inode.
fn given_files_do_not_reduce_the_memory_limit_however_small_they_are(world: &World) {
    for data in [&b"x"[..], b""] {
        let files = (0..4000).map(|n| file(&format!("f{n}"), data, false)).collect();
        let program = Program::shell("ls | wc -l; head -c 11534336 /dev/zero > fits && echo fits");
        let limits = |l: &mut Limits| (l.memory, l.inodes, l.file_size) = (Bytes::mib(16), 5000, Bytes::mib(12));
        world.check(&program.limits(limits).files(files), Outcome::Exited(0), "4000\nfits\n");
    }
}

fn several_file_groups_share_one_box(world: &World) {
    let program = Program::shell("cat a d/b d/c; echo more >> d/b && rm a d/c")
        .files(vec![file("a", b"one ", false), file("d/b", b"two ", false)])
        .files(Vec::new())
        .files(vec![file("d/c", b"three", false)]);
    world.check(&program, Outcome::Exited(0), "one two three");
}

fn a_duplicate_path_is_refused(world: &World) {
    let mut slot = world.slot();
    let refused = |slot: &mut _, program: Program| match program.try_run(slot) {
        Err(RunError::BadCommand(refusal)) => assert!(refusal.field == "files" && refusal.rule.contains("`a`")),
        other => panic!("{:?}", other.map(|e| e.to_string())),
    };
    refused(&mut slot, Program::shell("true").files(vec![file("a", b"1", false), file("a", b"2", false)]));
    refused(&mut slot, Program::shell("true").files(vec![file("a", b"1", false)]).files(vec![file("a", b"2", false)]));
    refused(&mut slot, Program::shell("true").files(vec![file("a", b"1", false), file("a/b", b"2", false)]));
    refused(&mut slot, Program::shell("true").files(vec![file("a/b", b"1", false), file("a", b"2", false)]));
    assert_eq!(world.attack("exit", &["9"]).run(&mut slot).report.outcome, Outcome::Exited(9));
}

fn changed_new_and_deleted_files_are_collected_as_left(world: &World) {
    let given =
        vec![file("in/changed", b"before", false), file("in/deleted", b"", false), file("in/same", b"same", true)];
    let program = world.attack("edit_box", &[]).files(given).collect(10, Bytes::mib(1));
    let ended = world.check(&program, Outcome::Exited(0), "");
    let mut found: Vec<(&str, &[u8], bool)> =
        ended.report.files.iter().map(|f| (f.path.as_str(), f.data.as_ref(), f.executable)).collect();
    found.sort_unstable();
    let expected: [(&str, &[u8], bool); 3] =
        [("in/changed", b"changed", false), ("in/same", b"same", true), ("out/new", b"new", true)];
    assert_eq!(found, expected);
    assert!(!ended.report.files_truncated);
}

fn nothing_is_collected_without_a_request_or_by_default_after_a_failure(world: &World) {
    let ended = world.run(&Program::shell("echo x > f"));
    assert!(ended.report.files.is_empty() && !ended.report.files_truncated, "{ended}");
    for script in ["echo x > f; exit 1", "echo x > f; kill -9 $$"] {
        let ended = world.run(&Program::shell(script).collect(10, Bytes::mib(1)));
        assert!(ended.report.files.is_empty() && !ended.report.files_truncated, "{ended}");
    }
}

fn after_failure_collects_after_an_exit_code_but_not_after_a_signal_or_a_limit(world: &World) {
    let little = patient(std::time::Duration::from_millis(100));
    for (script, outcome, expected) in [
        ("echo x > f", Outcome::Exited(0), "f"),
        ("echo x > f; exit 1", Outcome::Exited(1), "f"),
        ("echo x > f; exit 255", Outcome::Exited(255), "f"),
        ("echo x > f; kill -9 $$", Outcome::Signalled(Signal(9)), ""),
        ("echo x > f; while :; do :; done", Outcome::TimeLimit, ""),
        ("echo x > f; head -c 200000 /dev/zero; exit 0", Outcome::OutputLimit, ""),
    ] {
        let mut program = Program::shell(script).limits(|l| l.cpu_time = little);
        program.command.collect = Some(CollectLimits { files: 10, bytes: Bytes::mib(1), after_failure: true });
        let ended = world.run(&program);
        assert_eq!((ended.report.outcome, ended.collected().as_str()), (outcome, expected), "{script}: {ended}");
    }
}

fn with_an_outbox_only_its_files_are_collected(world: &World) {
    let out = |script: &str, given: &str| {
        let mut program = Program::shell(script).files(vec![file("in", b"x", false)]);
        if !given.is_empty() {
            program = program.files(vec![file(given, b"x", false)]);
        }
        program.command.collect = Some(CollectLimits { files: 10, bytes: Bytes::mib(1), after_failure: true });
        program.command.outbox = Some(BoxPath::new("a/out").unwrap());
        program
    };
    for (script, given, outcome, expected) in [
        ("echo x > f; echo x > a/f; mkdir a/out/b; echo x > a/out/b/f", "", Outcome::Exited(0), "a/out/b/f"),
        ("echo x > a/out/f; exit 7", "a/out/kept", Outcome::Exited(7), "a/out/f a/out/kept"),
        ("echo x > a/out/f; kill -9 $$", "", Outcome::Signalled(Signal(9)), "a/out/f"),
        ("echo x > a/out/f; head -c 200000 /dev/zero", "", Outcome::OutputLimit, ""),
        // The program replaces or removes the outbox.
        ("rm -r a/out; ln -s /etc a/out", "", Outcome::Exited(0), ""),
        ("rm -r a; mkdir -p b/out; echo x > b/out/f; ln -s b a", "", Outcome::Exited(0), ""),
        ("rm -r a/out; echo x > a/out", "", Outcome::Exited(0), ""),
        ("rm -r a", "", Outcome::Exited(0), ""),
    ] {
        let ended = world.run(&out(script, given));
        assert_eq!((ended.report.outcome, ended.collected().as_str()), (outcome, expected), "{script}: {ended}");
    }
    for given in ["a", "a/out"] {
        match out("true", given).try_run(&mut world.slot()) {
            Err(RunError::BadCommand(refusal)) => assert_eq!(refusal.field, "outbox"),
            other => panic!("{:?}", other.map(|e| e.to_string())),
        }
    }
}

/// Runs a script and fetches files. Returns their paths with their content, followed by `…` if the content was cut off.
fn fetched(world: &World, script: &str, paths: &[&str], bytes: Bytes) -> (Outcome, String) {
    let mut program = Program::shell(script);
    program.command.collect = Some(CollectLimits { files: 100, bytes, after_failure: true });
    program.command.fetch = paths.iter().map(|path| BoxPath::new(path).unwrap()).collect();
    let report = world.run(&program).report;
    assert!(report.files.is_empty() && !report.files_truncated);
    let shown = report.fetched.iter().map(|file| {
        let cut = if file.content.truncated { "…" } else { "" };
        format!("{}={}{cut}", file.path, String::from_utf8_lossy(&file.content.data))
    });
    (report.outcome, shown.collect::<Vec<_>>().join(" "))
}

fn files_are_fetched_by_path_and_only_regular_ones(world: &World) {
    for (script, outcome, expected) in [
        ("printf 2 > b; printf 1 > a; printf 3 > other", Outcome::Exited(0), "a=1 b=2"),
        ("mkdir d; printf 3 > d/e; exit 7", Outcome::Exited(7), "d/e=3"),
        ("printf 1 > a; kill -9 $$", Outcome::Signalled(Signal(9)), "a=1"),
        ("printf 1 > a; head -c 200000 /dev/zero", Outcome::OutputLimit, ""),
        ("", Outcome::Exited(0), ""),
        // No file is read through a link, neither out of the box nor within it.
        ("ln -s /etc/passwd a; printf 1 > x; ln -s x b; ln -s /etc d", Outcome::Exited(0), ""),
        ("mkdir d a; mkfifo b", Outcome::Exited(0), ""),
        ("mkdir d; mkfifo d/e; printf 1 > a; rm a; : > b", Outcome::Exited(0), "b="),
    ] {
        let seen = fetched(world, script, &["a", "b", "d/e"], Bytes::kib(1));
        assert_eq!(seen, (outcome, expected.to_owned()), "{script}");
    }
}

fn fetched_files_are_cut_off_at_the_bound(world: &World) {
    let script = "printf 1234 > a; printf 5678 > b; printf 9 > c; : > d";
    let seen = |bytes| fetched(world, script, &["a", "b", "c", "d"], Bytes::new(bytes)).1;
    assert_eq!(seen(9), "a=1234 b=5678 c=9 d=");
    assert_eq!(seen(6), "a=1234 b=56… c=… d=");
    // A sparse file takes no more than the bound.
    let large = "truncate -s 200K a";
    assert_eq!(fetched(world, large, &["a"], Bytes::new(3)).1, "a=\0\0\0…");
}

/// Runs a script and searches for files. Returns their paths with their content, or `…` and the size if it was not
/// read.
fn found(world: &World, script: &str, find: FileSearch, paths: &[&str]) -> (Outcome, String, bool) {
    let mut program = Program::shell(script);
    program.command.collect = Some(CollectLimits { files: 100, bytes: Bytes::kib(1), after_failure: true });
    program.command.fetch = paths.iter().map(|path| BoxPath::new(path).unwrap()).collect();
    program.command.find = Some(find);
    let report = world.run(&program).report;
    assert!(report.files.is_empty() && !report.files_truncated);
    assert_eq!(report.fetched.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), paths);
    let shown = report.found.files.iter().map(|file| match &file.data {
        Some(data) => format!("{}={}", file.path, String::from_utf8_lossy(data)),
        None => format!("{}…{}", file.path, file.size.get()),
    });
    (report.outcome, shown.collect::<Vec<_>>().join(" "), report.found.has_more)
}

fn search(patterns: &[&str]) -> FileSearch {
    FileSearch {
        patterns: patterns.iter().map(|pattern| PathPattern::new(pattern).unwrap()).collect(),
        files_max: 10,
        file_bytes_max: Bytes::new(100),
        bytes_max: Bytes::new(1000),
    }
}

fn files_are_found_by_pattern_and_only_regular_ones(world: &World) {
    for (script, patterns, outcome, expected) in [
        ("printf 2 > b.t; mkdir d; printf 1 > d/a.t; printf 3 > c", &["*.t"][..], Outcome::Exited(0), "b.t=2 d/a.t=1"),
        (
            "mkdir -p d/e/f; printf 1 > d/e/f/a; printf 2 > d/b; printf 3 > c",
            &["d/**"],
            Outcome::Exited(0),
            "d/b=2 d/e/f/a=1",
        ),
        ("printf 1 > a; : > b; exit 7", &["b", "a"], Outcome::Exited(7), "a=1 b="),
        ("printf 1 > a; kill -9 $$", &["*"], Outcome::Signalled(Signal(9)), "a=1"),
        ("printf 1 > a; head -c 200000 /dev/zero", &["*"], Outcome::OutputLimit, ""),
        ("", &["*"], Outcome::Exited(0), ""),
        ("ln -s /etc/passwd a; printf 1 > x; ln -s x b; ln -s /etc d; ln -s . e", &["*"], Outcome::Exited(0), "x=1"),
        ("mkdir a b; mkfifo b/f; printf 1 > b/..g..; printf 2 > 'a/\n'", &["**"], Outcome::Exited(0), "b/..g..=1"),
    ] {
        let seen = found(world, script, search(patterns), &[]);
        assert_eq!(seen, (outcome, expected.to_owned(), false), "{script}");
    }
    // Files that are requested by path are returned separately.
    let both = found(world, "printf 1 > a; printf 2 > b", search(&["*"]), &["b"]);
    assert_eq!(both, (Outcome::Exited(0), "a=1 b=2".to_owned(), false));
}

fn a_search_keeps_its_bounds(world: &World) {
    let script = "printf 1234 > a; printf 567890 > b; printf 9 > c; : > d; truncate -s 200K e";
    let seen = |files_max, file_bytes, bytes| {
        let (file_bytes_max, bytes_max) = (Bytes::new(file_bytes), Bytes::new(bytes));
        let (_, shown, has_more) =
            found(world, script, FileSearch { files_max, file_bytes_max, bytes_max, ..search(&["*"]) }, &[]);
        (shown, has_more)
    };
    assert_eq!(seen(9, 10, 11), ("a=1234 b=567890 c=9 d= e…204800".to_owned(), false));
    assert_eq!(seen(3, 10, 11), ("a=1234 b=567890 c=9".to_owned(), true));
    assert_eq!(seen(9, 5, 11), ("a=1234 b…6 c=9 d= e…204800".to_owned(), false));
    assert_eq!(seen(9, 10, 5), ("a=1234 b…6 c=9 d= e…204800".to_owned(), false));
    assert_eq!(seen(9, 10, 0), ("a…4 b…6 c…1 d= e…204800".to_owned(), false));
}

fn a_hundred_mebibytes_go_in_and_come_out(world: &World) {
    let mut data = vec![7; 100 << 20];
    for at in (0..data.len()).step_by(4099) {
        data[at] = (at >> 12) as u8;
    }
    let program = Program::shell("mv in out").files(vec![file("in", &data, false)]).limits(|l| {
        l.memory = Bytes::mib(256);
        l.disk = Bytes::mib(128);
        l.file_size = Bytes::mib(128);
    });
    let ended = world.run(&program.collect(2, Bytes::mib(100)));
    assert_eq!(ended.collected(), "out", "{ended}");
    assert!(!ended.report.files_truncated && ended.report.files.iter().all(|f| f.data.as_ref() == data));
}

/// There are more descriptors than a socket can hold at one time.
fn thousands_of_files_are_collected(world: &World) {
    let program = world.attack("leave_many", &["4000"]).limits(|l| l.inodes = 5000).collect(5000, Bytes::mib(1));
    let ended = world.check(&program, Outcome::Exited(0), "");
    assert_eq!((ended.report.files.len(), ended.report.files_truncated), (4000, false));
    assert!(ended.report.files.iter().all(|f| f.data.as_ref() == b"x"));
}

fn collecting_keeps_its_bounds(world: &World) {
    let program = |files, bytes| Program::shell("printf 12345 > a; printf 12345 > b").collect(files, Bytes::new(bytes));
    for (files, bytes, out, truncated) in
        [(2, 10, 2, false), (1, 10, 1, true), (2, 9, 1, true), (0, 10, 0, true), (2, 4, 0, true)]
    {
        let ended = world.run(&program(files, bytes));
        assert_eq!(
            (ended.report.files.len(), ended.report.files_truncated),
            (out, truncated),
            "{files} files, {bytes} bytes: {ended}"
        );
    }
}

fn a_compiled_program_runs_in_another_cell(world: &World) {
    let mut compiler = Program::new(["gcc", "-O1", "-o", "main", "main.c"].map(str::to_owned).to_vec())
        .files(vec![file(
            "main.c",
            b"#include <stdio.h>\nint main(int n, char **v) { printf(\"%s\\n\", v[1]); return n; }\n",
            false,
        )])
        .limits(|l| l.memory = Bytes::mib(256))
        .collect(10, Bytes::mib(8));
    compiler.command.kind = CellKind::Compile;
    let compiled = world.check(&compiler, Outcome::Exited(0), "");
    let main: Vec<BoxFile> = compiled.report.files.iter().filter(|f| f.path.as_str() == "main").cloned().collect();
    assert!(main.len() == 1 && main[0].executable, "{compiled}");
    let program = Program::new(vec!["./main".into(), "hello".into()]).files(main);
    world.check(&program, Outcome::Exited(2), "hello\n");
}
