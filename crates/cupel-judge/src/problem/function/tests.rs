//! The driver's reports in function problems, and the resulting verdicts. The programs are not run.

use cupel_languages::Registry;
use cupel_package::{ImportOptions, import};
use cupel_problem::{CompareResult, MethodSignature, Package, Type};
use cupel_types::{BoxFile, BoxPath, FoundFiles, LimitsRequest, Outcome, Output, RunReport, StepReport, Usage, UserId};

use super::*;
use crate::executor::{StepInput, StepKind, StepObserver, StepResult};
use crate::scripted::{Answers, SCRIPT};
use crate::{ExecuteError, JudgeEvent, NoCache, judge_problem, run_with_input};

const PROBLEM: &str = "title = \"F\"\nslug = \"f\"\n\n[limits]\ntime = 1.0\n\n[function]\nname = \"f\"\n\
    parameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"int\"\n";

/// A program that writes this text to the channel, with the nonce in place of `@`, and prints output.
struct Writes(&'static str);

impl Executor for Writes {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let StdinSource::Bytes(input) = &step.stdin else { panic!("the driver's input contains a nonce") };
        let nonce = std::str::from_utf8(input).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(nonce.len(), 32);
        assert!(step.result, "the step has a result channel");
        observer.stdout(b"42\n");
        observer.result(self.0.replace('@', &nonce).as_bytes());
        let report = StepReport {
            outcome: Outcome::Exited(0),
            exit_code: Some(0),
            signal: None,
            stdout: Output { data: b"42\n"[..].into(), truncated: false },
            stderr: Output::default(),
            usage: Usage::default(),
        };
        Ok(StepResult {
            report,
            files: BoxFiles::default(),
            files_truncated: false,
            fetched: Vec::new(),
            found: FoundFiles::default(),
        })
    }
}

/// The syntax check, which rejects the source.
struct Rejects;

impl Executor for Rejects {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let names: Vec<&str> =
            step.files.iter().flat_map(|layer| layer.iter()).map(|file| file.path.as_str()).collect();
        let step_of = (step.kind, step.argv.join(" "), names.join(" "));
        assert_eq!(step_of, (StepKind::Compile, "check a.scr".to_owned(), "a.scr".to_owned()));
        observer.stderr(b"a.scr, line 1: syntax error\n");
        let report = StepReport {
            outcome: Outcome::Exited(1),
            exit_code: Some(1),
            signal: None,
            stdout: Output::default(),
            stderr: Output::default(),
            usage: Usage::default(),
        };
        Ok(StepResult {
            report,
            files: BoxFiles::default(),
            files_truncated: false,
            fetched: Vec::new(),
            found: FoundFiles::default(),
        })
    }
}

struct Nothing;

impl JudgeObserver for Nothing {
    fn event(&mut self, _: JudgeEvent<'_>) {}
}

struct World {
    languages: Registry,
    package: Package,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World::with_language("")
    }

    /// `key` is a line of the language file.
    fn with_language(key: &str) -> World {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let script = SCRIPT.replace("version =", &format!("driver = \"python\"\n{key}version ="));
        write("languages/script.toml", &script);
        write("p/problem.toml", PROBLEM);
        write("p/statement.md", "# F\n");
        write("p/tests/secret/1.in", "21\n");
        write("p/tests/secret/1.out", "42\n");
        let mut languages = Registry::load(Some(&dir.path().join("languages"))).unwrap();
        languages.probe(&Answers);
        let imported = import(&dir.path().join("p"), &dir.path().join("i"), &ImportOptions::new(&languages)).unwrap();
        World { languages, package: imported.package, dir }
    }

    fn with<T>(&self, what: impl FnOnce(&ProblemRequest<'_>) -> T) -> T {
        let source = BoxFile { path: BoxPath::new("a.scr").unwrap(), data: b"x".as_slice().into(), executable: false };
        let files = BoxFiles::new(vec![source]);
        what(&ProblemRequest {
            package: &self.package,
            files: &files,
            language: self.languages.find("script").unwrap(),
            entry_point: None,
            languages: &self.languages,
            limits: LimitsRequest::default(),
            all_cases: false,
            owner: UserId::from_uuid(uuid::Uuid::nil()),
            function_batches: false,
        })
    }

    fn judge(&self, channel: &'static str) -> (Verdict, String) {
        let report = self.with(|request| judge_problem(request, &mut Writes(channel), &NoCache, &mut Nothing)).unwrap();
        (report.verdict, report.message.unwrap_or_default())
    }

    fn run(&self, input: &str, channel: &'static str) -> RunReport {
        self.with(|request| {
            let input = input.as_bytes().into();
            run_with_input(request, &input, Bytes::kib(1), &mut Writes(channel), &NoCache, &mut Nothing)
        })
        .unwrap()
    }
}

#[test]
fn the_drivers_report_decides_and_printed_output_does_not() {
    let world = World::new();
    for (channel, verdict, message) in [
        ("@ ok\n42\n", Verdict::Accepted, ""),
        ("@ ok\n41\n", Verdict::WrongAnswer, "secret/1: expected 42, got 41"),
        ("@ wrong\nexpected int, got string\n", Verdict::WrongAnswer, "secret/1: expected int, got string"),
        ("@ wrong\n\x1b[2Jred\nAC\n", Verdict::WrongAnswer, "secret/1:  [2Jred AC"),
        (
            // The submission can forge this text, so its owner must not see it.
            "@ missing\nthe input is 21\n",
            Verdict::CompileError,
            "function f not found, or its parameters differ; expected:\ndef f(n: int) -> int",
        ),
        ("", Verdict::WrongAnswer, "secret/1: the program ended before f returned"),
        (
            "guess ok\n42\n",
            Verdict::WrongAnswer,
            "secret/1: the program wrote to file descriptor 3, which is reserved for the driver",
        ),
        (
            "@ ok\n42\n@ ok\n42\n",
            Verdict::WrongAnswer,
            "secret/1: the program wrote to file descriptor 3, which is reserved for the driver",
        ),
    ] {
        assert_eq!(world.judge(channel), (verdict, message.to_owned()), "{channel:?}");
    }
}

/// Regression: a short text could become values of gigabytes in the memory of the worker.
#[test]
fn a_test_whose_values_need_too_much_memory_is_a_fault_of_the_package() {
    let mut world = World::new();
    // The memory counted for an empty map is hundreds of times the size of its text.
    let list = format!("[{}]", vec!["{}"; 430_000].join(","));
    let problem = PROBLEM.replace("type = \"int\"", "type = \"list<map<string,int>>\"");
    for (name, text) in [("problem.toml", problem.as_str()), ("tests/secret/1.in", &list)] {
        std::fs::write(world.dir.path().join("p").join(name), text).unwrap();
    }
    let options = ImportOptions::new(&world.languages);
    world.package = import(&world.dir.path().join("p"), &world.dir.path().join("j"), &options).unwrap().package;
    let (verdict, message) = world.judge("@ ok\n42\n");
    assert_eq!(verdict, Verdict::InternalError);
    assert!(message.contains("tests/secret/1.in: not what `f` takes") && message.contains("more memory"), "{message}");
}

#[test]
fn a_run_with_custom_input_returns_the_result_and_the_printed_output() {
    let own = World::new().run("7\n", "@ ok\n14\n");
    let returned = own.grading.unwrap().returned.unwrap();
    assert_eq!((own.verdict, &*returned.data), (Verdict::Accepted, &b"14"[..]));
    assert_eq!(&*own.execution.unwrap().stdout.data, b"42\n");
}

#[test]
fn a_custom_input_that_does_not_match_the_signature_is_not_run() {
    let own = World::new().run("seven\n", "");
    assert_eq!((own.verdict, own.execution.is_none()), (Verdict::Skipped, true));
    let message = own.message.unwrap();
    assert_eq!(message, "the input is not what `f` takes (n: int): line 1, column 1: expected int");
}

#[test]
fn a_syntax_error_is_a_compile_error_in_a_language_without_a_compiler() {
    let world = World::with_language("check = [\"check\", \"{sources}\"]\n");
    let report = world.with(|request| judge_problem(request, &mut Rejects, &NoCache, &mut Nothing)).unwrap();
    assert_eq!((report.verdict, report.cases.len()), (Verdict::CompileError, 0));
    let output = report.compile.unwrap().output;
    assert_eq!(&*output.data, b"a.scr, line 1: syntax error\n");
}

#[test]
fn a_second_definition_of_a_node_type_is_recognised_in_the_output_of_each_compiler() {
    for (name, output) in [
        ("ListNode_int", "solution.c:1:16: error: redefinition of 'struct ListNode_int'\n"),
        ("ListNode_int", "solution.c:4:3: error: conflicting types for 'ListNode_int'; have 'struct node'\n"),
        ("ListNode", "solution.cpp:2:8: error: class template 'ListNode' redeclared as non-template\n"),
        ("ListNode", "solution.cpp:3:8: error: redefinition of 'struct ListNode<T>'\n"),
        ("ListNode", "./solution.go:3:6: ListNode redeclared in this block\n"),
        ("ListNode", "Solution.java:1: error: duplicate class: ListNode\n"),
        ("ListNode", "solution.ts(1,7): error TS2300: Duplicate identifier 'ListNode'.\n"),
        ("ListNode", "= note: `ListNode<i64>` and `solution::ListNode` have similar names, but are distinct types\n"),
    ] {
        assert!(defines_again(output, name), "{output}");
        assert!(!defines_again(output, "TreeNode"), "{output}");
    }
    for output in [
        "",
        "solution.cpp:2:8: error: redefinition of 'struct ListNodes'\n",
        "solution.cpp:2:8: error: redefinition of 'int a'\n  1 | ListNode *a\n",
        "solution.go:3:6: undefined: ListNode\n",
        "solution.c:1:6: error: conflicting types for 'next'; have 'ListNode *(ListNode *, int)'\n",
    ] {
        assert!(!defines_again(output, "ListNode"), "{output}");
    }
}

#[test]
fn what_the_linker_misses_is_the_function_only_if_it_has_its_name() {
    let method =
        |name: &str| MethodSignature { name: name.parse().unwrap(), parameters: Vec::new(), returns: Type::Int };
    let signature = |interface| Signature { interface, compare: CompareResult::Exact };
    let function = signature(Interface::Function { function: method("twice"), mutates: None });
    let class = ("Lockers".parse().unwrap(), Vec::new(), vec![method("take")]);
    let class = signature(Interface::Class { name: class.0, constructor: class.1, methods: class.2 });
    for (symbol, of_function, of_class) in [
        ("`twice'", true, false),
        ("'twice'", true, false),
        ("`cupel_user_twice'", true, false),
        ("`Solution::twice(long long)'", true, false),
        ("`twice[abi:cxx11](long long)'", true, false),
        ("`helper'", false, false),
        ("`twice_as(twice)'", false, false),
        ("`Lockers_take'", false, true),
        ("`Lockers_new'", false, true),
        ("`Lockers_helper'", false, false),
        ("`Lockers::take(int)'", false, true),
        ("`Lockers::Lockers(int)'", false, true),
        ("`Lockers::helper(int)'", false, false),
        ("`take'", false, false),
    ] {
        let output = format!(
            "/usr/bin/ld: /tmp/x.o: in function `twice':\nmain.c:(.text+0x3e): undefined reference to {symbol}\n\
             collect2: error: ld returned 1 exit status\n"
        );
        assert_eq!(is_undefined(&output, &function), of_function, "{output}");
        assert_eq!(is_undefined(&output, &class), of_class, "{output}");
        let main = BoxFile { path: BoxPath::new("main.c").unwrap(), data: b"".as_slice().into(), executable: false };
        assert!(!blames_the_driver(&output, &BoxFiles::new(vec![main])), "{output}");
    }
}

#[test]
fn nonces_differ() {
    assert_ne!(nonce(), nonce());
}
