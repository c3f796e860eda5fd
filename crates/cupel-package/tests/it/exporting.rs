//! Exported packages can be imported again with the same meaning. Packages that the format cannot express are refused
//! with the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cupel_package::{
    Code, Container, ExportError, ImportOptions, Imported, PackageFinding, PackageFormat, export, import,
};
use cupel_problem::{
    CasePoints, Checker, Comparison, Difficulty, ExampleSubmission, ExpectedVerdict, Feedback, InputValidator,
    MaxScore, Method, Problem, Scope, Score, WallLimit,
};

use crate::support::{Bench, Files, KATTIS_FIXTURES, options};

/// Imports a fixture, exports it, and imports the exported package.
fn there_and_back(name: &str, container: Container, options: &ImportOptions<'_>) -> (Bench, Imported, Imported) {
    let bench = Bench::new();
    let first = bench.import_files(&Files::fixture(name), options).unwrap_or_else(|error| panic!("{name}: {error}"));
    let target = bench.path().join(if container == Container::Zip { "exported.zip" } else { "exported" });
    export(&first.package, &target, container).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut options = options.clone();
    options.slug = Some(first.package.problem.slug.clone());
    let second =
        import(&target, &bench.path().join("again"), &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(second.format, PackageFormat::Kattis202509);
    (bench, first, second)
}

/// Returns, for each case, the hashes of input and answer, whether it is a sample, the method and the arguments.
fn cases(problem: &Problem) -> Vec<String> {
    let kind = |method: &Method| match method {
        Method::Check(checker) => format!("check {:?}", std::mem::discriminant(checker)),
        Method::Interact(interactor) => format!("interact {:?}", interactor.program.args),
    };
    let shown = |case: &cupel_problem::Case| {
        let answer = case.answer.as_ref().map(|answer| answer.hash);
        format!("{} {answer:?} {} {} {:?}", case.input.hash, case.shown.is_some(), kind(&case.method), case.args)
    };
    problem.tests.cases().map(shown).collect()
}

/// Returns the names of the submissions.
fn expected(problem: &Problem) -> BTreeSet<String> {
    let of = |one: &cupel_problem::ExampleSubmission| one.program.path.name().to_owned();
    problem.submissions.iter().map(of).collect()
}

#[test]
fn exported_packages_import_again_with_the_same_content() {
    for name in KATTIS_FIXTURES {
        for container in [Container::Directory, Container::Zip] {
            let (_bench, first, second) = there_and_back(name, container, &options());
            let (a, b) = (&first.package.problem, &second.package.problem);
            let (before, after) = (cases(a), cases(b));
            let differs = before.iter().zip(&after).find(|(a, b)| a != b);
            assert!(before == after, "{name}: {} and {} cases, {differs:?}", before.len(), after.len());
            assert_eq!(expected(a), expected(b), "{name}");
            assert_eq!(a.tests.root().max, b.tests.root().max, "{name}");
            assert_eq!((a.limits.time.limit, a.limits.memory), (b.limits.time.limit, b.limits.memory), "{name}");
            assert_eq!(a.titles.main(), b.titles.main(), "{name}");
            assert_eq!((&a.authors, &a.tags), (&b.authors, &b.tags), "{name}");
            assert_eq!(a.attachments.len(), b.attachments.len(), "{name}");
            assert_eq!(a.validators.len(), b.validators.len(), "{name}");
            assert_eq!(a.trials.valid_outputs.len(), b.trials.valid_outputs.len(), "{name}");
            assert_eq!(a.conversations.len(), b.conversations.len(), "{name}");
        }
    }
}

#[test]
fn a_second_export_and_import_changes_nothing() {
    for name in [
        "kattis-2025-09/ratio",
        "kattis-2025-09/steps",
        "kattis-legacy/sums",
        "domjudge/sums",
        "domjudge/addone",
        "cupel/a-plus-b",
    ] {
        let (bench, _, second) = there_and_back(name, Container::Directory, &options());
        let target = bench.path().join("second");
        export(&second.package, &target, Container::Directory).unwrap();
        let mut options = options();
        options.slug = Some(second.package.problem.slug.clone());
        let third = import(&target, &bench.path().join("third"), &options).unwrap();
        let (a, b) = (format!("{:#?}", second.package.problem), format!("{:#?}", third.package.problem));
        let differs = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        assert!(a == b, "{name} differs: {differs:?}");
    }
}

/// Exports a package of the format 2025-09 with these lines in `problem.yaml`. Returns the exported file and the
/// warnings.
fn exported_yaml(files: &Files) -> (String, Vec<cupel_package::PackageFinding>) {
    let bench = Bench::new();
    let imported = bench.import_files(files, &options()).unwrap();
    let target = bench.path().join("exported");
    let warnings = export(&imported.package, &target, Container::Directory).unwrap();
    import(&target, &bench.path().join("again"), &options()).unwrap();
    (fs::read_to_string(target.join("problem.yaml")).unwrap(), warnings)
}

#[test]
fn metadata_that_cupel_does_not_use_is_kept() {
    let more = "version: 1.2\nembargo_until: 2026-01-02\nallow_file_writing: true\nsource: [{name: NCPC, url: \
                'https://x.org'}, Other]\nkeywords";
    let credits = "credits:\n  testers: [Cy]\n  translators: {sv: [Dag]}\n";
    let files = Files::fixture("kattis-2025-09/ratio")
        .edit("problem.yaml", "credits:\n", credits)
        .edit("problem.yaml", "keywords", more)
        .with("solution/slides.md", "x");
    let (text, warnings) = exported_yaml(&files);
    for line in [
        "uuid: \"2c4f8a1e-6f0b-4d0e-9a57-8e6f2f1c7b10\"\n",
        "version: \"1.2\"\n",
        "embargo_until: \"2026-01-02\"\n",
        "allow_file_writing: true\n",
        "  testers: [\"Cy\"]\n",
        "  translators:\n    sv: [\"Dag\"]\n",
        "  authors: [{\"name\": \"Ada Example\", \"email\": \"ada@example.org\"}, \"Bo Example\"]\n",
        "source: [{\"name\": \"NCPC\", \"url\": \"https://x.org\"}, \"Other\"]\n",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    for (file, words) in [("problem.yaml", "`constants` is left out"), ("solution", "left out")] {
        let is_reported = warnings.iter().any(|w| w.code == Code::LeftOut && w.file == file && w.fault.contains(words));
        assert!(is_reported, "{words}: {warnings:?}");
    }
}

/// `submissions.yaml` of the package that an export of these files writes.
fn exported_rules(files: &Files) -> String {
    let bench = Bench::new();
    let imported = bench.import_files(files, &options()).unwrap();
    let target = bench.path().join("exported");
    export(&imported.package, &target, Container::Directory).unwrap();
    let again = import(&target, &bench.path().join("again"), &options()).unwrap();
    assert!(!again.warnings.iter().any(|warning| warning.code == Code::Expectation), "{:?}", again.warnings);
    fs::read_to_string(target.join("submissions/submissions.yaml")).unwrap()
}

#[test]
fn the_authors_of_submissions_are_kept() {
    let rules = "accepted:\n  authors: [Ada, {name: Bo, email: bo@example.org}]\naccepted/divide.py:\n  model_solution: true\n\
                 mixed:\n  authors: Cy\n'mixed/*.py':\n  authors: Dag\n  secret/a:\n    required: [WA]\n";
    let text = exported_rules(&Files::fixture("kattis-2025-09/ratio").with("submissions/submissions.yaml", rules));
    for lines in [
        "\"accepted/divide.py\":\n  authors: [\"Ada\", {\"name\": \"Bo\", \"email\": \"bo@example.org\"}]\n  \
         model_solution: true\n",
        "\"mixed/either.py\":\n  authors: \"Dag\"\n  \"secret/a\":\n    required:",
    ] {
        assert!(text.contains(lines), "{lines} is missing in {text}");
    }
}

#[test]
fn authors_in_a_key_of_a_draft_are_kept_beside_other_credits() {
    let files = Files::fixture("kattis-2025-09/steps");
    let (text, _) = exported_yaml(&files.edit("problem.yaml", "name:", "author: Ada\ncredits: {testers: [Bo]}\nname:"));
    assert!(text.contains("credits:\n  authors: [\"Ada\"]\n  testers: [\"Bo\"]\n"), "{text}");
}

#[test]
fn the_source_of_a_legacy_package_keeps_its_url() {
    let files = Files::fixture("kattis-legacy/sums");
    let yaml = String::from_utf8(files.0.iter().find(|(name, _)| name == "problem.yaml").unwrap().1.clone()).unwrap();
    let lines = yaml.lines().filter(|line| !line.starts_with("source")).collect::<Vec<_>>().join("\n");
    let uuid = "uuid: 11111111-2222-4333-8444-555555555555\nsource: A\nsource_url: https://x.org\n";
    let (text, _) = exported_yaml(&files.with("problem.yaml", format!("{lines}\n{uuid}")));
    assert!(text.contains("source:\n  name: \"A\"\n  url: \"https://x.org\"\n"), "{text}");
    assert!(text.contains("uuid: \"11111111-2222-4333-8444-555555555555\"\n"), "{text}");
}

#[test]
fn points_and_requirements_are_kept() {
    let (_bench, _, second) = there_and_back("cupel/a-plus-b", Container::Directory, &options());
    let groups: Vec<(String, MaxScore, usize)> = second
        .package
        .problem
        .tests
        .groups()
        .map(|group| (group.name.to_string(), group.max, group.requires.len()))
        .filter(|(name, ..)| name.starts_with("secret/"))
        .collect();
    let points = |n| MaxScore::Bounded(cupel_problem::Score::points(n).unwrap());
    assert_eq!(groups, [("secret/1-small".to_owned(), points(40), 1), ("secret/2-large".to_owned(), points(60), 1)]);
}

#[test]
fn content_that_the_format_cannot_express_is_refused() {
    for (name, file, words) in [
        ("cupel/two-sum", "function", "drivers"),
        ("polygon/ask", "tests/001", "two programs"),
        ("polygon/words", "files/check.cpp", "42 and 43"),
        ("dmoj/pattern", "check.py", "42 and 43"),
    ] {
        let bench = Bench::new();
        let mut options = options();
        options.time_limit = Some(std::time::Duration::from_secs(1));
        let imported = bench.import_files(&Files::fixture(name), &options).unwrap();
        let target = bench.path().join("exported");
        let Err(ExportError::Inexpressible(refused)) = export(&imported.package, &target, Container::Directory) else {
            panic!("{name} was exported");
        };
        let found = |f: &cupel_package::PackageFinding| {
            f.code == Code::Unsupported && f.file == file && f.fault.contains(words)
        };
        assert!(refused.findings.iter().any(found), "{name}: {refused}");
        assert!(!target.exists());
        let left = fs::read_dir(bench.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".exporting"));
        assert_eq!(left.count(), 0);
    }
}

#[test]
fn content_that_the_format_omits_gives_a_warning() {
    let bench = Bench::new();
    let mut imported = bench.import_files(&Files::fixture("cupel/a-plus-b"), &options()).unwrap();
    let problem = &mut imported.package.problem;
    problem.difficulty = Some(Difficulty::Medium);
    problem.limits.wall_time = Some(WallLimit::Time(std::time::Duration::from_secs(7)));
    let warnings = export(&imported.package, &bench.path().join("out"), Container::Directory).unwrap();
    for words in ["no difficulty; `medium`", "wall-clock"] {
        let is_reported = warnings.iter().any(|w| w.code == Code::LeftOut && w.fault.contains(words));
        assert!(is_reported, "{words}: {warnings:?}");
    }
}

/// No importer accepts such a language. The path is checked again, because an export writes files.
#[test]
fn a_path_outside_the_exported_package_is_refused() {
    let bench = Bench::new();
    let mut imported = bench.import_files(&Files::fixture("kattis-legacy/sums"), &options()).unwrap();
    for language in ["x-/../../../x", "/../../../x", "a\nb"] {
        imported.package.problem.statements[0].language = language.to_owned();
        for container in [Container::Directory, Container::Zip] {
            let target = bench.path().join("exported");
            let Err(ExportError::Inexpressible(refused)) = export(&imported.package, &target, container) else {
                panic!("`{language}` was exported");
            };
            let found = |f: &cupel_package::PackageFinding| {
                f.code == Code::Unsupported && f.file.contains(language) && f.fault.contains("file of this name")
            };
            assert!(refused.findings.iter().any(found), "{language}: {refused}");
            assert!(!target.exists());
        }
    }
}

#[test]
fn the_tolerance_of_floats_keeps_its_mode() {
    for (mode, absolute, relative) in
        [("either", Some(1e-4), Some(1e-4)), ("absolute", Some(1e-4), None), ("relative", None, Some(1e-4))]
    {
        let checker = format!("kind = \"floats\"\nprecision = 4\nmode = \"{mode}\"");
        let tokens = "kind = \"tokens\"\nfloat_tolerance = 1e-6";
        let files = Files::fixture("cupel/a-plus-b").edit("problem.toml", tokens, &checker);
        let bench = Bench::new();
        let first = bench.import_files(&files, &options()).unwrap_or_else(|error| panic!("{error}"));
        let target = bench.path().join("exported");
        export(&first.package, &target, Container::Directory).unwrap();
        let again = import(&target, &bench.path().join("again"), &options()).unwrap();
        for case in again.package.problem.tests.cases() {
            let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*case.method else { panic!("{case:?}") };
            let found = (rules.absolute_tolerance.map(|t| t.get()), rules.relative_tolerance.map(|t| t.get()));
            assert_eq!(found, (absolute, relative), "{mode}");
        }
    }
}

#[test]
fn the_tolerance_of_a_standard_checker_is_exported() {
    for (name, tolerance) in [("rcmp", 1.5e-6), ("rncmp", 1.5e-5)] {
        let checker = format!("<checker name=\"std::{name}.cpp\" type=\"testlib\">");
        let files = Files::fixture("polygon/words").edit("problem.xml", "<checker type=\"testlib\">", &checker);
        let points = ["0.0", "15.0", "40.5", "44.5"].map(|points| format!(" points=\"{points}\""));
        let files = points.iter().fold(files, |files, points| files.edit("problem.xml", points, ""));
        let bench = Bench::new();
        let first = bench.import_files(&files, &options()).unwrap_or_else(|error| panic!("{error}"));
        let target = bench.path().join("exported");
        export(&first.package, &target, Container::Directory).unwrap_or_else(|error| panic!("{error}"));
        let again = import(&target, &bench.path().join("again"), &options()).unwrap();
        for case in again.package.problem.tests.cases() {
            let Method::Check(Checker::Builtin(Comparison::Tokens(rules))) = &*case.method else { panic!("{case:?}") };
            let found = (rules.absolute_tolerance.map(|t| t.get()), rules.relative_tolerance);
            assert_eq!(found, (Some(tolerance), None), "{name}");
        }
    }
}

#[test]
fn an_existing_target_is_not_overwritten() {
    let bench = Bench::new();
    let imported = bench.import_files(&Files::fixture("kattis-legacy/sums"), &options()).unwrap();
    let target = bench.path().join("mine");
    fs::write(&target, "x").unwrap();
    let result = export(&imported.package, &target, Container::Zip);
    assert!(matches!(result, Err(ExportError::TargetExists(_))), "{result:?}");
    assert_eq!(fs::read(&target).unwrap(), b"x");
}

#[test]
fn an_editorial_is_exported_with_its_images_and_imports_again() {
    for (name, text) in
        [("kattis-2025-09/ratio", "solution/solution.en.md"), ("cupel/a-plus-b", "solution/solution.md")]
    {
        let files = Files::fixture(name)
            .with(text, "Add. ![A plot](plots/sum.png)\n")
            .with("solution/plots/sum.png", "x")
            .with("solution/solution.zh-CN.tex", "$a+b$\n");
        let bench = Bench::new();
        let first = bench.import_files(&files, &options()).unwrap();
        let target = bench.path().join("exported");
        let warnings = export(&first.package, &target, Container::Directory).unwrap();
        assert!(warnings.iter().all(|warning| !warning.file.starts_with("solution")), "{name}: {warnings:?}");
        let written = fs::read_to_string(target.join("solution/solution.en.md")).unwrap();
        assert_eq!(written, "Add. ![A plot](plots/sum.png)\n");
        let again = import(&target, &bench.path().join("again"), &options()).unwrap();
        let editorials = |problem: &Problem| {
            let of = |one: &cupel_problem::Statement| {
                let images: Vec<_> = one.assets.iter().map(|image| image.hash).collect();
                (one.language.clone(), one.format.as_str(), one.file.hash, images)
            };
            problem.editorials.iter().map(of).collect::<BTreeSet<_>>()
        };
        assert_eq!(editorials(&first.package.problem).len(), 2);
        assert_eq!(editorials(&first.package.problem), editorials(&again.package.problem), "{name}");
    }
}

#[test]
fn languages_and_licences_have_the_names_of_the_format() {
    let files = Files::fixture("kattis-legacy/sums").edit("problem.yaml", "license: cc by-sa", "license: CC-BY-SA-4.0");
    let (yaml, warnings) = exported_yaml(&files);
    assert!(yaml.contains("license: \"cc by-sa\"\n"), "{yaml}");
    assert!(warnings.iter().all(|warning| !warning.to_string().contains("licence")), "{warnings:?}");
    let languages = "languages: [python3, pypy, c11, cpp20, text]\nuuid:";
    let (yaml, warnings) =
        exported_yaml(&Files::fixture("kattis-2025-09/steps").edit("problem.yaml", "uuid:", languages));
    let listed = yaml.split("languages:").nth(1).unwrap().split(']').next().unwrap().to_owned();
    let codes: Vec<&str> = listed.trim_start_matches(" [").split(", ").map(|code| code.trim_matches('"')).collect();
    assert_eq!(codes, ["python3", "c", "cpp"], "{yaml}");
    assert!(warnings.iter().any(|warning| warning.to_string().contains("`text`")), "{warnings:?}");
}

#[test]
fn a_time_limit_need_not_be_a_multiple_of_the_resolution() {
    let files = Files::fixture("kattis-2025-09/steps").edit("problem.yaml", "time_limit: 1,", "time_limit: 1.3,");
    let (yaml, _) = exported_yaml(&files);
    assert!(yaml.contains("time_limit: 1.3\n"), "{yaml}");
}

/// Exports the package and imports the result. Returns both packages and the warnings of the export.
fn again(files: &Files, options: &ImportOptions<'_>) -> (Imported, Imported, Vec<PackageFinding>) {
    let bench = Bench::new();
    let first = bench.import_files(files, options).unwrap_or_else(|error| panic!("{error}"));
    let target = bench.path().join("exported");
    let warnings = export(&first.package, &target, Container::Directory).unwrap_or_else(|error| panic!("{error}"));
    let second = import(&target, &bench.path().join("again"), options).unwrap_or_else(|error| panic!("{error}"));
    (first, second, warnings)
}

/// Asserts that the export is refused with a finding about this file that contains the words.
fn assert_inexpressible(files: &Files, file: &str, words: &str) {
    let bench = Bench::new();
    let imported = bench.import_files(files, &options()).unwrap_or_else(|error| panic!("{words}: {error}"));
    let Err(ExportError::Inexpressible(refused)) =
        export(&imported.package, &bench.path().join("exported"), Container::Directory)
    else {
        panic!("{words}: the package was exported");
    };
    let found = |f: &PackageFinding| f.code == Code::Unsupported && f.file == file && f.fault.contains(words);
    assert!(refused.findings.iter().any(found), "{words}: {refused}");
}

fn has_warning(warnings: &[PackageFinding], file: &str, words: &str) -> bool {
    warnings.iter().any(|w| w.code == Code::LeftOut && w.file == file && w.fault.contains(words))
}

#[test]
fn a_maximum_of_a_group_is_not_divided_among_cases_without_a_maximum() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("problem.yaml", "name: Sums\ntype: scoring\nvalidation: custom score\n")
        .with("output_validators/score.py", "print()\n")
        .with("data/testdata.yaml", "on_reject: continue\ngrader_flags: ignore_sample\n")
        .with("data/secret/testdata.yaml", "on_reject: continue\nrange: 0 100\n");
    let (first, second, warnings) = again(&files, &options());
    assert_eq!(first.package.problem.tests.root().max, MaxScore::Bounded(Score::points(100).unwrap()));
    for case in second.package.problem.tests.cases().filter(|case| case.shown.is_none()) {
        assert_eq!(case.points.max(), MaxScore::Unbounded, "{}", case.id);
    }
    assert!(has_warning(&warnings, "secret", "its maximum 100 is left out"), "{warnings:?}");
    // A checker of the new format cannot give a score below zero.
    let may_be_negative = |imported: &Imported| {
        let cases = imported.package.problem.tests.cases().filter(|case| case.shown.is_none());
        let each = cases.map(|case| match case.points {
            CasePoints::FromChecker { may_be_negative, .. } => may_be_negative,
            points => panic!("{points:?}"),
        });
        each.collect::<BTreeSet<bool>>()
    };
    assert_eq!((may_be_negative(&first), may_be_negative(&second)), ([true].into(), [false].into()));
}

#[test]
fn rules_of_scores_and_verdicts_that_the_format_lacks_are_refused() {
    let echoes = || Files::fixture("kattis-legacy/echoes");
    let file = "data/secret/group1/testdata.yaml";
    assert_inexpressible(&echoes().edit("problem.yaml", "objective: max", "objective: min"), "problem.yaml", "lower");
    for flag in ["always_accept", "accept_if_any_accepted"] {
        let files = echoes().edit(file, "grader_flags: min", &format!("grader_flags: min {flag}"));
        assert_inexpressible(&files, "secret/group1", "although a case is not accepted");
    }
}

#[test]
fn judging_that_ends_after_a_failed_case_gives_a_warning() {
    let files = Files::fixture("kattis-legacy/echoes");
    let (.., warnings) = again(&files, &options());
    assert!(!warnings.iter().any(|w| w.fault.contains("judging ends")), "{warnings:?}");
    let files = files.edit("data/secret/testdata.yaml", "on_reject: continue", "on_reject: break");
    let (.., warnings) = again(&files, &options());
    assert!(has_warning(&warnings, "secret", "judging ends after a failed case"), "{warnings:?}");
}

#[test]
fn groups_that_do_not_count_give_no_points() {
    let init = "time_limit: 1\npretest_test_cases:\n- {in: 1.in, out: 1.out, points: 5}\ntest_cases:\n- {in: 2.in, out: 2.out, \
                points: 10}\n";
    let mut files = Files::default().with("init.yml", init);
    for name in ["1.in", "1.out", "2.in", "2.out"] {
        files = files.with(name, "1\n");
    }
    let (first, second, _) = again(&files, &options());
    let ten = MaxScore::Bounded(Score::points(10).unwrap());
    assert_eq!(first.package.problem.tests.root().max, ten);
    assert_eq!(second.package.problem.tests.root().max, ten);
    let maxima: Vec<MaxScore> = second
        .package
        .problem
        .tests
        .groups()
        .filter(|g| g.name.as_str().starts_with("secret/"))
        .map(|g| g.max)
        .collect();
    assert_eq!(maxima, [ten, MaxScore::Bounded(Score::ZERO)]);
}

#[test]
fn input_validators_of_the_same_name_are_exported_side_by_side() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("input_format_validators/validate.py", "import sys\nsys.exit(42)\n")
        .with("input_validators/words/one.py", "import sys\nsys.exit(42) # one\n")
        .with("input_format_validators/words/two.py", "import sys\nsys.exit(42) # two\n")
        .with("data/secret/testdata.yaml", "input_validator_flags: {validate: a, words: b}\n");
    let (first, second, _) = again(&files, &options());
    // The export may rename a source that it puts into a directory, so a validator is identified by the content of its
    // first file.
    let validators = |problem: &Problem| {
        let case = problem.tests.cases().find(|case| case.shown.is_none()).unwrap().clone();
        let of = |validator: &InputValidator| {
            let InputValidator::ExitCode42(program) = validator else { panic!("{validator:?}") };
            let args = case.validator_args.of(&program.path).to_vec();
            (program.files[0].file.hash.to_string(), program.files.len(), args)
        };
        problem.validators.iter().map(of).collect::<BTreeSet<_>>()
    };
    let before = validators(&first.package.problem);
    assert_eq!(before.len(), 4);
    assert_eq!(validators(&second.package.problem), before);
}

#[test]
fn two_files_with_the_same_path_refuse_the_export() {
    let mut files = Files::fixture("kattis-legacy/higher").with("data/sample/conversation-1.interaction", "<2\n>2\n");
    for ending in ["in", "ans"] {
        files = files.with(&format!("data/sample/conversation-1.{ending}"), "2\n");
    }
    assert_inexpressible(&files, "data/sample/conversation-1.interaction", "two different files");
}

/// Returns, for each rule about some cases: the submission, the verdicts, and the inputs of the cases.
fn rules_of_cases(problem: &Problem) -> BTreeSet<(String, String, BTreeSet<String>)> {
    let mut rules = BTreeSet::new();
    for submission in &problem.submissions {
        for rule in submission.expectations.iter().filter(|rule| rule.scope != Scope::All) {
            let codes = |verdicts: &Option<Vec<ExpectedVerdict>>| {
                verdicts.as_ref().map(|verdicts| verdicts.iter().map(|verdict| verdict.code()).collect::<BTreeSet<_>>())
            };
            let verdicts = format!("{:?} {:?}", codes(&rule.permitted), codes(&rule.required));
            let covered = problem.tests.cases().filter(|case| rule.scope.covers(&case.id));
            let inputs = covered.map(|case| case.input.hash.to_string()).collect();
            rules.insert((submission.program.path.name().to_owned(), verdicts, inputs));
        }
    }
    rules
}

#[test]
fn rules_for_cases_follow_the_new_names() {
    let (first, second, warnings) = again(&Files::fixture("kattis-2025-09/sorting"), &options());
    let names: Vec<&str> = second.package.problem.tests.cases().map(|case| case.id.as_str()).collect();
    assert_eq!(names, ["sample/1", "secret/1-1", "secret/2-2", "secret/3-1"]);
    let rules = rules_of_cases(&first.package.problem);
    assert_eq!(rules.len(), 4);
    assert_eq!(rules_of_cases(&second.package.problem), rules, "{warnings:?}");

    // Two rules for a submission may name the same cases.
    let rule = "mixed:\n  secret/a:\n    permitted: [WA]\nmixed/*.{py,cpp}:";
    let files = Files::fixture("kattis-2025-09/ratio").edit("submissions/submissions.yaml", "mixed/*.{py,cpp}:", rule);
    let (first, second, _) = again(&files, &options());
    let rules = rules_of_cases(&first.package.problem);
    assert_eq!(rules.len(), 2);
    assert_eq!(rules_of_cases(&second.package.problem), rules);
}

#[test]
fn a_rule_that_cannot_name_its_cases_is_left_out() {
    let mut files = Files::fixture("kattis-2025-09/sorting");
    for n in 0..40 {
        let path = format!("data/secret/few/a-case-with-a-long-name-{n:02}");
        files = files.with(&format!("{path}.in"), format!("1\nw{n}\n")).with(&format!("{path}.ans"), format!("w{n}\n"));
    }
    let (first, second, warnings) = again(&files, &options());
    assert!(has_warning(&warnings, "submissions/slow/late.py", "rule for `{sample,secret/few}`"), "{warnings:?}");
    let before = rules_of_cases(&first.package.problem);
    let after = rules_of_cases(&second.package.problem);
    assert!(after.len() < before.len() && after.is_subset(&before), "{after:?}");
}

#[test]
fn a_list_of_some_versions_of_a_language_gives_a_warning() {
    let steps = |languages: &str| {
        let line = format!("languages: [{languages}]\nuuid:");
        exported_yaml(&Files::fixture("kattis-2025-09/steps").edit("problem.yaml", "uuid:", &line)).1
    };
    assert!(has_warning(&steps("cpp20"), "problem.yaml", "does not distinguish versions of `cpp`"));
    let warnings = steps("cpp, python3, rust");
    assert!(!warnings.iter().any(|warning| warning.fault.contains("versions of")), "{warnings:?}");
}

/// Returns, for each submission, the permitted and the required verdicts of its rules about all cases.
fn rules_of_submissions(problem: &Problem) -> BTreeMap<&str, Vec<(String, String)>> {
    let codes = |verdicts: &Option<Vec<ExpectedVerdict>>| {
        let codes = verdicts.as_ref().map(|verdicts| verdicts.iter().map(|verdict| verdict.code()).collect());
        codes.map_or_else(|| "-".to_owned(), |codes: BTreeSet<&str>| codes.into_iter().collect::<Vec<_>>().join(" "))
    };
    let of = |submission: &'_ ExampleSubmission| {
        let rules = submission.expectations.iter().filter(|rule| rule.scope == Scope::All);
        rules.map(|rule| (codes(&rule.permitted), codes(&rule.required))).collect()
    };
    problem.submissions.iter().map(|one| (one.program.path.below("submissions").unwrap(), of(one))).collect()
}

/// Regression: a submission that exceeds the time limit in one test, and fails in another way in a later one, broke the
/// rule of its folder.
#[test]
fn an_expected_verdict_of_a_whole_submission_is_required_on_some_case_and_others_may_have_any() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("submissions/compile_error/no.c", "x")
        .with("submissions/memory_limit_exceeded/large.py", "print(1)\n")
        .with("submissions/rejected/bad.py", "print(1)\n");
    let (_, second, warnings) = again(&files, &options());
    let rules = rules_of_submissions(&second.package.problem);
    let any = "AC RTE TLE WA";
    for (name, permitted, required) in [
        ("accepted/add.py", "AC", "-"),
        ("wrong_answer/subtract.py", any, "WA"),
        ("time_limit_exceeded/spin.py", any, "TLE"),
        ("run_time_error/crash.py", any, "RTE"),
        ("mixed/large.py", any, "RTE"),
        ("mixed/bad.py", any, "RTE TLE WA"),
    ] {
        assert_eq!(rules[name], [(permitted.to_owned(), required.to_owned())], "{name}");
    }
    assert_eq!(rules["mixed/no.c"], []);
    assert!(has_warning(&warnings, "submissions", "no expected verdict of a whole submission"), "{warnings:?}");
    assert!(has_warning(&warnings, "submissions/compile_error/no.c", "do not compile"), "{warnings:?}");
}

#[test]
fn a_rule_about_each_case_is_kept_beside_an_expected_verdict_of_a_whole_submission() {
    let files = Files::fixture("kattis-2025-09/sorting")
        .with(".timelimit", "7\n")
        .with("submissions/others/whole.py", "# @EXPECTED_RESULTS@: WRONG-ANSWER\nprint(1)\n");
    let (_, second, _) = again(&files, &options());
    let rules = rules_of_submissions(&second.package.problem);
    let of = |permitted: &str, required: &str| (permitted.to_owned(), required.to_owned());
    let any = of("AC RTE TLE WA", "WA");
    assert_eq!(rules["wrong_answer/whole.py"], std::slice::from_ref(&any));
    assert_eq!(rules["wrong_answer/keep.py"], [any, of("AC WA", "-")]);
}

#[test]
fn included_files_are_in_the_directory_of_their_languages_code() {
    let mut files = Files::fixture("kattis-2025-09/steps");
    for directory in ["default", "python3", "pypy", "cpp20", "text"] {
        files = files.with(&format!("include/{directory}/{directory}.h"), "x");
    }
    let (first, second, warnings) = again(&files, &options());
    let paths = |imported: &Imported| {
        let includes = imported.package.problem.includes.iter();
        includes.flat_map(|one| one.files.iter().map(|file| file.file.path.to_string())).collect::<BTreeSet<_>>()
    };
    assert_eq!(paths(&first).len(), 5);
    let expected = ["cpp/cpp20.h", "default/default.h", "python3/python3.h", "text/text.h"];
    assert_eq!(paths(&second), expected.map(|path| format!("include/{path}")).into());
    for (directory, words) in [
        ("include/cpp20", "versions of `cpp`; all of them get the files"),
        ("include/pypy", "versions of `python3`; the files for this version are left out"),
        ("include/text", "no code for the language `text`"),
    ] {
        assert!(has_warning(&warnings, directory, words), "{words}: {warnings:?}");
    }
    assert!(!warnings.iter().any(|warning| warning.file == "include/python"), "{warnings:?}");
}

#[test]
fn what_contestants_see_of_a_case_is_kept() {
    let full = |imported: &Imported| {
        let cases = imported.package.problem.tests.cases().filter(|case| case.feedback == Feedback::Full);
        cases.map(|case| case.input.hash.to_string()).collect::<BTreeSet<_>>()
    };
    let ratio = Files::fixture("kattis-2025-09/ratio").with("data/secret/a.yaml", "full_feedback: true\n");
    let steps = Files::fixture("kattis-2025-09/steps")
        .with("data/secret/group1/2.yaml", "full_feedback: true\n")
        .with("data/secret/group2/2.yaml", "full_feedback: false\n");
    for (files, count) in [(ratio, 2), (steps, 4)] {
        let (first, second, _) = again(&files, &options());
        assert_eq!(full(&first).len(), count);
        assert_eq!(full(&second), full(&first));
    }
}

#[test]
fn names_that_differ_in_the_case_of_letters_only_are_numbered() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("data/secret/hand/Big.in", "1 2\n")
        .with("data/secret/hand/Big.ans", "3\n")
        .with("data/secret/random/big.in", "2 2\n")
        .with("data/secret/random/big.ans", "4\n");
    let (first, second, _) = again(&files, &options());
    assert_eq!(cases(&second.package.problem), cases(&first.package.problem));
}
