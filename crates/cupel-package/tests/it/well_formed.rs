//! Well-formed packages are imported completely, with the same result from a directory, a zip and a tar.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::time::Duration;

use cupel_package::{Code, ImportOptions, Imported, PackageFinding, PackageFormat, open};
use cupel_problem::{
    AfterInteraction, Aggregate, CaseGroup, CasePoints, Checker, Comparison, Difficulty, ExampleSubmission,
    ExpectedVerdict, Feedback, GroupScoring, InputValidator, Interactor, Interface, MaxScore, Method, Node,
    OnOutputLimit, OwnLimits, PackagePath, Problem, Protocol, Score, Scoring, Shown, SkippedCases, Standard,
    StatementFormat, StopRule, ValidatorArgs, WallLimit,
};
use cupel_types::Bytes;

use crate::support::{Bench, Files, KATTIS_FIXTURES, OTHER_FIXTURES, options};

fn imported(files: &Files) -> (Bench, Imported) {
    let bench = Bench::new();
    let imported = bench.import_files(files, &options()).unwrap_or_else(|error| panic!("{error}"));
    (bench, imported)
}

fn fixture(name: &str) -> (Bench, Imported) {
    let files = Files::fixture(name);
    imported(&if name == "dmoj/batches" { with_archive(files) } else { files })
}

/// Packs `data/` into the zip that a DMOJ package needs. The fixture has no archive.
fn with_archive(files: Files) -> Files {
    let data =
        files.0.iter().filter_map(|(name, content)| Some((name.strip_prefix("data/")?.to_owned(), content.clone())));
    let archive = Files(data.collect()).zip();
    files.without("data").with("data.zip", archive)
}

fn cases(problem: &Problem) -> Vec<&str> {
    problem.tests.cases().map(|case| case.id.as_str()).collect()
}

fn group<'a>(problem: &'a Problem, name: &str) -> &'a CaseGroup {
    problem.tests.groups().find(|group| group.name.as_str() == name).unwrap_or_else(|| panic!("no group {name}"))
}

fn points(n: i64) -> Score {
    Score::points(n).expect("a score")
}

fn codes(imported: &Imported) -> Vec<Code> {
    imported.warnings.iter().map(|finding| finding.code).collect()
}

/// Returns the path of every submission with the verdict codes that its first rule allows.
fn verdicts(problem: &Problem) -> BTreeMap<String, Vec<&'static str>> {
    let codes = |verdicts: &Option<Vec<ExpectedVerdict>>| verdicts.iter().flatten().map(|v| v.code()).collect();
    let of = |one: &cupel_problem::ExampleSubmission| {
        one.expectations.first().map(|rule| codes(if rule.verdict.is_some() { &rule.verdict } else { &rule.permitted }))
    };
    let path = |one: &cupel_problem::ExampleSubmission| one.program.path.as_str().to_owned();
    problem.submissions.iter().map(|one| (path(one), of(one).unwrap_or_default())).collect()
}

#[test]
fn every_fixture_is_imported_equally_from_every_container() {
    for name in KATTIS_FIXTURES.iter().chain(OTHER_FIXTURES) {
        let files = Files::fixture(name);
        // A directory has executable bits; the archives of these tests do not preserve them.
        let mut options = options();
        options.slug = "same".parse().ok();
        // DMOJ's format has no time limit.
        options.time_limit = name.starts_with("dmoj").then_some(Duration::from_secs(1));
        let read = |result: Result<Imported, _>| {
            result.unwrap_or_else(|error: cupel_package::ImportError| panic!("{name}: {error}"))
        };
        let from_directory = read(Bench::new().import_files(&files, &options));
        let gzip = |bytes: &[u8]| {
            let mut out = Vec::new();
            flate2::bufread::GzEncoder::new(bytes, flate2::Compression::fast()).read_to_end(&mut out).expect("gzip");
            out
        };
        for (container, bytes) in [
            ("a.zip", files.zip()),
            ("b.zip", files.clone().below("inside").zip()),
            ("c.tar", files.tar()),
            ("d.tar.gz", gzip(&files.clone().below("inside").tar())),
        ] {
            let bench = Bench::new();
            let other = read(bench.import_bytes(container, &bytes, &options));
            assert_eq!(other.format, from_directory.format, "{name} as {container}");
            assert_eq!(other.package.hash, from_directory.package.hash, "{name} as {container}");
            assert_eq!(
                format!("{:?}", other.package.problem),
                format!("{:?}", from_directory.package.problem),
                "{name}"
            );
            let again = read(open(&bench.target(), &options));
            assert_eq!(again.package.hash, other.package.hash, "{name} opened again");
            assert_eq!(format!("{:?}", again.package.problem), format!("{:?}", other.package.problem), "{name}");
        }
    }
}

#[test]
fn kattis_legacy_pass_fail() {
    let (_bench, imported) = fixture("kattis-legacy/sums");
    let problem = &imported.package.problem;
    assert_eq!(imported.format, PackageFormat::KattisLegacy);
    assert_eq!((problem.titles.main(), problem.slug.as_str()), ("Sums of Two", "source"));
    assert_eq!(cases(problem), ["sample/1", "secret/10", "secret/2"]);
    assert_eq!(problem.scoring, Scoring::PassFail);
    assert_eq!(problem.limits.memory, Bytes::mib(512));
    assert_eq!(problem.limits.time.limit, None);
    assert_eq!(problem.authors.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["Ada Example", "Bo Example"]);
    assert_eq!(problem.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["arithmetic", "warmup"]);
    assert_eq!(problem.licence.name.as_deref(), Some("cc by-sa"));
    assert_eq!(problem.statements[0].format, StatementFormat::Latex);
    assert_eq!(problem.attachments.len(), 1);
    assert_eq!(
        verdicts(problem),
        BTreeMap::from([
            ("submissions/accepted/add.py".to_owned(), vec!["AC"]),
            ("submissions/accepted/add_cpp".to_owned(), vec!["AC"]),
            ("submissions/run_time_error/crash.py".to_owned(), vec!["RTE"]),
            ("submissions/time_limit_exceeded/spin.py".to_owned(), vec!["TLE"]),
            ("submissions/wrong_answer/subtract.py".to_owned(), vec!["WA"]),
        ])
    );
    let second = problem.tests.cases().find(|case| case.id.as_str() == "secret/2").unwrap();
    assert_eq!(second.hints.description.as_deref(), Some("needs 64 bits, or at least 32 unsigned ones\n"));
    let mut text = String::new();
    imported.package.open(second.answer.as_ref().unwrap()).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "2000000000\n");
    let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*second.method else {
        panic!("{:?}", second.method)
    };
    assert!(!rules.case_sensitive && rules.absolute_tolerance.is_none());
    let Some(InputValidator::ExitCode42(validator)) = problem.validators.first() else { panic!("no validator") };
    assert!(validator.files[0].executable);
    assert_eq!(imported.warnings, []);
}

#[test]
fn kattis_legacy_interactive() {
    let (_bench, imported) = fixture("kattis-legacy/higher");
    let problem = &imported.package.problem;
    assert!(problem.is_interactive());
    assert_eq!(cases(problem), ["secret/1", "secret/2"]);
    assert_eq!(problem.conversations.len(), 1);
    let case = problem.tests.cases().next().unwrap();
    let Method::Interact(interactor) = &*case.method else { panic!("not interactive") };
    assert_eq!(
        (&interactor.program.protocol, &interactor.then),
        (&Protocol::FeedbackDirectory, &AfterInteraction::Verdict)
    );
    assert_eq!(interactor.program.args, ["--polite"]);
    assert_eq!(interactor.program.program.path.as_str(), "output_validators/play");
}

#[test]
fn kattis_legacy_groups_inherit_settings_and_may_ignore_the_sample() {
    let (_bench, imported) = fixture("kattis-legacy/echoes");
    let problem = &imported.package.problem;
    assert_eq!(problem.titles.get("sv"), Some("Ekon"));
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(100)));
    assert!(!group(problem, "sample").counts && !group(problem, "sample").decides);
    let first = group(problem, "secret/group1");
    assert_eq!(first.scoring, GroupScoring::Aggregate(Aggregate::Min));
    assert_eq!((first.stop, group(problem, "secret").stop), (StopRule::Break, StopRule::Continue));
    let case = first.cases().next().unwrap();
    assert_eq!(case.points, CasePoints::Fixed { accepted: points(40), rejected: Score::ZERO });
    assert_eq!(case.validator_args, ValidatorArgs::Every(vec!["small".to_owned()]));
    assert_eq!(first.range.unwrap().high(), Some(points(40)));
    let partial = problem.submissions.iter().find(|one| one.program.path.as_str().contains("partially")).unwrap();
    assert_eq!(partial.expectations[0].full_score, Some(false));
}

/// The tree of a scoring problem is created by the rules of both dialects.
#[test]
fn conversations_and_output_trials_of_a_scoring_problem_are_stored_once() {
    let files = Files::fixture("kattis-legacy/echoes")
        .with("data/sample/2.interaction", "<1\n>1\n")
        .with("data/secret/group1/1.out", "x\n");
    let (_bench, imported) = imported(&files);
    let problem = &imported.package.problem;
    assert_eq!((problem.conversations.len(), problem.trials.valid_outputs.len()), (1, 1));
}

/// Each statement has a list of the files beside it, so their product is bounded.
#[test]
fn statements_and_the_files_beside_them_are_bounded() {
    let mut files = Files::fixture("kattis-legacy/sums");
    for n in 0..210 {
        files = files.with(&format!("problem_statement/problem.l{n}.md"), "x");
    }
    let (_bench, many_statements) = imported(&files);
    assert_eq!(many_statements.package.problem.statements.len(), 200);
    let mut files = Files::fixture("kattis-legacy/sums");
    for n in 0..1_001 {
        files = files.with(&format!("problem_statement/{n}.png"), "x");
    }
    let (_bench, many_images) = imported(&files);
    assert_eq!(many_images.package.problem.statements[0].assets.len(), 1_000);
    for (imported, words) in [(many_statements, "more than 200 statements"), (many_images, "more than 1000 files")] {
        let is_reported = imported.warnings.iter().any(|finding| finding.fault.contains(words));
        assert!(is_reported, "{words}: {:?}", imported.warnings);
    }
}

#[test]
fn pictures_beside_a_statement_in_the_own_format_and_in_its_images_folder_can_be_shown() {
    let files = Files::fixture("cupel/a-plus-b")
        .with("statement.md", "![wide](wide.png) ![small](images/small.PNG)")
        .with("wide.png", "x")
        .with("images/small.PNG", "x")
        .with("notes.txt", "x");
    let (_bench, imported) = imported(&files);
    let assets = &imported.package.problem.statements[0].assets;
    let paths: Vec<_> = assets.iter().map(|asset| asset.path.as_str()).collect();
    assert_eq!(paths, ["images/small.PNG", "wide.png"]);
}

#[test]
fn validation_output_may_be_64_mib() {
    let files = Files::fixture("kattis-legacy/sums").with("problem.yaml", "name: x\nlimits: {validation_output: 64}\n");
    let (_bench, imported) = imported(&files);
    assert_eq!(imported.package.problem.limits.validation.output, Bytes::mib(64));
}

#[test]
fn kattis_2025_09_pass_fail() {
    let (_bench, imported) = fixture("kattis-2025-09/ratio");
    let problem = &imported.package.problem;
    assert_eq!(imported.format, PackageFormat::Kattis202509);
    assert_eq!(cases(problem), ["sample/1", "secret/a", "secret/b"]);
    assert_eq!(problem.limits.time.limit, Some(Duration::from_secs(2)));
    assert_eq!(problem.authors[0].email.as_deref(), Some("ada@example.org"));
    let by_name: BTreeMap<&str, _> = problem.tests.cases().map(|case| (case.id.as_str(), case)).collect();
    let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*by_name["secret/a"].method else { panic!() };
    assert_eq!(rules.absolute_tolerance.map(|t| t.get()), Some(1e-6));
    let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*by_name["secret/b"].method else { panic!() };
    assert!(rules.case_sensitive && rules.absolute_tolerance.is_none());
    assert_eq!(by_name["secret/b"].args, ["--slow"]);
    assert_eq!(by_name["secret/b"].files[0].name.as_str(), "table.txt");
    assert_eq!(by_name["sample/1"].feedback, Feedback::Full);
    assert_eq!(by_name["sample/1"].hints.hint.as_deref(), Some("divide"));
    let Some(Shown::Pair { input, .. }) = &by_name["sample/1"].shown else { panic!("not shown") };
    assert_eq!(input.path.as_str(), "data/sample/1.in.statement");
    let trials = &problem.trials;
    assert_eq!((trials.invalid_inputs.len(), trials.valid_outputs.len(), trials.invalid_outputs.len()), (1, 2, 1));
    // One of the trials is the `.out` file beside the answer of a case.
    assert!(trials.valid_outputs.iter().any(|trial| trial.name == "secret/a"), "{trials:?}");
    let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*trials.valid_outputs[0].method else { panic!() };
    assert!(rules.relative_tolerance.is_some());
    assert_eq!(problem.includes.len(), 2);
    assert_eq!(problem.statements[0].assets.len(), 1);

    // Constants are replaced, except in test data.
    let read = |path: &str| fs::read_to_string(imported.package.root().join(path)).unwrap();
    assert!(read("statement/problem.en.md").contains("at most 1000. Seen 9 or $9$ times, not {{.}}."));
    assert!(read("input_validators/check.py").contains("a <= 1000"));
    assert_eq!(read("data/secret/b.files/table.txt"), "{{top}} is not filled in here\n");

    // Entries of submissions.yaml override the folder's rule, and rules for cases are added.
    let wrong = problem.submissions.iter().find(|one| one.program.path.as_str().contains("integers")).unwrap();
    assert_eq!(wrong.expectations.len(), 1);
    assert_eq!(wrong.expectations[0].permitted.as_ref().unwrap().len(), 3);
    assert_eq!(wrong.expectations[0].required, Some(vec![ExpectedVerdict::WrongAnswer]));
    let mixed = problem.submissions.iter().find(|one| one.program.path.as_str().contains("either")).unwrap();
    assert_eq!(mixed.expectations.len(), 2);
    assert!(!mixed.expectations[0].bounds_time_limit);
    assert!(mixed.expectations[1].scope.covers(&by_name["secret/a"].id));
    assert!(!mixed.expectations[1].scope.covers(&by_name["secret/b"].id));
}

#[test]
fn kattis_2025_09_time_limit_roles_and_arguments_by_validator_are_read() {
    let (_bench, imported) = fixture("kattis-2025-09/sorting");
    let problem = &imported.package.problem;
    assert!(codes(&imported).contains(&Code::DraftSpelling), "data/test_group.yaml gives a warning");
    let path = |name: &str| PackagePath::new(&format!("input_validators/{name}")).unwrap();
    let args = |id: &str, name: &str| {
        let case = problem.tests.cases().find(|case| case.id.as_str() == id).unwrap();
        let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*case.method else { panic!() };
        assert!(rules.case_sensitive, "{id}");
        case.validator_args.of(&path(name)).to_vec()
    };
    assert_eq!(args("secret/few/1", "words"), ["3"]);
    assert!(args("secret/few/1", "order.py").is_empty() && args("sample/1", "words").is_empty());
    assert_eq!(args("secret/many/1", "order.py"), ["sorted"]);
    assert_eq!(problem.trials.invalid_inputs[0].validator_args.of(&path("order.py")), ["sorted"]);

    let rules = |name: &str| {
        let one = problem.submissions.iter().find(|one| one.program.path.name() == name).unwrap();
        let texts = one.expectations.iter().map(|rule| {
            let codes = |verdicts: &Option<Vec<ExpectedVerdict>>| {
                verdicts.iter().flatten().map(|verdict| verdict.code()).collect::<Vec<_>>().join(" ")
            };
            format!("{} / {} / {}", codes(&rule.permitted), codes(&rule.required), rule.bounds_time_limit)
        });
        texts.collect::<Vec<_>>()
    };
    // `lower` and `upper` restrict the verdicts.
    assert_eq!(rules("late.py"), ["AC WA RTE /  / true", "AC TLE / TLE / true"]);
    assert_eq!(rules("keep.py"), ["AC WA / WA / true", "AC /  / false"]);
}

#[test]
fn kattis_2025_09_groups() {
    let (_bench, imported) = fixture("kattis-2025-09/steps");
    let problem = &imported.package.problem;
    let scoring = Scoring::Points { objective: cupel_problem::Objective::Max, skipped: SkippedCases::Ignored };
    assert_eq!(problem.scoring, scoring);
    assert_eq!(problem.limits.time.calibration.accepted_to_limit.to_string(), "3");
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(100)));
    let (first, second) = (group(problem, "secret/group1"), group(problem, "secret/group2"));
    assert_eq!(first.scoring, GroupScoring::AllOrNothing(points(30)));
    assert_eq!(first.requires[0].as_str(), "sample");
    assert_eq!(second.requires[0].as_str(), "secret/group1");
    let worth: Vec<CasePoints> = second.cases().map(|case| case.points).collect();
    let each = |text: &str| CasePoints::Fixed { accepted: text.parse().unwrap(), rejected: Score::ZERO };
    assert_eq!(worth, [each("23.333333"), each("23.333333"), each("23.333334")]);
    assert!(second.cases().all(|case| case.feedback == Feedback::Full));
    assert!(group(problem, "sample").cases().all(|case| case.points == CasePoints::Ignored));
}

#[test]
fn domjudge_reads_ini_time_limit_and_annotations() {
    let (_bench, imported) = fixture("domjudge/sums");
    let problem = &imported.package.problem;
    assert_eq!(
        (imported.format, problem.slug.as_str(), problem.titles.main()),
        (PackageFormat::Domjudge, "sums", "Sums")
    );
    assert_eq!(problem.limits.time.limit, Some(Duration::from_millis(2500)));
    assert_eq!(problem.limits.on_output_limit, OnOutputLimit::Discard);
    assert_eq!(problem.statements[0].format, StatementFormat::Pdf);
    assert_eq!(verdicts(problem)["submissions/mixed/slow.py"], ["TLE", "AC"]);
    assert_eq!(verdicts(problem)["submissions/wrong_answer/subtract.py"], ["WA"]);

    let (_bench, imported) = fixture("domjudge/inionly");
    let problem = &imported.package.problem;
    assert_eq!((problem.slug.as_str(), problem.titles.main()), ("only-ini", "Only an ini"));
    assert_eq!(problem.limits.time.limit, Some(Duration::from_secs(10)));
    assert!(codes(&imported).contains(&Code::ActiveContent));
    let case = problem.tests.cases().next().unwrap();
    assert!(matches!(&*case.method, Method::Check(Checker::Program(_))));
}

#[test]
fn files_of_domjudge_count_in_packages_of_every_version() {
    let new = Files::fixture("kattis-2025-09/sorting")
        .with("submissions/mixed/a.py", "# @EXPECTED_RESULTS@: TIMELIMIT, CORRECT\nprint(1)\n")
        .with("submissions/memory_limit_exceeded/b.py", "print(1)\n");
    let limit = |imported: &Imported| imported.package.problem.limits.time.limit.map(|limit| limit.as_secs());
    for (name, text) in [("domjudge-problem.ini", "timelimit = 7\n"), (".timelimit", "7\n")] {
        let files = new.clone().with(name, text);
        let (_bench, found) = imported(&files);
        assert_eq!((found.format, limit(&found)), (PackageFormat::Domjudge, Some(7)), "{name}");
        assert_eq!(found.package.problem.limits.on_output_limit, OnOutputLimit::Discard);
        assert_eq!(verdicts(&found.package.problem)["submissions/mixed/a.py"], ["TLE", "AC"]);
        assert_eq!(verdicts(&found.package.problem)["submissions/memory_limit_exceeded/b.py"], ["MLE"]);
        for (wished, expected) in [(PackageFormat::Domjudge, Some(7)), (PackageFormat::Kattis202509, None)] {
            let options = ImportOptions { format: Some(wished), ..options() };
            let found = Bench::new().import_files(&files, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((found.format, limit(&found)), (wished, expected), "{name}");
            assert_eq!(codes(&found).contains(&Code::LeftOut), wished == PackageFormat::Kattis202509, "{name}");
        }
    }
    // Without a limit, DOMjudge's file leaves it to the submissions; a limit in problem.yaml precedes that of the ini
    // file.
    let (_bench, found) = imported(&new.clone().with("domjudge-problem.ini", "short-name = s\n"));
    assert_eq!(limit(&found), None);
    let limited = new.edit("problem.yaml", "  time_resolution: 0.5", "  time_resolution: 0.5\n  time_limit: 3");
    let (_bench, found) = imported(&limited.with("domjudge-problem.ini", "timelimit = 7\n"));
    assert_eq!(limit(&found), Some(3));
    assert!(codes(&found).contains(&Code::LeftOut));
}

#[test]
fn the_ini_file_is_read_as_by_php() {
    for (text, expected, is_cut) in [
        ("timelimit = 2.5;s\n", 2500, false),
        ("timelimit = \"2.5\" ; s\n", 2500, false),
        ("timelimit = 2.5'\nexternalid = unread\n", 2500, true),
        ("name = O'Brien\ntimelimit = 2.5\n", 10_000, true),
    ] {
        let files = Files::fixture("domjudge/sums").without("problem.yaml").without(".timelimit");
        let files = files.with("domjudge-problem.ini", text);
        let (_bench, found) = imported(&files);
        let limit = found.package.problem.limits.time.limit.map(|limit| limit.as_millis());
        assert_eq!((limit, codes(&found).contains(&Code::LeftOut)), (Some(expected), is_cut), "{text}");
    }
}

#[test]
fn constants_are_filled_in_beside_files_of_domjudge() {
    let ratio = Files::fixture("kattis-2025-09/ratio");
    for (name, text) in [("domjudge-problem.ini", "timelimit = 2\n"), (".timelimit", "2\n")] {
        let (_bench, found) = imported(&ratio.clone().with(name, text));
        assert_eq!(found.format, PackageFormat::Domjudge, "{name}");
        let read = |path: &str| fs::read_to_string(found.package.root().join(path)).unwrap();
        assert!(read("input_validators/check.py").contains("a <= 1000"), "{name}");
        assert!(read("statement/problem.en.md").contains("at most 1000."), "{name}");
    }
    // Legacy packages have no constants.
    let legacy = Files::fixture("domjudge/sums")
        .with("problem.yaml", "name: Sums\nconstants: {n: 1}\n")
        .with("submissions/accepted/add.py", "# {{n}}\n");
    let (_bench, found) = imported(&legacy);
    let text = fs::read_to_string(found.package.root().join("submissions/accepted/add.py")).unwrap();
    assert_eq!(text, "# {{n}}\n");
}

#[test]
fn a_language_of_the_kattis_format_includes_its_versions() {
    let allowed = |languages: &str| {
        let line = format!("languages: [{languages}]\nuuid:");
        let (_bench, found) = imported(&Files::fixture("kattis-2025-09/steps").edit("problem.yaml", "uuid:", &line));
        let languages = found.package.problem.limits.languages.unwrap();
        languages.into_iter().map(|id| id.to_string()).collect::<Vec<_>>()
    };
    let found = allowed("cpp, python3, rust, cpp");
    let mut sorted = found.clone();
    sorted.sort();
    let expected =
        ["cpp", "cpp-clang", "cpp11", "cpp14", "cpp20", "cpp23", "pypy", "python", "rust"].map(str::to_owned);
    assert_eq!(sorted, expected, "{found:?}");
    assert_eq!(found[0], "cpp");
    // The id of one version is not a code of the format.
    assert_eq!(allowed("cpp20, pypy"), ["cpp20", "pypy"]);
}

/// Each row: the package, and its file that another version of the format reads.
#[test]
fn a_group_file_of_another_version_gives_a_warning() {
    for (files, file) in [
        (Files::fixture("kattis-2025-09/sorting"), "data/secret/few/testdata.yaml"),
        (Files::fixture("kattis-legacy/echoes"), "data/secret/group1/test_group.yaml"),
        (Files::fixture("domjudge/addone"), "data/secret/group1/test_group.yaml"),
        (draft_of("kattis-2025-09/sorting"), "data/secret/few/testdata.yaml"),
    ] {
        let (_bench, found) = imported(&files.with(file, "input_validator_flags: x\n"));
        let reported = found.warnings.iter().filter(|finding| finding.code == Code::UnusedFile).collect::<Vec<_>>();
        assert_eq!(reported.len(), 1, "{file}: {:?}", found.warnings);
        assert!(reported[0].file == file && reported[0].fault.contains("is not read"), "{reported:?}");
    }
    let of_case = Files::fixture("kattis-2025-09/ratio").with("data/secret/b.files/testdata.yaml", "x\n");
    let (_bench, found) = imported(&of_case);
    assert!(!codes(&found).contains(&Code::UnusedFile), "{:?}", found.warnings);
}

/// Returns a fixture of 2025-09 as a package of the draft.
fn draft_of(name: &str) -> Files {
    Files::fixture(name).edit(
        "problem.yaml",
        "problem_format_version: 2025-09",
        "problem_format_version: 2023-07-draft",
    )
}

#[test]
fn a_draft_may_configure_all_of_data() {
    let (_bench, found) = imported(&draft_of("kattis-2025-09/sorting"));
    for case in found.package.problem.tests.cases() {
        let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*case.method else { panic!("{case:?}") };
        assert!(rules.case_sensitive, "{}", case.id);
    }
    assert!(found.warnings.iter().all(|finding| finding.file != "data/test_group.yaml"), "{:?}", found.warnings);

    // Earlier drafts have `testdata.yaml`, for trials, too.
    let mut files = draft_of("kattis-2025-09/sorting").without("data/test_group.yaml");
    for directory in ["secret/few", "secret/many", "invalid_input/unsorted"] {
        files = files.without(&format!("data/{directory}/test_group.yaml"));
    }
    files = files.with("data/invalid_input/unsorted/testdata.yaml", "input_validator_args: {order: [sorted]}\n");
    let (_bench, found) = imported(&files);
    let order = PackagePath::new("input_validators/order.py").unwrap();
    assert_eq!(found.package.problem.trials.invalid_inputs[0].validator_args.of(&order), ["sorted"]);
    assert!(!codes(&found).contains(&Code::UnusedFile), "{:?}", found.warnings);
}

#[test]
fn a_difference_between_scoring_dialects_gives_a_warning() {
    let (_bench, imported) = fixture("domjudge/addone");
    let problem = &imported.package.problem;
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(60)));
    assert!(!group(problem, "sample").counts);
    assert_eq!(
        group(problem, "secret/group2").scoring,
        GroupScoring::AggregateIfNamed { aggregate: Aggregate::Sum, accepted: points(20), rejected: Score::ZERO }
    );
    let reported = imported.warnings.iter().find(|finding| finding.code == Code::ScoringRules).expect("a warning");
    assert!(reported.fault.contains("121") && reported.fault.contains("60"), "{reported}");
    let score = problem.submissions[0].expectations.iter().find_map(|rule| rule.score).expect("a score");
    assert!(score.contains(points(60)) && !score.contains(points(59)));

    let mut options = options();
    options.format = Some(PackageFormat::KattisLegacy);
    options.time_limit = Some(Duration::from_secs(1));
    let bench = Bench::new();
    let imported = bench.import_files(&Files::fixture("domjudge/addone"), &options).unwrap();
    assert_eq!(imported.package.problem.tests.root().max, MaxScore::Bounded(points(121)));
}

#[test]
fn dmoj_batches_and_inherited_keys() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(2));
    let bench = Bench::new();
    let files = with_archive(Files::fixture("dmoj/batches"));
    let imported = bench.import_files(&files, &options).unwrap_or_else(|error| panic!("{error}"));
    let problem = &imported.package.problem;
    assert_eq!(imported.format, PackageFormat::Dmoj);
    assert_eq!(cases(problem), ["001", "batch01/001", "batch01/002", "batch02/001"]);
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(100)));
    assert_eq!(group(problem, "001!").stop, StopRule::BreakAll);
    assert_eq!(group(problem, "batch02").requires[0].as_str(), "batch01");
    assert_eq!(problem.limits.wall_time, Some(WallLimit::TimesCpu("4".parse().unwrap())));
    assert_eq!(problem.limits.output, Bytes::mib(24));
    let checkers: Vec<bool> = problem
        .tests
        .cases()
        .map(|case| matches!(&*case.method, Method::Check(Checker::Builtin(Comparison::Floats { precision: 4, .. }))))
        .collect();
    assert_eq!(checkers, [false, false, true, false]);
    let again = open(&bench.target(), &options).unwrap();
    assert_eq!(again.package.hash, imported.package.hash);
}

#[test]
fn a_case_of_dmoj_without_an_input_has_an_empty_input() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(2));
    let text = "points: 1\ntest_cases:\n- {out: 1.in}\n- batched:\n  - {in: 2.in, out: 1.in}\n  - {out: 2.in}\n";
    for top in ["", "inside/"] {
        let mut files = Files::fixture("dmoj/guess").with("init.yml", text);
        for (name, _) in &mut files.0 {
            name.insert_str(0, top);
        }
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options).unwrap_or_else(|error| panic!("{error}"));
        let sizes: Vec<bool> =
            imported.package.problem.tests.cases().map(|case| case.input.size > Bytes::ZERO).collect();
        assert_eq!(sizes, [false, true, false]);
        let again = open(&bench.target(), &options).unwrap();
        assert_eq!(again.package.hash, imported.package.hash);
    }
    // A file of this name in the package is a finding, not an internal failure.
    let files = Files::fixture("dmoj/guess").with("init.yml", text).with("dmoj-no-input/1", "x");
    let error = Bench::new().import_files(&files, &options).unwrap_err().to_string();
    assert!(error.contains("E_ARCHIVE_DUPLICATE dmoj-no-input"), "{error}");
}

#[test]
fn disabled_submissions_are_left_out() {
    let source = "print(1)\n";
    for name in ["domjudge/sums", "dmoj/guess"] {
        let mut options = options();
        options.time_limit = Some(Duration::from_secs(2));
        let files = Files::fixture(name)
            .with("submissions/accepted/kept.py", source)
            .with("submissions/accepted/old.disabled/main.py", source)
            .with("submissions/accepted/old.py.disabled", source)
            .with("submissions/slow.disabled/main.py", source);
        let imported = Bench::new().import_files(&files, &options).unwrap_or_else(|error| panic!("{error}"));
        let run = &imported.package.problem.submissions;
        assert!(run.iter().any(|one| one.program.path.as_str() == "submissions/accepted/kept.py"));
        assert!(!run.iter().any(|one| one.program.path.as_str().contains("disabled")), "{name}");
        assert_eq!(codes(&imported).iter().filter(|code| **code == Code::LeftOut).count(), 3, "{name}");
    }
}

#[test]
fn python_2_and_prolog_are_distinguished_from_python_3_and_perl() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("submissions/accepted/old.py", "#!/usr/bin/env python2\nprint 1\n")
        .with("submissions/accepted/new.py", "#!/usr/bin/env python3\nprint(1)\n")
        .with("submissions/accepted/clauses/main.pl", ":- use_module(library(readutil)).\nmain :-\n    halt.\n")
        .with("submissions/accepted/one_line.pl", "main :- read(X), Y is X * 2, write(Y), nl.\n")
        .with("submissions/accepted/query.pl", "?- write(1).\n")
        .with("submissions/accepted/both.pl", "my $x = 1;\nprint <<END;\nmain :- halt.\nEND\n")
        .with("submissions/accepted/ternary.pl", "my $y = $x ? 1 :-1;\nprint $y;\n")
        .with("submissions/accepted/camel.pl", "#!/usr/bin/perl\nprint 1;\n")
        .with("submissions/accepted/plain.pl", "print 1;\n");
    let (_bench, imported) = imported(&files);
    let language = |name: &str| {
        let path = format!("submissions/accepted/{name}");
        let all = &imported.package.problem.submissions;
        let found = all.iter().find(|one| one.program.path.as_str() == path).unwrap_or_else(|| panic!("no {name}"));
        found.program.language.as_ref().map(|id| id.as_str().to_owned())
    };
    for (name, expected) in [
        ("old.py", Some("python2")),
        ("new.py", None),
        ("clauses", Some("prolog")),
        ("one_line.pl", Some("prolog")),
        ("query.pl", Some("prolog")),
        ("both.pl", None),
        ("ternary.pl", None),
        ("camel.pl", None),
        ("plain.pl", None),
    ] {
        assert_eq!(language(name).as_deref(), expected, "{name}");
    }
    let warnings: Vec<&PackageFinding> =
        imported.warnings.iter().filter(|one| one.code == Code::NotVerifiable).collect();
    assert!(warnings.iter().any(|one| one.file.ends_with("both.pl")), "{warnings:?}");
    assert!(!warnings.iter().any(|one| one.file.ends_with("ternary.pl")), "{warnings:?}");
}

#[test]
fn the_main_file_of_a_program_with_several_sources_is_first() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("submissions/accepted/shell/lib.sh", "")
        .with("submissions/accepted/shell/run.sh", "")
        .with("submissions/accepted/script/a.py", "")
        .with("submissions/accepted/script/b.py", "#!/usr/bin/env python3\n");
    let bench = Bench::new();
    let problem = bench.import_files(&files, &options()).unwrap().package.problem;
    let first = |name: &str| {
        let named = |one: &&cupel_problem::ExampleSubmission| one.program.path.name() == name;
        problem.submissions.iter().find(named).unwrap().program.files[0].name.to_string()
    };
    assert_eq!((first("shell").as_str(), first("script").as_str()), ("run.sh", "b.py"));
}

#[test]
fn a_file_that_cannot_be_run_as_a_validator_is_named() {
    let found = |files: &Files, code: Code| -> Vec<String> {
        let imported = Bench::new().import_files(files, &options()).unwrap();
        let shown = |one: &PackageFinding| format!("{}: {}", one.file, one.fault);
        imported.warnings.iter().filter(|one| one.code == code).map(shown).collect()
    };
    let beside = Files::fixture("kattis-legacy/sums")
        .with("input_validators/b.viva", "{}")
        .with("input_validators/foo.qqq", "x")
        .with("input_validators/testlib.h", "")
        .with("input_validators/README.md", "")
        .with("input_validators/.hidden", "");
    let unused = found(&beside, Code::UnusedFile);
    assert_eq!(unused.len(), 2, "{unused:?}");
    assert!(unused[0].starts_with("input_validators/b.viva: ") && unused[1].starts_with("input_validators/foo.qqq: "));
    assert!(found(&beside, Code::NotVerifiable).is_empty());

    let only = beside.without("input_validators/validate.py").without("input_validators/foo.qqq");
    let missing = found(&only, Code::NotVerifiable);
    assert!(
        missing.iter().any(|one| one.contains("`input_validators/b.viva`, is in no known language")),
        "{missing:?}"
    );
    let none = Files::fixture("kattis-legacy/sums").without("input_validators");
    let missing = found(&none, Code::NotVerifiable);
    assert!(missing.iter().any(|one| one.contains("there is no input validator")), "{missing:?}");
}

/// Each row: a package with a fault, the code of the warning, and its words. Judging needs none of the faulty parts.
#[test]
fn faults_that_do_not_concern_judging_are_warnings() {
    let new = || Files::fixture("kattis-2025-09/steps");
    let ratio = || Files::fixture("kattis-2025-09/ratio");
    let legacy = || Files::fixture("kattis-legacy/sums");
    let words = || Files::fixture("polygon/words");
    let yaml = "problem.yaml";
    let statement = "problem_statement/problem.en.tex";
    for (files, code, text) in [
        (legacy().with(statement, b"caf\xe9\n"), Code::Metadata, "the text is not UTF-8 (line 1)"),
        (legacy().with(statement, "x".repeat(2 << 20)), Code::Metadata, "the maximum is 1 MiB"),
        (new().edit(yaml, "uuid: 8bd9ad2f-7d7a-4a55-9d4f-2bfc3a3b9c11\n", ""), Code::Metadata, "uuid"),
        (new().edit(yaml, "uuid:", "license: wtfpl\nuuid:"), Code::Metadata, "wtfpl"),
        (new().edit(yaml, "uuid:", "languages: [cpp, pyhton3]\nuuid:"), Code::NotVerifiable, "`pyhton3`"),
        (new().edit(yaml, "{en: Steps}", "{en: Steps, sv: Steg}"), Code::Metadata, "a title in `sv`"),
        (new().edit(yaml, "name: {en: Steps}\n", ""), Code::Metadata, "title"),
        (new().with("statement/problem.sv.md", "Steg.\n"), Code::Metadata, "the statement is in `sv`"),
        (ratio().without("data/valid_output/close.out"), Code::NotVerifiable, "an output trial needs"),
        (legacy().with("input_validators/lib/common.viva", "{}"), Code::UnusedFile, "not run as a validator"),
        (words().without("solutions/wrong.py"), Code::LeftOut, "`solutions/wrong.py` does not exist"),
        (
            words()
                .edit("problem.xml", "solutions/wrong.py\" type=\"python.3", "solutions/wrong.xyzzy\" type=\"strange")
                .with("solutions/wrong.xyzzy", "x"),
            Code::LeftOut,
            "not in a configured language",
        ),
        (words().without("files/val.cpp"), Code::NotVerifiable, "does not exist"),
    ] {
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut warnings = imported.warnings.iter().filter(|finding| finding.code == code);
        assert!(warnings.any(|finding| finding.to_string().contains(text)), "{text}: {:?}", imported.warnings);
    }
}

/// Each row: a submission's folder and annotation, and the words of the warning.
#[test]
fn a_faulty_annotation_leaves_the_submission_without_an_expectation() {
    for (folder, annotation, words) in [
        ("mixed", "# @EXPECTED_RESULTS@: CORRECT\n# @EXPECTED_RESULTS@: TIMELIMIT\n", "twice"),
        ("mixed", "# @EXPECTED_RESULTS@: CORRECT\n# @EXPECTED_SCORE@: CORRECT\n", "twice"),
        ("wrong_answer", "# @EXPECTED_RESULTS@: CORRECT\n", "the annotation excludes WA"),
        ("accepted", "# @EXPECTED_RESULTS@: MAYBE\n", "`MAYBE` is not a result"),
        ("mixed", "# @EXPECTED_SCORE@: much\n", "`much` is neither a score nor a result"),
    ] {
        let path = format!("submissions/{folder}/annotated.py");
        let files = Files::fixture("domjudge/sums").with(&path, format!("{annotation}print(1)\n"));
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options()).unwrap();
        let warning = imported.warnings.iter().find(|finding| finding.code == Code::Expectation).expect(annotation);
        assert!(warning.file.ends_with("annotated.py") && warning.fault.contains(words), "{warning}");
        let submissions = &imported.package.problem.submissions;
        let annotated = submissions.iter().find(|one| one.program.path.as_str() == path).unwrap();
        assert_eq!(annotated.expectations, [], "{annotation}");
    }
}

/// Each submission stores the rules that apply to it, so their product is bounded.
#[test]
fn a_submissions_yaml_with_too_many_patterns_of_cases_is_set_aside() {
    // A map has at most 2,000 keys, so the patterns are distributed over several globs with the same meaning.
    let rule = |stars: usize, patterns: usize| {
        let many: String = (0..patterns).map(|n| format!("  case{n}: {{permitted: [AC]}}\n")).collect();
        format!("accepted/{}:\n{many}", "*".repeat(stars))
    };
    for (rules, is_refused) in [(100, false), (10_001, true)] {
        let text: String = (0..6).map(|n| rule(n + 1, rules / 6)).collect();
        let files = Files::fixture("kattis-2025-09/ratio").with("submissions/submissions.yaml", &text);
        let imported = Bench::new().import_files(&files, &options()).unwrap();
        let has = imported.warnings.iter().any(|warning| warning.to_string().contains("more than 10000 patterns"));
        assert_eq!(has, is_refused, "{rules}");
        let accepted = |one: &&ExampleSubmission| one.program.path.below("submissions/accepted").is_some();
        let stored = imported.package.problem.submissions.iter().find(accepted).unwrap().expectations.len();
        assert_eq!(stored == 0, is_refused, "{rules}: {stored}");
    }
}

/// Each row: a replacement in `submissions.yaml`, the words of the warning, and whether the rule about `wrong_answer`
/// is the faulty one.
#[test]
fn a_faulty_rule_leaves_its_submissions_without_an_expectation() {
    let wide = "\"mixed/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}\":";
    for (from, to, words, is_faulty) in [
        ("[AC, WA, RTE]", "[AC, OK]", "`OK`", true),
        ("permitted: [AC, WA, RTE]", "score: [10, 5]", "score", true),
        ("permitted: [AC, WA, RTE]", "permited: [AC]", "permited", true),
        ("permitted: [AC, WA, RTE]", "secret/a: {requires: [WA]}", "requires", true),
        ("mixed/*.{py,cpp}:", wide, "alternatives", false),
        ("wrong_answer:", "wrong_answer: [", "cannot be parsed", true),
    ] {
        let files = Files::fixture("kattis-2025-09/ratio").edit("submissions/submissions.yaml", from, to);
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options()).unwrap_or_else(|error| panic!("{to}: {error}"));
        let warning = imported.warnings.iter().find(|finding| finding.code == Code::Expectation).expect(to);
        assert!(warning.file.ends_with("submissions.yaml") && warning.to_string().contains(words), "{warning}");
        let of_submissions = &imported.package.problem.submissions;
        let wrong = of_submissions.iter().find(|one| one.program.path.as_str().contains("/wrong_answer/")).unwrap();
        assert_eq!(wrong.expectations.is_empty(), is_faulty, "{to}: {:?}", wrong.expectations);
    }
}

#[test]
fn a_submission_in_an_unknown_language_is_left_out_in_every_format() {
    for (name, folder) in [
        ("dmoj/guess", "submissions/accepted"),
        ("cupel/a-plus-b", "submissions/accepted"),
        ("kattis-legacy/sums", "submissions/accepted"),
        ("kattis-2025-09/ratio", "submissions/accepted"),
    ] {
        let files = Files::fixture(name)
            .with(&format!("{folder}/strange.xyzzy"), "x\n")
            .with(&format!("{folder}/notes/README"), "x\n");
        let mut options = options();
        options.time_limit = Some(Duration::from_secs(1));
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let left_out = imported.warnings.iter().filter(|finding| finding.code == Code::LeftOut);
        let files: Vec<&str> = left_out.map(|finding| finding.file.rsplit('/').next().unwrap()).collect();
        assert_eq!(files, ["notes", "strange.xyzzy"], "{name}");
        let submissions = &imported.package.problem.submissions;
        assert!(submissions.iter().all(|one| !one.program.path.as_str().contains("strange")), "{name}");
    }
}

#[test]
fn only_the_first_thousand_submissions_are_read() {
    for name in ["cupel/a-plus-b", "kattis-legacy/sums"] {
        let mut files = Files::fixture(name);
        for number in 0..1001 {
            files.0.push((format!("submissions/wrong_answer/{number}.py"), b"print()\n".to_vec()));
        }
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let warning = imported.warnings.iter().find(|finding| finding.code == Code::LeftOut).expect(name);
        assert!(warning.fault.contains("more than 1000"), "{warning}");
        assert_eq!(imported.package.problem.submissions.len(), 1000, "{name}");
    }
}

#[test]
fn faults_in_submissions_json_are_warnings() {
    for text in
        ["{", "{\"submissions/accepted/add.py\": 3}", "{\"submissions/accepted/add.py\": {\"entry_point\": [1]}}"]
    {
        let files = Files::fixture("domjudge/sums").with("submissions.json", text);
        let files = files.with("submissions/accepted/add.py", "print(1)\n");
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let warning = imported.warnings.iter().find(|finding| finding.code == Code::Expectation).expect(text);
        assert_eq!(warning.file, "submissions.json", "{warning}");
    }
}

#[test]
fn either_annotation_of_domjudge_names_results_or_a_score() {
    for (annotation, verdict, has_score) in [
        ("@EXPECTED_SCORE@: CORRECT", true, false),
        ("@EXPECTED_RESULTS@: WRONG-ANSWER", true, false),
        ("@EXPECTED_SCORE@: 10", false, true),
    ] {
        let path = "submissions/mixed/annotated.py";
        let files = Files::fixture("domjudge/sums").with(path, format!("# {annotation}\nprint(1)\n"));
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options()).unwrap();
        let submissions = &imported.package.problem.submissions;
        let annotated = submissions.iter().find(|one| one.program.path.as_str() == path).unwrap();
        let [rule] = &annotated.expectations[..] else { panic!("{annotation}: {:?}", annotated.expectations) };
        assert_eq!((rule.verdict.is_some(), rule.score.is_some()), (verdict, has_score), "{annotation}");
    }
}

#[test]
fn an_answer_without_an_input_is_ignored_as_by_domjudge() {
    let files = Files::fixture("domjudge/sums").with("data/secret/99.ans", "1\n");
    let bench = Bench::new();
    let imported = bench.import_files(&files, &options()).unwrap();
    let unused = imported.warnings.iter().find(|finding| finding.file == "data/secret/99.ans");
    assert_eq!(unused.map(|finding| finding.code), Some(Code::UnusedFile));
}

#[test]
fn flags_that_domjudge_ignores_give_a_warning() {
    let with = |flags: &str| {
        Files::fixture("domjudge/addone").with("data/secret/testdata.yaml", format!("grader_flags: {flags}\n"))
    };
    let imported = Bench::new().import_files(&with("sum, ignore_sample"), &options()).unwrap();
    assert_eq!(imported.package.problem.tests.root().max, MaxScore::Bounded(points(60)));
    assert!(codes(&imported).contains(&Code::KeyIgnored));
}

#[test]
fn a_maximum_score_at_the_top_of_testdata_yaml_gives_a_warning() {
    let (_bench, imported) =
        imported(&Files::fixture("domjudge/addone").with("data/testdata.yaml", "max_score: 100\n"));
    let is_named = |finding: &&PackageFinding| finding.code == Code::KeyIgnored && finding.file == "data/testdata.yaml";
    let found: Vec<&PackageFinding> = imported.warnings.iter().filter(is_named).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].fault.contains("does not change the score"), "{}", found[0]);
}

#[test]
fn dmoj_interactors_and_patterns() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(2));
    let bench = Bench::new();
    let imported = bench.import_files(&Files::fixture("dmoj/guess"), &options).unwrap();
    let case = imported.package.problem.tests.cases().next().unwrap();
    assert!(case.answer.is_none());
    let Method::Interact(interactor) = &*case.method else { panic!("not interactive") };
    assert_eq!(interactor.program.protocol, Protocol::PointsLine);
    assert_eq!(interactor.program.program.language.as_ref().map(|l| l.as_str()), Some("cpp"));

    let bench = Bench::new();
    let imported = bench.import_files(&Files::fixture("dmoj/pattern"), &options).unwrap();
    assert_eq!(cases(&imported.package.problem), ["batch01/001", "batch01/002", "batch02/001"]);
    let case = imported.package.problem.tests.cases().next().unwrap();
    let Method::Check(Checker::Program(checker)) = &*case.method else { panic!("no program") };
    assert_eq!(checker.protocol, Protocol::ShareLine);
    assert_eq!(checker.program.language.as_ref().map(|l| l.as_str()), Some("python"));
}

/// Imports `dmoj/guess` with another `init.yml`.
fn dmoj(init: &str, time_limit: Option<Duration>) -> (Bench, Imported) {
    let mut options = options();
    options.time_limit = time_limit;
    let files = Files::fixture("dmoj/guess").with("init.yml", init).with("1.out", "1\n").with("2.out", "2\n");
    let files = files.with("judge.py", "Grader = None\n");
    let bench = Bench::new();
    let imported = bench.import_files(&files, &options).unwrap_or_else(|error| panic!("{init}: {error}"));
    (bench, imported)
}

/// Each row: `init.yml`, the key, and whether the key is one of DMOJ's.
#[test]
fn each_key_of_dmoj_without_effect_gives_a_warning() {
    let cases = "test_cases: [{in: 1.in, out: 1.out}]\n";
    for (init, key, code) in [
        (format!("symlinks: {{a: b}}\n{cases}"), "symlinks.a", Code::LeftOut),
        (format!("file_io: {{input: a}}\nsymlinks: {{b: /dev/stdin}}\n{cases}"), "symlinks.b", Code::LeftOut),
        (format!("unbuffered: true\n{cases}"), "unbuffered", Code::LeftOut),
        (format!("pionts: 3\n{cases}"), "pionts", Code::KeyIgnored),
        ("test_cases: [{in: 1.in, out: 1.out, poitns: 4}]\n".to_owned(), "test_cases[0].poitns", Code::KeyIgnored),
        (
            "test_cases: [{batched: [{in: 1.in, out: 1.out, symlinks: {a: b}}]}]\n".to_owned(),
            "test_cases[0].batched[0].symlinks",
            Code::LeftOut,
        ),
        ("test_cases: {case_point: [1, 2]}\n".to_owned(), "test_cases.case_point", Code::KeyIgnored),
        (
            format!("interactive: {{files: interactor.cpp, preprocessing_time: 3}}\n{cases}"),
            "interactive.preprocessing_time",
            Code::LeftOut,
        ),
        (
            "test_cases: [{in: 1.in, out: 1.out, custom_judge: x.py}]\n".to_owned(),
            "test_cases[0].custom_judge",
            Code::KeyIgnored,
        ),
        (format!("interactive: {{files: interactor.cpp, tpye: coci}}\n{cases}"), "interactive.tpye", Code::KeyIgnored),
        (
            format!("checker: {{name: bridged, args: {{files: interactor.cpp, memory_limit: 9}}}}\n{cases}"),
            "checker.args.memory_limit",
            Code::LeftOut,
        ),
        (
            format!("checker: {{name: bridged, args: {{files: interactor.cpp, lang: CPP99}}}}\n{cases}"),
            "checker.args.lang",
            Code::LeftOut,
        ),
        (
            format!("checker: {{name: floats, args: {{precisoin: 1}}}}\n{cases}"),
            "checker.args.precisoin",
            Code::KeyIgnored,
        ),
        (format!("checker: {{name: identical, args: {{foo: 1}}}}\n{cases}"), "checker.args.foo", Code::KeyIgnored),
        (
            format!("checker: {{name: linecount, args: {{match_all: true}}}}\n{cases}"),
            "checker.args.match_all",
            Code::KeyIgnored,
        ),
        (
            format!("checker: {{name: linecount, args: {{feedback: 3}}}}\n{cases}"),
            "checker.args.feedback",
            Code::LeftOut,
        ),
        (format!("checker: {{name: floats, argz: {{precision: 1}}}}\n{cases}"), "checker.argz", Code::KeyIgnored),
        (
            "test_cases: [{in: 1.in, out: 1.out, checker: {name: sorted, args: {split: lines}}}]\n".to_owned(),
            "test_cases[0].checker.args.split",
            Code::KeyIgnored,
        ),
        (
            format!("checker: {{name: floats, args: {{precisoin: 1}}}}\ncustom_judge: judge.py\n{cases}"),
            "checker.args.precisoin",
            Code::KeyIgnored,
        ),
    ] {
        let (_bench, imported) = dmoj(&init, Some(Duration::from_secs(1)));
        let found = imported.warnings.iter().find(|finding| finding.key.as_deref() == Some(key)).expect(key);
        assert_eq!(found.code, code, "{found}");
    }
    for key in ["preprocessing_time", "compiler_time_limit", "feedback", "cached"] {
        let init = format!("generator: {{source: interactor.cpp, {key}: 3}}\ntest_cases: [{{out: 1.out}}]\n");
        let (_bench, imported) = dmoj(&init, Some(Duration::from_secs(1)));
        let key = format!("generator.{key}");
        let found = imported.warnings.iter().find(|finding| finding.key.as_ref() == Some(&key)).expect(&key);
        assert_eq!(found.code, Code::LeftOut, "{found}");
    }
    let known = format!("checker: {{name: floats, args: {{precision: 3, error_mode: absolute}}}}\n{cases}");
    let (_bench, imported) = dmoj(&known, Some(Duration::from_secs(1)));
    assert!(imported.warnings.iter().all(|finding| finding.key.is_none()), "{:?}", imported.warnings);
    let init = format!("unbuffered: false\nmeta: {{a: 1}}\nwall-time-factor: 3\noutput_prefix_length: 9\n{cases}");
    let (_bench, imported) = dmoj(&init, Some(Duration::from_secs(1)));
    assert!(imported.warnings.iter().all(|finding| finding.key.is_none()), "{:?}", imported.warnings);
}

#[test]
fn limits_of_dmoj_below_the_minimum_are_raised_and_cases_have_their_own() {
    let init = "time_limit: 2\nmemory_limit: 512\ntest_cases:\n- {in: 1.in, out: 1.out, time_limit: 1, memory_limit: 65536}\n\
                - batched: [{in: 2.in, out: 2.out, wall-time-factor: 5, memory_limit: 100}]\n  time_limit: 3\n";
    let (_bench, imported) = dmoj(init, None);
    let raised: Vec<String> =
        imported.warnings.iter().filter(|one| one.code == Code::LimitRaised).map(PackageFinding::to_string).collect();
    assert_eq!(raised.len(), 2, "{raised:?}");
    assert!(raised.iter().any(|one| one.starts_with("W_LIMIT_RAISED init.yml:2:15, memory_limit: ")), "{raised:?}");
    assert!(raised.iter().any(|one| one.contains("test_cases[1].batched[0].memory_limit: ")), "{raised:?}");
    let problem = &imported.package.problem;
    assert_eq!((problem.limits.memory, problem.limits.time.limit), (Bytes::mib(1), Some(Duration::from_secs(2))));
    let own: Vec<OwnLimits> = problem.tests.cases().map(|case| case.limits).collect();
    assert_eq!((own[0].time, own[0].memory), (Some(Duration::from_secs(1)), Some(Bytes::mib(64))));
    assert_eq!((own[1].time, own[1].memory), (Some(Duration::from_secs(3)), Some(Bytes::mib(1))));
    assert_eq!(own[1].wall_time, Some(WallLimit::TimesCpu("5".parse().unwrap())));
}

#[test]
fn programs_in_python_for_dmoj_may_reject_with_points_and_get_the_module_of_this_version() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(1));
    for key in ["checker", "custom_judge"] {
        let files = Files::fixture("dmoj/guess")
            .with("init.yml", format!("{key}: check.py\ntest_cases: [{{in: 1.in, out: 1.out, points: 3}}]\n"))
            .with("1.out", "1\n")
            .with("check.py", "check = None\n")
            .with("dmoj-python/cupel_dmoj.py", "import a_much_older_version\n")
            .with("dmoj-python/cupel_dmoj_2.py", "import an_old_version\n");
        let bench = Bench::new();
        let imported = bench.import_files(&files, &options).unwrap();
        let case = imported.package.problem.tests.cases().next().unwrap();
        let (Method::Check(Checker::Program(program)) | Method::Interact(Interactor { program, .. })) = &*case.method
        else {
            panic!("no program")
        };
        assert_eq!(program.protocol, Protocol::PythonModule { is_old: false });
        assert!(matches!(case.points, CasePoints::FromChecker { also_rejecting: true, .. }), "{:?}", case.points);
        let module = bench.target().join("dmoj-python/cupel_dmoj_2.py");
        let text = fs::read_to_string(&module).unwrap();
        assert!(text.contains("class CheckerResult"), "{text}");

        // A package that an older version stored has only the module of that version.
        fs::remove_file(module).unwrap();
        let opened = cupel_package::open(&bench.target(), &options).unwrap();
        let case = opened.package.problem.tests.cases().next().unwrap();
        let (Method::Check(Checker::Program(program)) | Method::Interact(Interactor { program, .. })) = &*case.method
        else {
            panic!("no program")
        };
        assert_eq!(program.protocol, Protocol::PythonModule { is_old: true });
        assert_eq!(program.program.entry_point.as_deref(), Some("cupel_dmoj.py"));
    }
}

#[test]
fn linematches_of_dmoj_is_a_program_of_the_module() {
    let checker = "checker: {name: linematches, args: {point_distribution: [1, 2], foo: 3}}\n";
    let init = format!("{checker}test_cases: [{{in: 1.in, out: 1.out, points: 3}}]\n");
    let (_bench, imported) = dmoj(&init, Some(Duration::from_secs(1)));
    let case = imported.package.problem.tests.cases().next().unwrap();
    let Method::Check(Checker::Program(checker)) = &*case.method else { panic!("no program") };
    assert_eq!(checker.protocol, Protocol::PythonModule { is_old: false });
    assert!(checker.args[0].contains("\"args\": {\"point_distribution\": [1, 2]"), "{:?}", checker.args);
    assert!(imported.warnings.iter().any(|finding| finding.key.as_deref() == Some("checker.args.foo")));
}

/// As in problemtools, cases may be beside directories.
#[test]
fn a_directory_without_test_group_yaml_belongs_to_the_group_above() {
    let mut files = Files::fixture("kattis-2025-09/sorting").without("data/secret/few").without("data/secret/many");
    for case in ["data/secret/1", "data/secret/g/1"] {
        files = files.with(&format!("{case}.in"), "1\nx\n").with(&format!("{case}.ans"), "x\n");
    }
    let (_bench, imported) = imported(&files);
    let found = cases(&imported.package.problem);
    assert!(found.ends_with(&["secret/1", "secret/g/1"]), "{found:?}");
    let secret = imported.package.problem.tests.root().children.last().unwrap();
    let Node::Group(secret) = secret else { panic!("no group") };
    assert_eq!(secret.children.len(), 2, "no group in it");
}

#[test]
fn a_package_of_dmoj_is_the_same_after_an_export_and_an_import() {
    let init = "test_cases: [{out: 1.out}]\nchecker: check.py\n";
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(1));
    let with_checker =
        Files::fixture("dmoj/guess").with("init.yml", init).with("1.out", "1\n").with("check.py", "check = None\n");
    // Its test data are in an archive.
    let with_data = with_archive(Files::fixture("dmoj/batches"));
    for files in [with_checker, with_data] {
        let bench = Bench::new();
        let first = bench.import_files(&files, &options).unwrap();
        let (other, zip) = (Bench::new(), bench.path().join("again.zip"));
        cupel_package::archive(&first.package, &zip).unwrap();
        let second = other.import(&zip, &options).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(second.package.hash, first.package.hash);
        assert_eq!(second.package.problem.tests, first.package.problem.tests);
    }
}

#[test]
fn points_of_cases_found_by_name_are_in_their_order() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(1));
    let files =
        Files::fixture("dmoj/pattern").edit("init.yml", "test_cases:\n", "test_cases:\n  case_points: [30, 70]\n");
    let bench = Bench::new();
    let problem = bench.import_files(&files, &options).unwrap().package.problem;
    let max = |name: &str| group(&problem, name).max;
    assert_eq!((max("batch01"), max("batch02")), (MaxScore::Bounded(points(30)), MaxScore::Bounded(points(70))));
}

/// Source: DMOJ judge-server, `judge.py` and `problem.py`: a failed case with zero points ends the run, and pretests
/// have zero points.
#[test]
fn failed_pretests_and_cases_of_dmoj_without_points_end_the_run() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(1));
    let by_name = "test_cases: {input_format: '(?P<case>\\d+)\\.in', output_format: '(?P<case>\\d+)\\.out', case_points: [0, 50]}\n";
    let listed =
        "pretest_test_cases: [{in: 1.in, out: 1.out, points: 10}]\ntest_cases: [{in: 2.in, out: 2.out, points: 50}]\n";
    for (init, name) in [(by_name, "001!"), (listed, "pretest/001!")] {
        let mut files = Files::default().with("init.yml", init);
        for name in ["1", "2"] {
            files = files.with(&format!("{name}.in"), name).with(&format!("{name}.out"), "");
        }
        let problem = Bench::new().import_files(&files, &options).unwrap().package.problem;
        assert_eq!(group(&problem, name).stop, StopRule::BreakAll, "{init}");
        assert_eq!(problem.tests.cases().count(), 2);
    }
    let init = "test_cases: {input_format: 'b(?P<batch>\\d)-(?P<case>\\d+)\\.in', output_format: 'b(?P<batch>\\d)-(?P<case>\\d+)\\.out', case_points: [0, 50]}\n";
    let mut files = Files::default().with("init.yml", init);
    for name in ["b1-1", "b2-1"] {
        files = files.with(&format!("{name}.in"), name).with(&format!("{name}.out"), "");
    }
    let problem = Bench::new().import_files(&files, &options).unwrap().package.problem;
    let stops = ["batch01", "batch02"].map(|name| group(&problem, name).stop);
    assert_eq!(stops, [StopRule::BreakAll, StopRule::Break]);
}

/// Names that are not numbers come first, and patterns ignore the case of letters.
#[test]
fn cases_of_dmoj_may_be_named_by_numbers_and_words() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(1));
    let init = "test_cases:\n  input_format: '(?:b(?P<batch>\\w+)-)?(?P<case>\\w+)\\.IN'\n  output_format: \
                '(?:b(?P<batch>\\w+)-)?(?P<case>\\w+)\\.out'\n  case_points: [1, 2, 4, 8, 16]\n";
    let mut files = Files::default().with("init.yml", init);
    for name in ["10", "9", "small", "b2-01", "b2-x", "bhard-1"] {
        files = files.with(&format!("{name}.in"), name).with(&format!("{name}.out"), "");
    }
    let bench = Bench::new();
    let problem = bench.import_files(&files, &options).unwrap().package.problem;
    let found = ["batch-hard/001", "small", "batch02/x", "batch02/001", "009", "010"];
    assert_eq!(cases(&problem), found);
    let max = |name: &str| group(&problem, name).max;
    assert_eq!((max("batch-hard"), max("batch02")), (MaxScore::Bounded(points(1)), MaxScore::Bounded(points(4))));
}

/// The patterns are DMOJ's documented defaults, which have look-ahead.
#[test]
fn the_patterns_of_dmoj_may_have_look_around() {
    let mut options = options();
    options.time_limit = Some(Duration::from_secs(1));
    let pattern = |word: &str| {
        format!("'^(?=.*?\\.{word}|{word}).*?(?:(?:^|\\W)(?P<batch>\\d+)[^\\d\\s]+)?(?P<case>\\d+)[^\\d\\s]*$'")
    };
    let init = format!("test_cases:\n  input_format: {}\n  output_format: {}\n", pattern("in"), pattern("out"));
    let mut files = Files::default().with("init.yml", init);
    for name in ["1-1", "1-2", "2-1"] {
        files = files.with(&format!("{name}.in"), name).with(&format!("{name}.out"), "");
    }
    let problem = Bench::new().import_files(&files, &options).unwrap().package.problem;
    assert_eq!(cases(&problem), ["batch01/001", "batch01/002", "batch02/001"]);
}

#[test]
fn polygon_groups_are_judged_after_their_dependencies() {
    let (_bench, imported) = fixture("polygon/words");
    let problem = &imported.package.problem;
    assert_eq!((imported.format, problem.slug.as_str()), (PackageFormat::Polygon, "count-words"));
    assert_eq!(problem.titles.get("de"), Some("Wörter zählen"));
    // Group 2 begins earlier in the testset but depends on group 1.
    assert_eq!(cases(problem), ["tests/001", "tests/003", "tests/002", "tests/004"]);
    assert_eq!(problem.limits.time.limit, Some(Duration::from_millis(1500)));
    assert_eq!(problem.limits.memory, Bytes::mib(256));
    assert_eq!(group(problem, "tests/2").scoring, GroupScoring::AllOrNothing("59.5".parse().unwrap()));
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(100)));
    let case = problem.tests.cases().next().unwrap();
    let Method::Check(Checker::Program(checker)) = &*case.method else { panic!("no program") };
    assert_eq!(checker.protocol, Protocol::Testlib { percent: false });
    let names: Vec<&str> = checker.program.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["check.cpp", "helper.h"]);
    assert!(matches!(problem.validators[0], InputValidator::ExitCode0(_)));
    assert_eq!(verdicts(problem)["solutions/slow.py"], ["TLE", "AC"]);
    assert!(codes(&imported).contains(&Code::LeftOut), "an ignored testset gives a warning");

    let (_bench, imported) = fixture("polygon/ask");
    let problem = &imported.package.problem;
    let case = problem.tests.cases().next().unwrap();
    let Method::Interact(interactor) = &*case.method else { panic!("not interactive") };
    let ncmp = Checker::Builtin(Comparison::Standard(Standard::Ncmp));
    assert_eq!(interactor.then, AfterInteraction::Check(ncmp));
    assert_eq!(problem.io.input_file.as_ref().map(|name| name.as_str()), Some("ask.in"));
}

/// The language of a statement is part of a file name of an exported package.
#[test]
fn statements_of_polygon_in_a_language_without_a_tag_are_left_out() {
    let evil = "/../../../../home/u/.config/x";
    let (language, tutorials) = ("language=\"german\"", "statement-sections/a b");
    let files = Files::fixture("polygon/words")
        .edit("problem.xml", "language=\"english\" path", &format!("language=\"{evil}\" path"))
        .edit("problem.xml", language, &format!("language=\"{evil}\""))
        .with(&format!("{tutorials}/tutorial.tex"), "x\n");
    let (_bench, imported) = imported(&files);
    let problem = &imported.package.problem;
    let languages: Vec<&str> = problem.statements.iter().map(|statement| statement.language.as_str()).collect();
    assert_eq!((languages, problem.titles.iter().count(), problem.editorials.len()), (vec!["en"], 1, 0));
    for what in ["statement", "title", "tutorial"] {
        let words = format!("is not the name of a language, so the {what} is left out");
        let is_reported = |finding: &PackageFinding| finding.code == Code::LeftOut && finding.fault.contains(&words);
        assert!(imported.warnings.iter().any(is_reported), "{what}: {:?}", imported.warnings);
    }
}

#[test]
fn the_source_of_a_standard_checker_of_polygon_is_run() {
    let files = Files::fixture("polygon/ask").with("files/check.cpp", "#include \"testlib.h\"\n");
    let resource = "<files><resources><file path=\"files/testlib.h\" type=\"h.g++\"/></resources></files>\n<assets>";
    let with_testlib = files.clone().with("files/testlib.h", "\n").edit("problem.xml", "<assets>", resource);
    for (files, is_run) in [(files, false), (with_testlib, true)] {
        let (_bench, imported) = imported(&files);
        let case = imported.package.problem.tests.cases().next().unwrap();
        let Method::Interact(interactor) = &*case.method else { panic!("not interactive") };
        match &interactor.then {
            AfterInteraction::Check(Checker::Program(checker)) => {
                let names: Vec<&str> = checker.program.files.iter().map(|file| file.name.as_str()).collect();
                assert_eq!((is_run, &names[..]), (true, &["check.cpp", "testlib.h"][..]));
            }
            other => assert!(!is_run, "{other:?}"),
        }
        let is_named =
            |finding: &PackageFinding| finding.code == Code::LeftOut && finding.fault.contains("files/check.cpp");
        assert_eq!(imported.warnings.iter().any(is_named), !is_run);
    }
}

#[test]
fn python_2_of_polygon_is_not_python_3() {
    for (kind, expected) in [
        ("python.2", "python2"),
        ("pypy.2", "python2"),
        ("python.pypy2", "python2"),
        ("python.3", "python"),
        ("python.pypy3-64", "pypy"),
        ("pypy.3", "pypy"),
    ] {
        let (_bench, imported) = imported(&Files::fixture("polygon/ask").edit("problem.xml", "python.3", kind));
        let languages = imported.package.problem.submissions.iter().filter_map(|one| one.program.language.as_ref());
        assert!(languages.map(|id| id.as_str()).all(|id| id == expected), "{kind}");
    }
}

#[test]
fn groups_and_functions_of_cupels_own_format_are_read() {
    let (_bench, imported) = fixture("cupel/a-plus-b");
    let problem = &imported.package.problem;
    assert_eq!(problem.difficulty, Some(Difficulty::Easy));
    assert_eq!(problem.titles.get("de"), Some("A plus B"));
    assert_eq!(problem.statements.len(), 2);
    assert_eq!(cases(problem), ["sample/1", "small/1", "large/1", "large/2", "large/3"]);
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(100)));
    assert_eq!(group(problem, "small").scoring, GroupScoring::AllOrNothing(points(40)));
    assert_eq!(group(problem, "large").stop, StopRule::Continue);
    assert_eq!(group(problem, "large").requires[0].as_str(), "small");
    let python = "python".parse().unwrap();
    assert_eq!(problem.limits.cpu_time(&python), Some(Duration::from_secs(3)));
    assert_eq!(problem.limits.memory(&python), Bytes::mib(128));
    assert_eq!(problem.samples().count(), 1);

    let (_bench, imported) = fixture("cupel/two-sum");
    let problem = &imported.package.problem;
    assert_eq!((problem.slug.as_str(), problem.scoring), ("two-sum-function", Scoring::PassFail));
    let Some(Interface::Function { function, .. }) = problem.signature.as_ref().map(|s| &s.interface) else { panic!() };
    assert_eq!(function.parameters[0].kind.to_string(), "list<int>");
    let languages: Vec<&str> = problem.limits.languages.iter().flatten().map(|language| language.as_str()).collect();
    assert_eq!(languages, ["python", "cpp"]);
}

#[test]
fn a_checker_that_a_function_problem_does_not_use_is_a_warning() {
    let files = |compare: &str| {
        let checker = "[checker]\nkind = \"program\"\nprogram = \"check.py\"\n[limits]";
        let files = Files::fixture("cupel/two-sum").edit("problem.toml", "[limits]", checker).with("check.py", "");
        files.edit("problem.toml", "\"unordered\"", compare)
    };
    for (compare, is_used) in [("\"unordered\"", false), ("\"exact\"", false), ("\"checker\"", true)] {
        let (_bench, imported) = imported(&files(compare));
        let left_out = |finding: &PackageFinding| {
            finding.code == Code::LeftOut
                && finding.key.as_deref() == Some("checker")
                && finding.remedy.contains("compare")
        };
        assert_eq!(imported.warnings.iter().any(left_out), !is_used, "{compare}: {:?}", imported.warnings);
    }
}

#[test]
fn keys_that_the_form_of_a_function_problem_does_not_use_are_warnings() {
    let unordered = |keys: &str| format!("{keys}\ncompare = \"unordered\"");
    let of_class = "class = \"Box\"\nmethods = [{ name = \"get\", returns = \"int\" }]";
    for (added, unused) in [
        ("compare = \"unordered\"", vec![]),
        ("compare = \"unordered\"\ntolerance = 0.5", vec!["function.tolerance"]),
        ("compare = \"float\"\ntolerance = 0.5", vec![]),
        ("constructor = []", vec!["function.constructor"]),
        (of_class, vec!["function.name", "function.parameters", "function.returns"]),
        (&unordered(of_class), vec!["function.name", "function.parameters", "function.returns", "function.compare"]),
        (
            &unordered(&of_class.replace("int", "TreeNode<int>")),
            vec!["function.name", "function.parameters", "function.returns", "function.compare"],
        ),
        (
            &unordered(&of_class.replace("int", "ListNode<int>")),
            vec!["function.name", "function.parameters", "function.returns"],
        ),
    ] {
        let files = Files::fixture("cupel/two-sum").edit("problem.toml", "compare = \"unordered\"", added);
        let (_bench, imported) = imported(&files);
        let left_out = imported.warnings.iter().filter(|finding| finding.code == Code::LeftOut);
        let keys: Vec<&str> = left_out.map(|finding| finding.key.as_deref().unwrap()).collect();
        assert_eq!(keys, unused, "{added}: {:?}", imported.warnings);
    }
}

#[test]
fn trials_and_generators_of_cupels_own_format_are_read() {
    let files = Files::fixture("cupel/two-sum")
        .edit("problem.toml", "validators =", "generators = \"generators\"\nvalidators =")
        .with("generators/gen.py", "print(1)\n")
        .with("trials/invalid_input/1.in", "x\n")
        .with("trials/valid_output/a.in", "[1,2]\n3\n")
        .with("trials/valid_output/a.ans", "[0,1]\n")
        .with("trials/valid_output/a.out", "[1,0]\n")
        .with("trials/invalid_output/note.txt", "");
    let (_bench, imported) = imported(&files);
    let problem = &imported.package.problem;
    assert_eq!(problem.generators.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["generators/gen.py"]);
    let trials = &problem.trials;
    assert_eq!((trials.invalid_inputs.len(), trials.valid_outputs.len(), trials.invalid_outputs.len()), (1, 1, 0));
    let unused = |finding: &&cupel_package::PackageFinding| finding.file == "trials/invalid_output/note.txt";
    assert!(imported.warnings.iter().find(unused).is_some_and(|finding| finding.code == Code::UnusedFile));
}

#[test]
fn a_2023_07_draft_may_have_legacy_group_files() {
    let files = Files::fixture("kattis-legacy/echoes").with(
        "problem.yaml",
        "problem_format_version: 2023-07-draft\nname: {en: Echoes}\ntype: scoring\nlimits: {time_limit: 1}\n",
    );
    let files = Files(files.0.into_iter().map(|(n, c)| (n.replace("problem_statement/", "statement/"), c)).collect());
    let (_bench, imported) = imported(&files);
    assert_eq!(imported.package.problem.tests.root().max, MaxScore::Bounded(points(100)));
    assert!(codes(&imported).contains(&Code::DraftSpelling));
}

#[test]
fn unusual_test_data_gives_warnings_and_is_not_changed() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("data/secret/2.in", "1 1\r\n")
        .with("data/secret/2.ans", "\u{feff}2\n")
        .with("data/secret/10.ans", "0")
        .with("data/secret/notes.txt", "x\n");
    let (_bench, imported) = imported(&files);
    for (code, file) in [
        (Code::CarriageReturn, "data/secret/2.in"),
        (Code::ByteOrderMark, "data/secret/2.ans"),
        (Code::NoFinalNewline, "data/secret/10.ans"),
        (Code::UnusedFile, "data/secret/notes.txt"),
    ] {
        assert!(imported.warnings.iter().any(|f| f.code == code && f.file == file), "{code:?} {file}");
    }
    assert_eq!(fs::read(imported.package.root().join("data/secret/2.in")).unwrap(), b"1 1\r\n");
}

#[test]
fn equal_packages_have_equal_hashes_and_different_packages_do_not() {
    let files = Files::fixture("cupel/a-plus-b");
    let (_a, first) = imported(&files);
    let (_b, second) = imported(&files);
    let (_c, third) = imported(&files.clone().with("tests/small/1.out", "2 \n"));
    assert_eq!(first.package.hash, second.package.hash);
    assert_ne!(first.package.hash, third.package.hash);
}

#[test]
fn domjudge_multi_pass_quoted_flags_and_entry_points_are_read() {
    let files = Files::fixture("kattis-legacy/sums")
        .with(
            "problem.yaml",
            "name: Passes\nvalidation: custom multi-pass\nvalidator_flags: --say \"two words\"\nlimits:\n  validation_passes: 26\n",
        )
        .with("output_validator/check.py", "import sys\nsys.exit(42)\n")
        .with("data/secret/testdata.yaml", "output_validator_flags: --also 'this one'\n")
        .with("submissions.json", "{\"submissions/accepted/add_cpp/\": {\"entry_point\": \"add.cpp\", \"langid\": \"cpp\"}}\n");
    let (_bench, imported) = imported(&files);
    let problem = &imported.package.problem;
    assert!(matches!(problem.passes, cupel_problem::Passes::UpTo(n) if n.get() == 26), "{:?}", problem.passes);
    let args: Vec<Vec<String>> = problem
        .tests
        .cases()
        .map(|case| match &*case.method {
            Method::Check(Checker::Program(program)) => program.args.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(args[0], ["--say", "two words"]);
    assert_eq!(args[1], ["--say", "two words", "--also", "this one"]);
    let program =
        &problem.submissions.iter().find(|one| one.program.path.as_str().ends_with("add_cpp")).unwrap().program;
    assert_eq!(
        (program.entry_point.as_deref(), program.language.as_ref().map(|l| l.as_str())),
        (Some("add.cpp"), Some("cpp23"))
    );
    assert_eq!(imported.warnings, []);
}

#[test]
fn a_durable_import_gives_the_same_package() {
    let mut options = options();
    options.durable = true;
    let bench = Bench::new();
    let imported = bench.import_files(&Files::fixture("cupel/a-plus-b"), &options).unwrap();
    assert_eq!(open(&bench.target(), &options).unwrap().package.hash, imported.package.hash);
}

#[test]
fn a_polygon_group_may_carry_its_points_itself() {
    let xml = "problem.xml";
    let files = Files::fixture("polygon/words")
        .edit(xml, " points=\"0.0\"", "")
        .edit(xml, " points=\"15.0\"", "")
        .edit(xml, " points=\"40.5\"", "")
        .edit(xml, " points=\"44.5\"", "")
        .edit(xml, "name=\"1\" points-policy", "name=\"1\" points=\"30\" points-policy")
        .edit(xml, "name=\"2\" points-policy", "name=\"2\" points=\"70\" points-policy");
    let (_bench, imported) = imported(&files);
    let problem = &imported.package.problem;
    assert_eq!(group(problem, "tests/1").scoring, GroupScoring::AllOrNothing(points(30)));
    assert_eq!(problem.tests.root().max, MaxScore::Bounded(points(100)));
}
