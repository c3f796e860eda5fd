//! Sizes of files: a package is refused if a step could not get its files, because no submission could be judged.

use std::collections::BTreeSet;

use cupel_types::Bytes;

use super::Context;
use crate::finding::Code;
use cupel_problem::{
    AfterInteraction, Case, Checker, FileRef, Method, Package, PackagePath, Problem, Program, ProgramFile,
};

impl Context<'_> {
    /// Reports the files of a problem that are too large to be judged.
    pub(crate) fn check_sizes(&self, problem: &Problem) {
        // Each file is reported once, although several cases may have it.
        let mut large: BTreeSet<(&PackagePath, Bytes)> = BTreeSet::new();
        let mut programs: BTreeSet<&PackagePath> = BTreeSet::new();
        for case in problem.tests.cases() {
            let read = in_memory(problem, case).filter(|file| file.size > Package::FILE_IN_MEMORY_MAX);
            large.extend(read.map(|file| (&file.path, file.size)));
            self.check_together(&case.files, &format!("the additional files of the test `{}`", case.id));
            for program in judging_programs(case) {
                if programs.insert(&program.path) {
                    self.check_together(&program.files, &format!("the files of the program `{}`", program.path));
                }
            }
        }
        for (path, size) in large {
            let max = Package::FILE_IN_MEMORY_MAX;
            let fault = format!(
                "the file has {size}; a file that a checker, an interactor or the submission gets as a file may have {max}"
            );
            let remedy = "Make the test smaller; this maximum has no setting";
            self.findings.file(Code::LimitUnsupported, path.as_str(), fault, remedy);
        }
        for include in &problem.includes {
            self.check_together(&include.files, "the files that are added to a submission");
        }
    }

    /// Reports files that are too large together, at the largest one.
    fn check_together(&self, files: &[ProgramFile], what: &str) {
        let max = Package::FILES_TOGETHER_MAX;
        let total = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.file.size.get()));
        let Some(largest) = files.iter().max_by_key(|file| file.file.size).filter(|_| total > max.get()) else {
            return;
        };
        let total = Bytes::new(total);
        let size = largest.file.size;
        let fault = format!("{what} have {total} together, of which this file has {size}; the maximum is {max}");
        let remedy = "Use smaller files; this maximum has no setting";
        self.findings.file(Code::LimitUnsupported, largest.file.path.as_str(), fault, remedy);
    }
}

/// Returns the files of a case that the judge reads into memory.
fn in_memory<'a>(problem: &'a Problem, case: &'a Case) -> impl Iterator<Item = &'a FileRef> {
    let by_program = match &*case.method {
        Method::Check(Checker::Program(_)) | Method::Interact(_) => true,
        Method::Check(Checker::Builtin(_)) => case.unifies_newlines || problem.signature.is_some(),
    };
    let input_as_file = problem.io.input_file.is_some() && matches!(&*case.method, Method::Check(_));
    // A generator's output replaces the file.
    let (makes_input, makes_answer) = case.made.as_ref().map_or((false, false), |made| (made.input, made.answer));
    let input = Some(&case.input).filter(|_| (by_program || input_as_file) && !makes_input);
    input.into_iter().chain(case.answer.as_ref().filter(|_| by_program && !makes_answer))
}

/// Returns the programs of the package by which a case is judged.
fn judging_programs(case: &Case) -> impl Iterator<Item = &Program> {
    fn of_checker(checker: &Checker) -> Option<&Program> {
        match checker {
            Checker::Program(program) => Some(&program.program),
            Checker::Builtin(_) => None,
        }
    }
    let (first, then) = match &*case.method {
        Method::Check(checker) => (of_checker(checker), None),
        Method::Interact(interactor) => match &interactor.then {
            AfterInteraction::Check(checker) => (Some(&interactor.program.program), of_checker(checker)),
            AfterInteraction::Verdict => (Some(&interactor.program.program), None),
        },
    };
    first.into_iter().chain(then).chain(case.made.as_ref().map(|made| &made.by.program))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cupel_languages::Registry;
    use cupel_problem::{CaseGroup, Node, Tests};

    use super::super::{ImportOptions, Tree, import};
    use super::*;
    use crate::finding::Findings;

    /// Calls a function with all cases of a group.
    fn each_case(group: &mut CaseGroup, change: &impl Fn(&mut Case)) {
        for child in &mut group.children {
            match child {
                Node::Case(case) => change(case),
                Node::Group(group) => each_case(group, change),
            }
        }
    }

    /// Returns the files of a fixture, with changed cases, that are too large, with the faults.
    fn too_large(fixture: &str, change: impl Fn(&mut Case)) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages").join(fixture);
        let scratch = tempfile::tempdir().unwrap();
        let languages = Registry::load(None).unwrap();
        let options =
            ImportOptions { time_limit: Some(std::time::Duration::from_secs(1)), ..ImportOptions::new(&languages) };
        let mut problem = import(&root, &scratch.path().join("x"), &options).unwrap().package.problem;
        let mut tests = problem.tests.root().clone();
        each_case(&mut tests, &change);
        problem.tests = Tests::new(tests).unwrap();
        let (findings, tree) = (Findings::default(), Tree::new(scratch.path().to_owned(), Default::default()));
        let context = Context { tree: &tree, findings: &findings, options: &options, name: "x", is_stored: false };
        context.check_sizes(&problem);
        findings.into_list().into_iter().map(|found| format!("{}: {}", found.file, found.fault)).collect()
    }

    fn large_input(case: &mut Case) {
        if case.id.as_str().ends_with("/1") || case.id.as_str() == "01" {
            case.input.size = Bytes::new((256 << 20) + 1);
        }
    }

    #[test]
    fn a_case_that_a_program_or_a_driver_reads_has_a_maximum() {
        let standard_input_only = too_large("kattis-legacy/sums", |case| case.input.size = Bytes::mib(500));
        assert_eq!(standard_input_only, Vec::<String>::new());
        for (fixture, file) in [("kattis-legacy/higher", "data/secret/1.in"), ("cupel/two-sum", "tests/01.in")] {
            let found = too_large(fixture, large_input);
            let [found] = &found[..] else { panic!("{fixture}: {found:?}") };
            assert!(found.starts_with(&format!("{file}: the file has 268435457 bytes; ")), "{found}");
            assert!(found.ends_with("may have 256 MiB"), "{found}");
            assert_eq!(too_large(fixture, |case| case.input.size = Bytes::mib(256)), Vec::<String>::new(), "{fixture}");
        }
        let answers = too_large("domjudge/inionly", |case| case.answer.as_mut().unwrap().size = Bytes::mib(257));
        assert_eq!(answers.len(), 1, "{answers:?}");
    }

    #[test]
    fn a_file_of_several_cases_is_reported_once() {
        let found = too_large("kattis-legacy/higher", |case| {
            case.input.size = Bytes::mib(257);
            case.input.path = PackagePath::new("data/secret/1.in").unwrap();
        });
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn the_additional_files_of_a_case_have_a_maximum_together() {
        let sized =
            |mib: u64| move |case: &mut Case| case.files.iter_mut().for_each(|file| file.file.size = Bytes::mib(mib));
        assert_eq!(too_large("kattis-2025-09/ratio", sized(64)), Vec::<String>::new());
        let found = too_large("kattis-2025-09/ratio", sized(65));
        let expected = "data/secret/b.files/table.txt: the additional files of the test `secret/b` have 65 MiB together, of \
                        which this file has 65 MiB; the maximum is 64 MiB";
        assert_eq!(found, [expected]);
    }
}
