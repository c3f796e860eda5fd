//! `cupel judge` on packages of DMOJ with its less common keys: limits of cases, generators, graders, and programs in
//! Python that are written for DMOJ's classes.

use serde_json::Value;

use crate::judge::Files;
use crate::support::{cupel, cupel_with_cache, end};

const LIMITS: [&str; 4] = ["--time-limit", "1", "--memory-limit-kib", "65536"];

/// Sets the wall-clock limit in an `init.yml` that does not set it: the default, three times the CPU limit, is too
/// short for a busy machine.
fn patient(init: &str) -> String {
    if init.contains("wall_time_factor") { init.to_owned() } else { format!("wall_time_factor: 20\n{init}") }
}

/// Returns a package with these files; `init` is its `init.yml`, see [`patient`].
fn package(init: &str, files: &[(&str, &str)]) -> Files {
    let package = Files::new(&[("p/init.yml", &patient(init))]);
    for (name, text) in files {
        package.write(&format!("p/{name}"), text);
    }
    package
}

fn judge(files: &Files, name: &str, source: &str) -> Value {
    files.write(&format!("s/{name}"), source);
    let (package, submission) = (files.path("p"), files.path(&format!("s/{name}")));
    let fixed = ["judge", &package, "--submission", &submission, "--json", "--all-cases"];
    let ended = end(cupel_with_cache(fixed.iter().chain(&LIMITS)), b"");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

fn verdicts(object: &Value) -> String {
    let cases = object["cases"].as_array().unwrap().iter();
    cases.map(|case| case["verdict"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

const CASES: [(&str, &str); 4] = [("1.in", "1\n"), ("1.out", "1\n"), ("2.in", "2\n"), ("2.out", "2\n")];

#[test]
fn a_case_may_have_its_own_limits() {
    // The wall-clock limits are large, so that other processes on the machine do not affect the result.
    let init = "wall_time_factor: 40\ntest_cases:\n- {in: 1.in, out: 1.out}\n- {in: 2.in, out: 2.out, time_limit: 0.1, wall_time_factor: 400}\n- {in: 1.in, out: 1.out, memory_limit: 262144}\n\
                - {in: 1.in, out: 1.out, output_limit_length: 1}\n";
    let files = package(init, &CASES);
    let spin =
        "import time\nn = input()\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass\nprint(n)\n";
    let object = judge(&files, "a.py", spin);
    assert_eq!(verdicts(&object), "AC TLE AC OLE", "{object:#}");
    let large = "n = input()\nx = b'x' * (100 << 20)\nprint(n)\n";
    let object = judge(&files, "a.py", large);
    assert_eq!(verdicts(&object), "MLE MLE AC MLE", "{object:#}");
}

#[test]
fn a_program_may_wait_until_the_wall_clock_limit() {
    let init = "test_cases:\n- {in: 1.in, out: 1.out}\n- {in: 1.in, out: 1.out, wall_time_factor: 1}\n";
    let files = package(&format!("wall_time_factor: 20\n{init}"), &CASES);
    // Longer than the idle limit of other formats, which is two seconds for this time limit.
    let object = judge(&files, "a.py", "import time\ntime.sleep(2.5)\nprint(input())\n");
    assert_eq!(verdicts(&object), "AC ILE", "{object:#}");
}

#[test]
fn checkers_and_interactors_get_their_arguments_in_the_given_order() {
    let checker = "import sys\nflag, answer, output, given = sys.argv[1:]\nassert flag == '--all of it'\n\
                   read = lambda path: open(path).read().split()\nsys.exit(read(answer) + read(given) != read(output) * 2)\n";
    let format = "\"'--all of it' {answer_file} {output_file} {input_file}\"";
    let init = format!(
        "test_cases: [{{in: 1.in, out: 1.out}}]\nchecker: {{name: bridged, args: {{files: check.py, lang: PY3, args_format_string: {format}}}}}\n"
    );
    let files = package(&init, &CASES);
    files.write("p/check.py", checker);
    assert_eq!(verdicts(&judge(&files, "a.py", "print(input())\n")), "AC");
    assert_eq!(verdicts(&judge(&files, "a.py", "print(5)\n")), "WA");

    let interactor = "import sys\nanswer, flag, given = sys.argv[1:]\nprint(open(given).read(), end='', flush=True)\n\
                      sys.exit(flag != '-x' or input() != open(answer).read().strip())\n";
    let init = "test_cases: [{in: 1.in, out: 1.out}]\ninteractive: {files: [talk.py], args_format_string: '{answer_file} -x {input_file}'}\n";
    let files = package(init, &CASES);
    files.write("p/talk.py", interactor);
    assert_eq!(verdicts(&judge(&files, "a.py", "print(input(), flush=True)\n")), "AC");
    assert_eq!(verdicts(&judge(&files, "a.py", "print(7, flush=True)\n")), "WA");
}

const GENERATOR: &str = r#"
#include <cstdlib>
#include <iostream>
int main(int count, char **args) {
    long base = 0;
    std::cin >> base;
    long n = count > 1 ? std::atol(args[1]) : 7;
    if (n < 0) return 3;
    std::cout << base + n * SCALE << "\n";
    std::cerr << 2 * (base + n * SCALE) << "\n";
}
"#;

#[test]
fn a_generator_makes_input_and_answer_of_cases() {
    let init = "generator: {source: gen.cpp, flags: ['-DSCALE=10'], args: [4]}\ntest_cases:\n- {generator_args: [3], points: 1}\n- {points: 1}\n\
                - {in: 1.in, generator_args: [5], points: 1}\n- {in: 2.in, out: 2.out, generator_args: [-1], points: 1}\n";
    let files = package(init, &[("gen.cpp", GENERATOR), ("1.in", "1\n"), ("2.in", "2\n"), ("2.out", "4\n")]);
    let object = judge(&files, "a.py", "print(2 * int(input()))\n");
    assert_eq!((verdicts(&object).as_str(), &object["score"]), ("AC AC AC AC", &4.into()), "{object:#}");
    let object = judge(&files, "a.py", "print({30: 60, 40: 80}.get(int(input()), 0))\n");
    assert_eq!(verdicts(&object), "AC AC WA WA", "{object:#}");

    let python = "import sys\nprint(sys.argv[1])\nprint(sys.argv[2], file=sys.stderr)\n";
    let files = package("generator: gen.py\ntest_cases: [{generator_args: [6, six]}]\n", &[("gen.py", python)]);
    assert_eq!(verdicts(&judge(&files, "a.py", "print('six' if input() == '6' else 0)\n")), "AC");

    let rust = "fn main() {\n    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();\n    println!(\"{n}\");\n    \
                eprintln!(\"{}\", 2 * n);\n}\n";
    let files = package("generator: gen.rs\ntest_cases: [{generator_args: [21]}]\n", &[("gen.rs", rust)]);
    assert_eq!(verdicts(&judge(&files, "a.py", "print(2 * int(input()))\n")), "AC");
}

#[test]
fn a_generator_that_fails_is_a_fault_of_the_package() {
    // The wall-clock limit is four seconds above twice the CPU limit: with 0.1 s, an endless loop reaches the CPU limit
    // first even on a busy machine. With 30 s, the output limit is reached before both.
    for (seconds, source, words) in [
        (1.0, "import sys\nsys.exit('no such case')\n", "no such case"),
        (0.1, "while True: pass\n", "exceeded its CPU time limit"),
        (30.0, "import sys\nwhile True: sys.stdout.write('x' * (1 << 20))\n", "exceeded its output limit"),
        (1.0, "what?\n", "SyntaxError"),
    ] {
        let init =
            format!("generator: {{source: gen.py, time_limit: {seconds}}}\ntest_cases: [{{generator_args: [1]}}]\n");
        let files = package(&init, &[("gen.py", source)]);
        let object = judge(&files, "a.py", "print(input())\n");
        assert_eq!(object["verdict"], "JE", "{source}: {object:#}");
        let message = object["cases"][0]["judge_message"].as_str().unwrap();
        assert!(message.contains("gen.py") && message.contains(words), "{source}: {message}");
    }
}

#[test]
fn a_signature_grader_calls_functions_of_submissions_in_c_and_cpp() {
    let grader = "#include \"twice.h\"\n#include <stdio.h>\nint main(void) { int n; scanf(\"%d\", &n); printf(\"%d\\n\", twice(n)); return 0; }\n";
    let header = "#ifdef __cplusplus\nextern \"C\"\n#endif\nint twice(int n);\n";
    let files = [("grader.cpp", grader), ("twice.h", header), ("1.in", "4\n"), ("1.out", "8\n")];
    let init = "test_cases: [{in: 1.in, out: 1.out}]\nsignature_grader: {entry: grader.cpp, header: twice.h}\n";
    let right = "int twice(int n) { return 2 * n; }\n";
    let with_main = "#include <stdio.h>\nint twice(int n) { return 2 * n; }\nint main() { printf(\"0\"); return 0; }\n";
    let package_of = package(init, &files);
    for (name, source, verdict) in [
        ("a.cpp", right, "AC"),
        ("a.c", right, "AC"),
        ("a.cc", with_main, "AC"),
        ("grader.cpp", right, "AC"),
        ("b.c", "int twice(int n) { return n; }\n", "WA"),
        ("b.cpp", "int thrice(int n) { return n; }\n", "CE"),
        ("a.py", "print(8)\n", "CE"),
    ] {
        let object = judge(&package_of, name, source);
        assert_eq!(object["verdict"], verdict, "{name} {source}: {object:#}");
    }
    let object = judge(&package_of, "b.c", "int twice(int n) {\n  return undeclared;\n}\n");
    assert!(object["compile"]["output"].as_str().is_some_and(|text| text.contains("b.c:2:")), "{object:#}");

    // A grader without `main` uses the `main` of the submission.
    let grader = "#include \"twice.h\"\nint twice(int n) { return 2 * n; }\n";
    let init = format!("{}, allow_main: true}}\n", init.trim_end().trim_end_matches('}'));
    let files = package(&init, &[("grader.cpp", grader), files[1], files[2], files[3]]);
    let source =
        "#include <stdio.h>\nint main() { int n; scanf(\"%d\", &n); printf(\"%d\\n\", twice(n)); return 0; }\n";
    for name in ["a.c", "a.cpp"] {
        let object = judge(&files, name, source);
        assert_eq!(object["verdict"], "AC", "{name}: {object:#}");
    }
}

const CHECKER: &str = "
from dmoj.result import CheckerResult
from dmoj.utils.unicode import utf8text

def check(process_output, judge_output, judge_input, point_value, best=0, **kwargs):
    got, expected = utf8text(process_output).split(), judge_output.split()
    if not got: return False
    if got[0] == 'crash': raise ValueError('no such answer')
    if got[0] == 'half': return CheckerResult(True, point_value / 2, 'points 3')
    if got[0] == 'most': return CheckerResult(False, best)
    if got[0] == 'whole': return CheckerResult(False, point_value)
    if got[0] == 'odd': return CheckerResult(False, 'many')
    assert judge_input.decode().split() == ['1']
    return got[0].encode() == expected[0]
";

#[test]
fn a_checker_in_python_uses_dmojs_classes() {
    let init = "test_cases: [{in: 1.in, out: 1.out, points: 10}]\nchecker: {name: check.py, args: {best: 4}}\n";
    let files = package(init, &CASES);
    files.write("p/check.py", CHECKER);
    for (source, verdict, score) in [
        ("print(1)\n", "AC", "10"),
        ("print(2)\n", "WA", "0"),
        ("pass\n", "WA", "0"),
        ("print('half')\n", "PT", "5"),
        // DMOJ adds up the points of a rejected case.
        ("print('most')\n", "WA", "4"),
        ("print('whole')\n", "WA", "10"),
        ("print('odd')\n", "JE", "null"),
        ("import sys\nsys.stdout.buffer.write(b'\\xff')\n", "WA", "0"),
        ("print('crash')\n", "JE", "null"),
    ] {
        let object = judge(&files, "a.py", source);
        let case = &object["cases"][0];
        assert_eq!(
            (case["verdict"].as_str(), case["score"].to_string().as_str()),
            (Some(verdict), score),
            "{object:#}"
        );
        if source.contains("crash") {
            assert!(case["judge_message"].as_str().unwrap().contains("ValueError: no such answer"), "{object:#}");
        }
        if matches!(verdict, "PT") {
            assert!(!case["judge_message"].to_string().contains("points 5"), "{object:#}");
        }
    }
}

/// Only the beginning of the messages is kept, and the submission chose a part of it.
#[test]
fn the_points_of_a_checker_or_grader_in_python_do_not_depend_on_its_messages() {
    let checker = "
import sys
from dmoj.result import CheckerResult

def check(process_output, judge_output, **kwargs):
    print(process_output.decode(), 'x' * 200000, file=sys.stderr)
    return CheckerResult(True, 2.5)
";
    let grader = "
from dmoj.graders.standard import StandardGrader
from dmoj.result import CheckerResult

class Grader(StandardGrader):
    def check_result(self, case, result):
        print(result.proc_output.decode(), 'x' * 200000)
        return CheckerResult(True, 2.5)
";
    for (key, source) in [("checker", checker), ("custom_judge", grader)] {
        let init = format!("test_cases: [{{in: 1.in, out: 1.out, points: 10}}]\n{key}: check.py\n");
        let files = package(&init, &CASES);
        files.write("p/check.py", source);
        let object = judge(&files, "a.py", "print('points 10')\n");
        assert_eq!((&object["verdict"], &object["score"]), (&"PT".into(), &2.5.into()), "{key}: {object:#}");
    }
}

/// If a checker or grader ends itself, its exit code is no decision.
#[test]
fn a_checker_or_grader_in_python_that_ends_itself_is_a_fault_of_the_package() {
    let grader = "from dmoj.graders.standard import StandardGrader\nclass Grader(StandardGrader):\n    def check_result(self, *_): ";
    for (key, begin) in [("checker", "def check(*_, **__): "), ("custom_judge", grader)] {
        for code in [0, 1, 7] {
            for end in ["__import__('os')._exit", "__import__('sys').exit"] {
                let init = format!("test_cases: [{{in: 1.in, out: 1.out, points: 10}}]\n{key}: check.py\n");
                let files = package(&init, &CASES);
                files.write("p/check.py", &format!("{begin}{end}({code})\n"));
                let object = judge(&files, "a.py", "print(input())\n");
                assert_eq!(object["verdict"], "JE", "{key} {end} {code}: {object:#}");
            }
        }
    }
}

/// The standard output of a grader is the submission's input.
#[test]
fn the_message_of_a_grader_never_contains_the_conversation() {
    let init = "test_cases: [{in: 1.in, out: 1.out, points: 10}]\ncustom_judge: judge.py\n";
    let files = package(init, &[("1.in", "the secret\n"), ("1.out", "1\n")]);
    let rejects = "from dmoj.graders.standard import StandardGrader\nfrom dmoj.result import CheckerResult\n\
                   class Grader(StandardGrader):\n    def check_result(self, *_): return CheckerResult(False, 0, '')\n";
    files.write("p/judge.py", rejects);
    for source in ["print(input())\n", "print(1)\n"] {
        let object = judge(&files, "a.py", source);
        assert_eq!(object["verdict"], "WA", "{object:#}");
        assert_eq!(object["cases"][0]["judge_message"], Value::Null, "{object:#}");
    }
}

#[test]
fn linematches_gives_the_points_of_the_lines_that_match() {
    let args = "point_distribution: [1, 2, 1]";
    let init = |args: &str| {
        format!("test_cases: [{{in: 1.in, out: 3.out, points: 8}}]\nchecker: {{name: linematches, args: {{{args}}}}}\n")
    };
    let files = package(&init(args), &[CASES[0], ("3.out", "a\nb\n\nc\n")]);
    for (source, verdict, score) in [
        ("print('a', 'b', 'c', sep='\\n')\n", "AC", "8"),
        ("print('a', '', 'B', 'c', sep='\\n')\n", "PT", "4"),
        ("print('a', 'b', sep='\\n')\n", "WA", "0"),
        ("print('a', 'b ', 'C', sep='\\n')\n", "PT", "2"),
        ("print('x', 'y', 'z', sep='\\n')\n", "WA", "0"),
    ] {
        let object = judge(&files, "a.py", source);
        let case = &object["cases"][0];
        let found = (case["verdict"].as_str(), case["score"].to_string());
        assert_eq!(found, (Some(verdict), score.to_owned()), "{object:#}");
    }
    files.write("p/init.yml", &patient(&init(&format!("{args}, filler_lines_required: false"))));
    let object = judge(&files, "a.py", "print('a', 'b', sep='\\n')\n");
    assert_eq!((&object["cases"][0]["verdict"], &object["score"]), (&"PT".into(), &6.into()), "{object:#}");
    files.write("p/init.yml", &patient(&init("point_distribution: [1]")));
    let object = judge(&files, "a.py", "print('a')\n");
    assert_eq!(object["verdict"], "JE", "{object:#}");
}

#[test]
fn a_grader_in_python_talks_to_the_submission() {
    let init = "test_cases: [{in: 1.in, out: 1.out, points: 10}]\ncustom_judge: judge.py\n";
    let files = package(init, &CASES);
    let guess = "
from dmoj.graders.interactive import InteractiveGrader
from dmoj.result import CheckerResult

class Grader(InteractiveGrader):
    def interact(self, case, interactor):
        print('this is not for the submission')
        secret, asked = int(case.input_data()) + 40, 0
        while True:
            guess, asked = interactor.readint(0, 100), asked + 1
            if guess == secret:
                return CheckerResult(True, case.points if asked <= 7 else 1, 'found')
            interactor.writeln('LOW' if guess < secret else 'HIGH')
";
    files.write("p/judge.py", guess);
    let search = "low, high = 0, 100\nwhile low < high:\n    guess = (low + high) // 2\n    print(guess, flush=True)\n    if guess == 41: break\n    low, high = (guess + 1, high) if input() == 'LOW' else (low, guess)\n";
    for (source, verdict, score) in [
        (search, "AC", "10"),
        ("for n in range(42):\n    print(n, flush=True)\n    if n < 41: input()\n", "PT", "1"),
        ("print(1000, flush=True)\n", "WA", "0"),
        ("print('what', flush=True)\n", "WA", "0"),
        ("print(5, flush=True)\nraise SystemExit(3)\n", "RTE", "0"),
    ] {
        let object = judge(&files, "a.py", source);
        let case = &object["cases"][0];
        assert_eq!(
            (case["verdict"].as_str(), case["score"].to_string().as_str()),
            (Some(verdict), score),
            "{object:#}"
        );
    }
    // The output is not flushed, so program and grader wait until the wall-clock limit.
    let waits = package(&format!("wall_time_factor: 3\n{init}"), &CASES);
    waits.write("p/judge.py", guess);
    let object = judge(&waits, "a.py", "import sys\nprint(5)\nsys.stdin.readline()\nprint(41)\n");
    let case = &object["cases"][0];
    assert_eq!((&case["verdict"], &case["score"]), (&"TLE".into(), &0.into()), "{object:#}");

    let standard = "
from dmoj.graders.standard import StandardGrader
from dmoj.result import Result

class Grader(StandardGrader):
    def grade(self, case):
        result = Result(case)
        self._launch_process(case)
        result.proc_output, error = self._current_proc.communicate(case.input_data() * 2)
        self.populate_result(error, result, self._current_proc)
        if len(result.proc_output.split()) != 2:
            result.result_flag |= Result.WA
            result.feedback = 'two numbers'
        else:
            result.points = case.points
        return result
";
    files.write("p/judge.py", standard);
    for (source, verdict) in [("import sys\nsys.stdout.write(sys.stdin.read())\n", "AC"), ("print(1)\n", "WA")] {
        let object = judge(&files, "a.py", source);
        assert_eq!(object["verdict"], verdict, "{object:#}");
    }

    files.write("p/judge.py", "from dmoj.graders.standard import StandardGrader\nclass Grader(StandardGrader): pass\n");
    for (source, verdict) in [("print(input())\n", "AC"), ("print(2)\n", "WA")] {
        let object = judge(&files, "a.py", source);
        assert_eq!(object["verdict"], verdict, "{object:#}");
    }
    files.write("p/judge.py", "from dmoj.graders.standard import StandardGrader\nGrader = missing\n");
    let object = judge(&files, "a.py", "print(1)\n");
    assert_eq!(object["verdict"], "JE", "{object:#}");
    assert!(object["cases"][0]["judge_message"].as_str().unwrap().contains("NameError"), "{object:#}");
}

#[test]
fn a_submission_may_read_and_write_files() {
    let init = "test_cases: [{in: 1.in, out: 1.out}]\nfile_io: {input: data.txt, output: result.txt}\n";
    let files = package(init, &CASES);
    let object = judge(&files, "a.py", "open('result.txt', 'w').write(open('data.txt').read())\n");
    assert_eq!(object["verdict"], "AC", "{object:#}");
}

/// Unless the data is binary, DMOJ changes its line ends, also for checkers.
#[test]
fn line_ends_are_unified_unless_the_data_is_binary() {
    let data = [("1.in", "a b\r\nc"), ("1.out", "a b\r\nc")];
    let echo = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\n";
    let shows = "import sys\nprint(sys.stdin.buffer.read())\n";
    let equal = "import sys\nread = lambda path: open(path, 'rb').read()\nsys.exit(read(sys.argv[1]) != read(sys.argv[3]) or b'\\r' in read(sys.argv[1]))\n";
    let generator = "import sys\nsys.stdout.write('a\\r\\nb')\nsys.stderr.write('a\\r\\nb')\n";
    let bridged = "checker: {name: bridged, args: {files: check.py, lang: PY3}}";
    for (key, source, verdict) in [
        ("checker: identical", echo, "AC"),
        ("binary_data: true\nchecker: identical", echo, "AC"),
        ("checker: identical", shows, "WA"),
        (bridged, echo, "AC"),
        (&format!("binary_data: true\n{bridged}"), echo, "WA"),
    ] {
        let files = package(&format!("test_cases: [{{in: 1.in, out: 1.out}}]\n{key}\n"), &data);
        files.write("p/check.py", equal);
        assert_eq!(verdicts(&judge(&files, "a.py", source)), verdict, "{key}");
        // The input has no carriage return, unless it is binary.
        let strict = "import sys\ndata = sys.stdin.buffer.read()\nassert data == b'a b\\nc\\n', data\nprint('a b')\nprint('c')\n";
        let expected = if key.contains("binary") { "RTE" } else { "AC" };
        assert_eq!(verdicts(&judge(&files, "b.py", strict)), expected, "{key}");
    }
    let files = package("generator: gen.py\ntest_cases: [{generator_args: [1]}]\nchecker: identical\n", &data);
    files.write("p/gen.py", generator);
    let strict = "import sys\nassert sys.stdin.buffer.read() == b'a\\nb\\n'\nprint('a')\nprint('b')\n";
    assert_eq!(verdicts(&judge(&files, "c.py", strict)), "AC");
}

/// Each row: a program in Java, and its verdict.
#[test]
fn a_program_in_java_needs_no_public_class_and_is_in_no_package() {
    let main =
        "public static void main(String[] a) { System.out.println(new java.util.Scanner(System.in).nextInt()); }";
    let files = package("memory_limit: 262144\ntest_cases: [{in: 1.in, out: 1.out}]\n", &CASES);
    for (class, verdict, message) in [
        ("class Some", "AC", ""),
        ("public class Other", "AC", ""),
        ("package some.where;\npublic class Other", "CE", "the class `some.where.Other` is in a package"),
    ] {
        files.write("s/Main.java", &format!("{class} {{ {main} }}\n"));
        let (package, submission) = (files.path("p"), files.path("s/Main.java"));
        let ended = end(cupel(["judge", &package, "--submission", &submission, "--json", "--time-limit", "5"]), b"");
        let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(object["verdict"], verdict, "{class}: {object:#}");
        assert!(object["message"].as_str().unwrap_or_default().starts_with(message), "{class}: {object:#}");
    }
}

/// Each row: the links, and whether both are created.
#[test]
fn symlinks_to_the_standard_streams_are_files() {
    for (links, verdict) in [
        ("{data.txt: /dev/stdin, result.txt: /dev/stdout}", "AC"),
        ("{data.txt: /proc/self/fd/0, result.txt: /proc/self/fd/1}", "AC"),
        ("{data.txt: /judge/data.txt}", "RTE"),
    ] {
        let files = package(&format!("test_cases: [{{in: 1.in, out: 1.out}}]\nsymlinks: {links}\n"), &CASES);
        let object = judge(&files, "a.py", "open('result.txt', 'w').write(open('data.txt').read())\n");
        assert_eq!(object["verdict"], verdict, "{links}: {object:#}");
    }
}

const FACTS: &str = "
from dmoj.checkers import CheckerResult, standard

def check(process_output, judge_output, *, judge_input, result, case, execution_time, submission_source,
          submission_language, case_position, batch, problem_id, **kwargs):
    where = f'{case_position} {batch} {submission_language}'
    if judge_input.decode().strip() != where or problem_id != 'p' or case.position != case_position:
        return CheckerResult(False, 0, where)
    if result.max_memory > 40960 or execution_time > 0.3 or result.execution_time != execution_time:
        return CheckerResult(False, 0, 'too much')
    return b'forbidden' not in submission_source and standard.check(process_output, judge_output)
";

#[test]
fn a_checker_in_python_gets_the_facts_of_the_submission_and_its_run() {
    let init = "checker: check.py\ntest_cases:\n- {in: 1.in, out: 1.out}\n- batched: [{in: 2.in, out: 1.out}, {in: 3.in, out: 1.out}]\n\
                - batched: [{in: 4.in, out: 1.out}]\n";
    let inputs = [("1.in", "0 0 PY3\n"), ("2.in", "1 1 PY3\n"), ("3.in", "2 1 PY3\n"), ("4.in", "3 2 PY3\n")];
    let files = package(init, &inputs);
    files.write("p/1.out", "1\n");
    files.write("p/check.py", FACTS);
    let spins = "import time\nwhile time.process_time() < 0.4: pass\nprint(1)\n";
    for (source, verdicts_of_all) in [
        ("print(1)\n", "AC AC AC AC"),
        ("print(2)\n", "WA WA WA WA"),
        ("print(1) # forbidden\n", "WA WA WA WA"),
        ("x = b'x' * (48 << 20)\nprint(1)\n", "WA WA WA WA"),
        (spins, "WA WA WA WA"),
    ] {
        let object = judge(&files, "a.py", source);
        assert_eq!(verdicts(&object), verdicts_of_all, "{source}: {object:#}");
    }
    let object = judge(&files, "a.c", "#include <stdio.h>\nint main(void) { puts(\"1\"); return 0; }\n");
    assert_eq!(object["cases"][0]["judge_message"], "0 0 C", "{object:#}");
}

#[test]
fn a_grader_in_python_gets_the_source_and_may_have_a_constructor() {
    let grader = "
from dmoj.graders import StandardGrader

class Grader(StandardGrader):
    def __init__(self, judge, problem, language, source, meta):
        super().__init__(judge, problem, language, source, meta)
        self.long = len(source) > 20

    def check_result(self, case, result):
        return not self.long and self.language == 'PY3' and super().check_result(case, result)
";
    let files = package("test_cases: [{in: 1.in, out: 1.out}]\ncustom_judge: judge.py\nchecker: floatsabs\n", &CASES);
    files.write("p/judge.py", grader);
    for (source, verdict) in
        [("print(input())\n", "AC"), ("print(1.0000001)\n", "AC"), ("print(input()) # long\n", "WA")]
    {
        let object = judge(&files, "a.py", source);
        assert_eq!(object["verdict"], verdict, "{source}: {object:#}");
    }
}

/// Cupel runs the submission once in a case. A grader that needs a second run must not reject every submission.
#[test]
fn a_grader_in_python_that_starts_the_submission_twice_is_a_fault_of_the_package() {
    let grader = "
from dmoj.graders import StandardGrader
from dmoj.result import Result

class Grader(StandardGrader):
    def grade(self, case):
        result = Result(case)
        for _ in range(2):
            self._launch_process(case)
            error = self._interact_with_process(case, result, case.input_data())
            self.populate_result(error, result, self._current_proc)
            if result.proc_output.split() != case.output_data().split():
                result.result_flag = Result.WA
                return result
        result.points = case.points
        return result
";
    let files = package("test_cases: [{in: 1.in, out: 1.out}]\ncustom_judge: judge.py\n", &CASES);
    files.write("p/judge.py", grader);
    let object = judge(&files, "a.py", "print(input())\n");
    assert_eq!(object["verdict"], "JE", "{object:#}");
    let message = object["cases"][0]["judge_message"].as_str().unwrap();
    assert!(message.contains("starts the submission twice"), "{message}");
}

#[test]
fn a_grader_in_python_may_judge_programs_with_a_signature_grader() {
    let handler = "#include \"twice.h\"\n#include <stdio.h>\nint main(void) { int n; scanf(\"%d\", &n); printf(\"%d\\n\", twice(n)); return 0; }\n";
    let header = "#ifdef __cplusplus\nextern \"C\"\n#endif\nint twice(int n);\n";
    let init = "test_cases: [{in: 1.in, out: 2.out}]\nsignature_grader: {entry: main.cpp, header: twice.h}\ncustom_judge: judge.py\n";
    let grader = "from dmoj.graders.signature import SignatureGrader\nclass Grader(SignatureGrader):\n    pass\n";
    let files = package(init, &[CASES[0], CASES[3], ("main.cpp", handler), ("twice.h", header), ("judge.py", grader)]);
    for (name, factor, verdict) in [("a.c", 2, "AC"), ("a.cpp", 2, "AC"), ("b.c", 3, "WA")] {
        let object = judge(&files, name, &format!("int twice(int n) {{ return {factor} * n; }}\n"));
        assert_eq!(object["verdict"], verdict, "{name}: {object:#}");
    }
}
