//! Conversations between each kind of program and each kind of interactor. Every repetition of a pair must have the
//! same verdict.
//!
//! After its first output, each party only reacts to the other party, so each pair has one correct verdict. The verdict
//! follows from these rules, in this order (`crates/cupel-judge/src/problem/interact.rs`):
//!
//! 1. an interactor that fails is JE, unless the program failed earlier;
//! 2. an interactor that rejects and ends first is WA, regardless of the program;
//! 3. a program that exceeds its time limit is TLE; a program that waits forever is ILE;
//! 4. a program that fails is RTE or OLE;
//! 5. in all other cases, the interactor decides.
//!
//! `CUPEL_TALKS=200` runs each pair 200 times.

use std::sync::Mutex;

use serde_json::Value;

use crate::judge::{Files, guessing, judge_within, package};
use crate::support::{cupel_with_cache, end};

/// The first line of the input is the program's action. The program acts after an answer, or once no answer can arrive.
const PROGRAM: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char act[64], line[64];

static int is(const char *what) { return strncmp(act, what, strlen(what)) == 0; }

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!fgets(act, sizeof act, stdin)) return 9;
    if (is("early")) return 0;
    puts("hello");
    if (is("ignores")) {
        for (int n = 0; n < 1000; n++) puts("and so on");
        return 0;
    }
    if (is("closes")) {
        close(0);
        puts("bye");
        return 0;
    }
    char *answered = fgets(line, sizeof line, stdin);
    if (is("exit1")) return 1;
    if (is("segv")) raise(SIGSEGV);
    if (is("hang")) while (answered && fgets(line, sizeof line, stdin)) {}
    if (is("busy")) for (volatile int n = 0;;) n = n + 1;
    if (is("floods")) for (;;) puts("and so on, and so on, and so on");
    puts("bye");
    return 0;
}
"#;

/// The input contains the actions of interactor and program. The interactor answers once, unless its action is to leave
/// before it reads.
const INTERACTOR: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char how[64], act[64], line[64];

static int is(const char *what) { return strcmp(how, what) == 0; }

int main(int count, char **args) {
    FILE *input = count < 4 ? NULL : fopen(args[1], "r");
    if (!input || fscanf(input, "%63s %63s", how, act) != 2) return 9;
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts(act);
    if (is("leaves")) return 43;
    if (is("trusts")) return 42;
    fgets(line, sizeof line, stdin);
    if (is("rejects")) return 43;
    if (is("zero")) return 0;
    if (is("segv")) raise(SIGSEGV);
    puts("go");
    if (is("hangs")) for (;;) pause();
    if (is("closes")) fclose(stdout);
    while (fgets(line, sizeof line, stdin)) {}
    return 42;
}
"#;

const PROGRAMS: [&str; 9] = ["ok", "exit1", "segv", "hang", "busy", "floods", "ignores", "closes", "early"];

/// Expected verdicts in the order of the programs. The numbers in the comments are the numbers of the rules above.
const TABLE: [(&str, &str); 8] = [
    // Reads to the end and accepts. Rules: 5 4 4 3 3 4 5 5 5.
    ("accepts", "AC RTE RTE ILE TLE OLE AC AC AC"),
    // Reads one line and rejects. Rule 2, or rule 5 if the program had already ended successfully.
    ("rejects", "WA WA WA WA WA WA WA WA WA"),
    // Reads one line, then ends with 0 or by a signal. Rule 1.
    ("zero", "JE JE JE JE JE JE JE JE JE"),
    ("segv", "JE JE JE JE JE JE JE JE JE"),
    // Answers once and then hangs. Rule 1, unless the program itself fails: 4 4 3 3 4.
    ("hangs", "JE RTE RTE ILE TLE OLE JE JE JE"),
    // Closes its standard output and continues to read, so the program reads the end of its input at once. Rules:
    // 5 4 4 5 3 4 5 5 5.
    ("closes", "AC RTE RTE AC TLE OLE AC AC AC"),
    // Rejects before it reads any input. Rules 2 and 5.
    ("leaves", "WA WA WA WA WA WA WA WA WA"),
    // Accepts before it reads any input. Its input is discarded; no program ends by SIGPIPE. Rules: 5 4 4 5 3 4 5 5 5.
    ("trusts", "AC RTE RTE AC TLE OLE AC AC AC"),
];

/// Returns a problem whose cases are these pairs, each `times` times. `verdict` decides the limits.
fn talks(pairs: &[(&str, &str)], times: usize, verdict: &str) -> Files {
    // Only the programs that must reach a time limit have a small one. A program that computes may need much longer for
    // its CPU time on a busy machine, and a program that waits for a late interactor is idle for up to its CPU limit.
    // An interactor that hangs is ended two seconds after the wall-clock limit.
    let limits = match verdict {
        "TLE" | "ILE" => "time = 0.1\nwall_time = 60.0",
        _ => "time = 12.0\nwall_time = 12.0",
    };
    let problem = format!(
        "title = \"Talk\"\nlicence = \"CC0-1.0\"\n[limits]\n{limits}\nmemory_mib = 64\noutput_mib = 1\n[interactor]\n\
         program = \"talk.c\"\nprotocol = \"kattis\"\n"
    );
    let files = Files::new(&[("p/problem.toml", &problem), ("p/statement.md", "Talk.\n"), ("p/talk.c", INTERACTOR)]);
    for (how, act) in pairs {
        for time in 0..times {
            files.write(&format!("p/tests/secret/{how}-{act}-{time}.in"), &format!("{how} {act}\n"));
            files.write(&format!("p/tests/secret/{how}-{act}-{time}.out"), "");
        }
    }
    files
}

/// Judges pairs without a faulty interactor `times` times. Returns each pair with its verdict. `expected` decides the
/// limits.
fn judged(pairs: &[(&str, &str)], times: usize, expected: &str) -> Vec<(String, String)> {
    let files = talks(pairs, times, expected);
    files.write("s/talk.c", PROGRAM);
    let (problem, submission) = (files.path("p"), files.path("s/talk.c"));
    let ended = end(cupel_with_cache(["judge", &problem, "--submission", &submission, "--all-cases", "--json"]), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let cases = object["cases"].as_array().unwrap();
    let text = |case: &Value, field: &str| case[field].as_str().unwrap_or_default().to_owned();
    cases
        .iter()
        .map(|case| (text(case, "name"), format!("{} {}", text(case, "verdict"), case["judge_message"])))
        .collect()
}

/// Judges a pair with a faulty interactor. Each repetition is a new submission, because a faulty interactor ends the
/// judging.
fn at_fault(how: &str, act: &str, times: usize) -> Vec<(String, String)> {
    let files = talks(&[(how, act)], 1, "JE");
    for time in 0..times {
        files.write(&format!("p/submissions/accepted/{time}.c"), PROGRAM);
    }
    let ended = end(cupel_with_cache(["verify", &files.path("p"), "--json"]), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let submissions = object["submissions"].as_array().unwrap();
    assert_eq!(submissions.len(), times, "{object:#}");
    let verdict = |one: &Value| one["verdict"].as_str().unwrap_or_default().to_owned();
    submissions.iter().map(|one| (format!("{how}-{act}"), verdict(one))).collect()
}

#[test]
fn every_pair_of_program_and_interactor_has_one_verdict() {
    let often = std::env::var("CUPEL_TALKS").ok().map(|times| times.parse::<usize>().unwrap());
    let expected = |how: &str, act: &str| {
        let (_, row) = TABLE.iter().find(|(name, _)| *name == how).unwrap();
        row.split(' ').nth(PROGRAMS.iter().position(|name| *name == act).unwrap()).unwrap()
    };
    let pairs = TABLE.iter().flat_map(|(how, _)| PROGRAMS.map(|act| (*how, act)));
    let (faults, others): (Vec<_>, Vec<_>) = pairs.partition(|(how, act)| expected(how, act) == "JE");
    let (waiting, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|(how, act)| expected(how, act) == "ILE");
    let (busy, quick): (Vec<_>, Vec<_>) = others.into_iter().partition(|(how, act)| expected(how, act) == "TLE");

    // The pairs whose interactor hangs wait for many seconds, so they run beside the others. All jobs run in parallel,
    // because they mostly wait.
    type Job<'a> = Box<dyn FnOnce() -> Vec<(String, String)> + Send + 'a>;
    let (mut hanging, mut jobs): (Vec<Job<'_>>, Vec<Job<'_>>) = (Vec::new(), Vec::new());
    let at_a_time = |times: usize, most: usize| (0..times.div_ceil(most)).map(move |at| most.min(times - at * most));
    for (how, act) in &faults {
        let (queue, times, most) = if *how == "hangs" { (&mut hanging, 1, 10) } else { (&mut jobs, 2, 100) };
        for times in at_a_time(often.unwrap_or(times), most) {
            queue.push(Box::new(move || at_fault(how, act, times)));
        }
    }
    for (pairs, times, most, verdict) in [(&waiting, 1, 10, "ILE"), (&busy, 4, 4, "TLE"), (&quick, 4, 4, "AC")] {
        for pairs in pairs.chunks(9) {
            for times in at_a_time(often.unwrap_or(times), most) {
                jobs.push(Box::new(move || judged(pairs, times, verdict)));
            }
        }
    }
    let (queues, found) = ([hanging, jobs].map(Mutex::new), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for queue in queues.iter().flat_map(|queue| [queue; 4]) {
            let found = &found;
            scope.spawn(move || {
                loop {
                    let Some(job) = queue.lock().unwrap().pop() else { break };
                    let reported = job();
                    found.lock().unwrap().extend(reported);
                }
            });
        }
    });

    let found = found.into_inner().unwrap();
    let mut wrong = Vec::new();
    for (name, verdict) in &found {
        let mut words = name.rsplit('/').next().unwrap().split('-');
        let (how, act) = (words.next().unwrap(), words.next().unwrap());
        if verdict.split(' ').next() != Some(expected(how, act)) {
            wrong.push(format!("{how} {act}: {verdict} for {}", expected(how, act)));
        }
    }
    let number =
        |(how, act): (&str, &str)| found.iter().filter(|(name, _)| name.contains(&format!("{how}-{act}"))).count();
    let fewest = TABLE.iter().flat_map(|(how, _)| PROGRAMS.map(|act| number((how, act)))).min();
    assert!(fewest >= often.or(Some(1)), "{fewest:?}");
    eprintln!("{} conversations, at least {fewest:?} of each pair", found.len());
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), found.len());
}

#[test]
fn a_program_gets_end_of_input_when_its_interactor_closes_its_output_and_continues() {
    let act =
        "import os\nprint(1)\nprint(2, flush=True)\nos.close(1)\nsys.exit(42 if sys.stdin.read() == '3\\n' else 43)";
    for (source, verdict) in [
        ("import sys\nprint(sum(map(int, sys.stdin)))\n", "AC"),
        ("print(int(input()) + int(input()))\n", "AC"),
        ("import sys\nprint(sum(map(int, sys.stdin)), 'and more')\n", "WA"),
        ("import sys\nsys.stdin.read()\nraise SystemExit(1)\n", "RTE"),
    ] {
        let (_, object) = judge_within("60", &guessing(act), "a.py", source, &[]);
        assert_eq!(object["verdict"], verdict, "{source}: {object:#}");
        assert_eq!(object["cases"][0]["start"], "warm", "{source}: {object:#}");
    }
}

/// Source: DOMjudge's example `boolfind`. Its `boolfind-test-loop` asks forever and gets no answer.
#[test]
fn an_interactor_that_computes_forever_is_at_fault_if_the_program_waits_for_it() {
    let act = "for line in sys.stdin:\n  while line == 'think\\n': pass\n  print('yes', flush=True)";
    let hears = "print('ask', flush=True)\ninput()\nprint('think', flush=True)\ninput()\n";
    let does_not = "import time\nprint('ask')\nprint('think', flush=True)\ntime.sleep(100)\n";
    // The interactor's limit is 3 s. The limit of a waiting program must be larger, even on a busy machine.
    for (source, limit, verdict) in [(hears, "200", "JE"), (does_not, "0.5", "TLE")] {
        let (_, object) = judge_within(limit, &guessing(act), "a.py", source, &[]);
        assert_eq!(object["verdict"], verdict, "{source}: {object:#}");
    }
}

#[test]
fn a_rejected_program_is_ended_early() {
    let files = guessing("sys.exit(43 if int(input()) > 1000 else 42)");
    let (_, object) = judge_within("60", &files, "a.py", "print(2000, flush=True)\nwhile True: pass\n", &[]);
    assert_eq!(object["verdict"], "WA", "{object:#}");
    assert!(object["cases"][0]["time_ms"].as_u64().unwrap() < 30_000, "{object:#}");
}

#[test]
fn an_interactor_that_writes_more_than_the_program_reads_still_decides() {
    let act = "for n in range(1 << 12): sys.stdout.write('x' * 1023 + '\\n')\nprint(flush=True)\nsys.exit(42)";
    for source in ["import os\nos.close(0)\nprint(1, flush=True)\nimport time\ntime.sleep(0.5)\n", "print(1)\n"] {
        let (_, object) = judge_within("60", &guessing(act), "a.py", source, &[]);
        assert_eq!(object["verdict"], "AC", "{source}: {object:#}");
    }
}

#[test]
fn the_messages_of_a_failing_interactor_are_reported() {
    for act in ["import os\nos.abort()", "sys.exit(1)"] {
        let act = format!("open(sys.argv[3] + 'judgemessage.txt', 'w').write('no such mode')\n{act}");
        let (_, object) = judge_within("60", &guessing(&act), "a.py", "input()\n", &[]);
        assert_eq!(object["verdict"], "JE", "{object:#}");
        assert!(object["cases"][0]["judge_message"].as_str().unwrap().ends_with("no such mode"), "{object:#}");
    }
}

#[test]
fn an_exception_after_much_standard_error_is_reported() {
    let source = "import sys\nsys.stderr.write('noise\\n' * 100_000)\nraise ValueError('no such guess')\n";
    let (_, object) = judge_within("60", &guessing("sys.exit(42 if input() else 43)"), "a.py", source, &[]);
    assert_eq!(object["verdict"], "RTE", "{object:#}");
    let reported = object["cases"][0]["judge_message"].as_str().unwrap_or_default();
    assert!(reported.contains("ValueError: no such guess"), "{object:#}");
}

/// Source: DOMjudge truncates outputs without ending the program. Its `test-fill-stdout` and `test-fill-stderr` exceed
/// the time limit.
#[test]
fn a_format_that_truncates_outputs_does_not_end_the_program() {
    // The program computes between its writes. Otherwise it would wait until Cupel has read its output, and reach the
    // wall-clock limit on a busy machine.
    let flood = |descriptor: u32| {
        format!(
            "#include <unistd.h>\nint main(void) {{\n  static char x[65536];\n  for (;;) {{\n    write({descriptor}, x, sizeof x);\n    \
             for (volatile int i = 0; i < 1 << 21; i++);\n  }}\n}}\n"
        )
    };
    let say = "import sys\nfor n in range(2 << 10): sys.stderr.write('x' * 1023 + '\\n')\n";
    let add = "a, b = map(int, input().split())\nprint(a + b)\n";
    let sums = package("");
    sums.write("p/data/secret/1.in", "1 2\n");
    sums.write("p/data/secret/1.ans", "3\n");
    // This interactor reads all input.
    let talks = guessing("print(1, flush=True)\nsys.exit(42 if all(True for _ in sys.stdin.buffer) else 43)");
    for (files, name, source, verdict) in [
        (&sums, "a.py", format!("{say}{add}"), "AC"),
        (&sums, "a.c", flood(1), "TLE"),
        (&sums, "b.c", flood(2), "TLE"),
        (&sums, "b.py", format!("{add}print(' ' * (2 << 20))\n"), "OLE"),
        (&talks, "a.py", format!("{say}print(input())\n"), "AC"),
        (&talks, "b.py", "print(input())\nfor n in range(2 << 10): print('x' * 1023)\n".to_owned(), "AC"),
        (&talks, "b.c", flood(2), "TLE"),
    ] {
        // Only the programs that write forever must reach their limit.
        let limit = if verdict == "TLE" { "0.1" } else { "60" };
        let (_, object) = judge_within(limit, files, name, &source, &["--format", "domjudge"]);
        assert_eq!(object["verdict"], verdict, "{name} {source}: {object:#}");
    }
}

/// DOMjudge and DMOJ have no verdict for idleness.
#[test]
fn a_program_that_does_not_flush_exceeds_the_time_limit_in_formats_without_idleness() {
    let program = "import sys\nprint(1)\nsys.stdin.readline()\nprint(2)\n";
    let talks = guessing("input()\nprint('go', flush=True)\nsys.exit(42 if input() else 43)");
    let dmoj = Files::new(&[
        ("p/init.yml", "test_cases: [{in: 1.in}]\ninteractive: {files: [talk.py], lang: PY3}\n"),
        ("p/1.in", "1\n"),
        ("p/talk.py", "input()\nprint('go', flush=True)\nraise SystemExit(not input())\n"),
    ]);
    for (files, format) in [(&talks, "kattis-legacy"), (&talks, "domjudge"), (&dmoj, "dmoj")] {
        let args = ["--format", format, "--memory-limit-kib", "131072"];
        let (_, object) = judge_within("0.5", files, "a.py", program, &args);
        let case = &object["cases"][0];
        assert_eq!((&object["verdict"], &case["verdict"]), (&"TLE".into(), &"TLE".into()), "{format}: {object:#}");
        assert_eq!(case["causes"], serde_json::json!(["ILE"]), "{format}: {object:#}");
        let flushes = program.replace("print(1)", "print(1, flush=True)");
        let (_, object) = judge_within("20", files, "a.py", &flushes, &args);
        assert_eq!(object["verdict"], "AC", "{format}: {object:#}");
    }
}

#[test]
fn a_conversation_may_have_several_passes() {
    let files = package("validation: custom interactive multi-pass\n");
    files.write("p/data/secret/1.in", "first\n");
    files.write("p/data/secret/1.ans", "answer\n");
    let interactor = r#"
import os, sys
this = open(sys.argv[1]).read().strip()
assert open(sys.argv[2]).read() == "answer\n"
next = sys.argv[3] + "nextpass.in"
# The files of the previous pass, without the file that requested this pass.
left = sorted(os.listdir(sys.argv[3]))
assert left == ([] if this == "first" else ["seen"]), left
open(sys.argv[3] + "seen", "w").close()
print(this, flush=True)
said = sys.stdin.readline().strip()
if said == "again": open(next, "w").write("second\n")
sys.exit(43 if said == "no" or said == "again" and ENDS else 42)
"#;
    let program = "import os\nassert not os.path.exists('kept')\nopen('kept', 'w').close()\n";
    for (ends, said, verdict) in [
        ("False", "'again' if input() == 'first' else 'yes'", "AC"),
        ("False", "'again' if input() == 'first' else 'no'", "WA"),
        ("False", "input() and 'yes'", "AC"),
        // Faults of the interactor: more passes than the maximum; a rejection together with a request for a further
        // pass.
        ("False", "'again'", "JE"),
        ("True", "'again'", "JE"),
    ] {
        files.write("p/output_validators/v.py", &interactor.replace("ENDS", ends));
        let source = format!("{program}print({said})\n");
        let (_, object) = judge_within("60", &files, "a.py", &source, &["--format", "domjudge"]);
        assert_eq!(object["verdict"], verdict, "{ends} {said}: {object:#}");
    }
}

#[test]
fn verification_reports_an_interactor_that_accepts_with_unread_input() {
    for (end_of_it, reported) in [("sys.exit(42)", true), ("sys.stdin.read(); sys.exit(42)", false)] {
        let files = guessing(&format!("sys.stdin.readline(); print('correct', flush=True); {end_of_it}"));
        files.write("p/submissions/accepted/a.py", "print(1, flush=True)\ninput()\nprint('and more')\n");
        let ended = end(cupel_with_cache(["verify", &files.path("p"), "--json"]), b"");
        let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(object["ok"], true, "{object:#}");
        let notes = object["notes"].as_array().unwrap().iter().filter_map(Value::as_str);
        let unread: Vec<&str> = notes.filter(|note| note.contains("without reading all")).collect();
        assert_eq!(unread.len(), usize::from(reported), "{object:#}");
    }
}
