//! Editorials are imported like statements, and no file of an editorial belongs to a statement.

use cupel_package::{Code, Imported};
use cupel_problem::{Problem, Statement};

use crate::support::{Bench, Files, options};

fn imported(files: &Files) -> Imported {
    Bench::new().import_files(files, &options()).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns language, format and path of each editorial, each with the paths of its images.
fn editorials(problem: &Problem) -> Vec<(&str, &str, &str, Vec<&str>)> {
    problem.editorials.iter().map(text).collect()
}

fn text(one: &Statement) -> (&str, &str, &str, Vec<&str>) {
    let images = one.assets.iter().map(|image| image.path.as_str()).collect();
    (&one.language, one.format.as_str(), one.file.path.as_str(), images)
}

#[test]
fn an_editorial_has_a_language_a_format_and_images() {
    for name in ["kattis-2025-09/ratio", "kattis-legacy/sums", "domjudge/sums", "cupel/a-plus-b"] {
        let files = Files::fixture(name)
            .with("solution/solution.md", "Add.\n")
            .with("solution/solution.sv.tex", "$a+b$\n")
            .with("solution/solution.zh-CN.pdf", "%PDF")
            .with("solution/plots/sum.png", "x")
            .with("solution/slides.md", "x")
            .with("solution/program.cpp", "x");
        let imported = imported(&files);
        let images = || vec!["solution/plots/sum.png"];
        let expected = [
            ("en", "markdown", "solution/solution.md", images()),
            ("sv", "latex", "solution/solution.sv.tex", images()),
            ("zh-CN", "pdf", "solution/solution.zh-CN.pdf", images()),
        ];
        assert_eq!(editorials(&imported.package.problem), expected, "{name}");
        let statements = &imported.package.problem.statements;
        assert!(statements.iter().all(|one| !one.file.path.as_str().starts_with("solution/")), "{name}");
    }
    let plain = imported(&Files::fixture("kattis-2025-09/ratio"));
    assert_eq!(editorials(&plain.package.problem), [], "a package without editorials");
}

#[test]
fn a_tutorial_of_polygon_is_an_editorial() {
    let files = Files::fixture("polygon/words")
        .with("statement-sections/english/legend.tex", "Count.\n")
        .with("statement-sections/english/tutorial.tex", "Split.\n")
        .with("statement-sections/russian/legend.tex", "x\n");
    let imported = imported(&files);
    let found = editorials(&imported.package.problem);
    let found: Vec<_> = found.iter().map(|(language, format, path, _)| (*language, *format, *path)).collect();
    assert_eq!(found, [("en", "latex", "statement-sections/english/tutorial.tex")]);
}

#[test]
fn an_editorial_beside_a_statement_is_no_file_of_the_statement() {
    let polygon = Files::fixture("polygon/words")
        .with("statements/english/tutorial.tex", "Split.\n")
        .with("statements/english/plot.png", "x");
    let legacy = Files::fixture("kattis-legacy/sums")
        .with("problem_statement/solution.tex", "Add.\n")
        .with("problem_statement/solution.en.pdf", "%PDF")
        .with("problem_statement/plot.png", "x");
    for files in [polygon, legacy] {
        let imported = imported(&files);
        let (_, _, path, files) = text(&imported.package.problem.statements[0]);
        let names: Vec<_> = files.iter().filter_map(|file| file.rsplit('/').next()).collect();
        assert_eq!(names, ["plot.png"], "{path}");
    }
}

#[test]
fn a_fault_of_an_editorial_is_a_warning() {
    let kattis = || Files::fixture("kattis-2025-09/ratio");
    let cupel = || Files::fixture("cupel/a-plus-b");
    for (files, path, code, words, is_kept) in [
        (kattis().with("solution/solution.en.md", " \n"), "solution.en.md", Code::Metadata, "is empty", false),
        (kattis().with("solution/solution.en.md", b"caf\xe9\n"), "solution.en.md", Code::Metadata, "not UTF-8", true),
        (kattis().with("solution/solution.md", "x".repeat(2 << 20)), "solution.md", Code::Metadata, "1 MiB", true),
        (kattis().with("solution/solution.en.html", "<p>"), ".html", Code::ActiveContent, "editorial is HTML", true),
        (cupel().with("solution/solution.tex", "$x$"), "solution.tex", Code::ActiveContent, "is LaTeX", true),
    ] {
        let imported = imported(&files);
        let is_reported = imported
            .warnings
            .iter()
            .any(|warning| warning.code == code && warning.file.ends_with(path) && warning.to_string().contains(words));
        assert!(is_reported, "{words}: {:?}", imported.warnings);
        assert_eq!(imported.package.problem.editorials.len(), usize::from(is_kept), "{words}");
    }
}

#[test]
fn names_that_are_not_of_the_format_are_no_editorials() {
    let long = format!("solution/solution.{}.md", "x".repeat(17));
    let mut files = Files::fixture("cupel/a-plus-b");
    for name in [
        long.as_str(),
        "solution/solution.en.exe",
        "solution/solution.e n.md",
        "solution/solution.a_b.md",
        "solution/solution.<script>.md",
        "solution/solution",
        "solution/solutions.md",
        "solution/solution.en.md/solution.en.md",
        "solution/de/solution.de.md",
        "solution.md",
    ] {
        files = files.with(name, "x");
    }
    assert_eq!(editorials(&imported(&files).package.problem), []);
}
