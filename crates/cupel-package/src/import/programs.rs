//! Programs in a package: their files and languages.

use cupel_languages::Candidate;
use cupel_types::BoxPath;

use super::kattis::by_folder;
use super::{Child, Context};
use crate::finding::Code;
use cupel_problem::{ExampleSubmission, FileRef, PackagePath, Program, ProgramFile, ProgramShape};

/// Maximum number of submissions of a package that are read.
pub(crate) const SUBMISSIONS_MAX: usize = 1000;
/// Maximum number of programs in one directory, and of the files beside them. Each program has a list of these files.
const PROGRAMS_MAX: usize = 200;
const BESIDE_MAX: usize = 1_000;
/// Maximum number of files of a program in a directory. Several keys of a package may name the same directory.
const FILES_MAX: usize = 2_000;

impl Context<'_> {
    /// Returns a file of the package as a file of a program, with a given name.
    pub(crate) fn program_file(&self, name: &str, path: &str) -> Option<ProgramFile> {
        let file = self.tree.file(path)?;
        let executable = self.tree.stored(&file.path).is_some_and(|stored| stored.executable);
        let name = BoxPath::new(name).ok()?;
        Some(ProgramFile { name, file, executable })
    }

    /// Returns the files below a directory, with names relative to it.
    pub(crate) fn files_in(&self, directory: &str) -> Vec<ProgramFile> {
        let below = self.tree.below(directory);
        below.filter_map(|(path, _)| self.program_file(path.below(directory)?, path.as_str())).collect()
    }

    /// Returns the program at a path: a file, or all files of a directory. `None` if neither exists.
    pub(crate) fn program(&self, path: &str) -> Option<Program> {
        let at = PackagePath::new(path).ok()?;
        let (files, shape) = match self.program_file(at.name(), path) {
            Some(file) => (vec![file], ProgramShape::Sources),
            None => {
                let files = self.files_in(path);
                if files.len() > FILES_MAX {
                    let fault = format!("the program has {} files; the maximum is {FILES_MAX}", files.len());
                    self.findings.file(Code::Program, path, fault, "Remove those that it does not need");
                    return None;
                }
                let has = |name: &str| files.iter().any(|file| file.name.as_str() == name);
                let scripts = has("build") || has("run");
                let shape = if scripts { ProgramShape::Scripts { build: has("build") } } else { ProgramShape::Sources };
                (self.main_first(files), shape)
            }
        };
        (!files.is_empty()).then_some(Program {
            path: at,
            files,
            language: None,
            entry_point: None,
            flags: Vec::new(),
            shape,
        })
    }

    /// Puts the main file first.
    fn main_first(&self, mut files: Vec<ProgramFile>) -> Vec<ProgramFile> {
        let candidates = files.iter().map(|file| Candidate {
            path: file.name.as_str(),
            executable: file.executable,
            is_script: self.tree.begins_with(&file.file.path, b"#!"),
        });
        let candidates: Vec<Candidate<'_>> = candidates.collect();
        if let Some(at) = self.options.languages.main_file(&candidates) {
            files[..=at].rotate_right(1);
        }
        files
    }

    /// Returns all programs in a directory: each source and each subdirectory is one. Other files (headers) are added
    /// to every source in the directory. A directory that contains `build` or `run` is a single program.
    pub(crate) fn programs_in(&self, directory: &str) -> Vec<Program> {
        let children = self.tree.children(directory);
        if children.contains_key("build") || children.contains_key("run") {
            return self.program(directory).into_iter().collect();
        }
        let mut programs = Vec::new();
        let mut beside = Vec::new();
        for (name, child) in children.iter().filter(|(name, _)| is_program_name(name)) {
            match child {
                Child::Directory => programs.extend(self.program(&format!("{directory}/{name}"))),
                Child::File if self.is_source(name) => programs.extend(self.program(&format!("{directory}/{name}"))),
                Child::File => beside.extend(self.program_file(name, &format!("{directory}/{name}"))),
            }
        }
        if programs.len() > PROGRAMS_MAX || beside.len() > BESIDE_MAX {
            let (count, files) = (programs.len(), beside.len());
            let maxima = format!("the maxima are {PROGRAMS_MAX} and {BESIDE_MAX}");
            let fault = format!("the directory has {count} programs and {files} other files; {maxima}");
            self.findings.file(Code::Program, directory, fault, "Remove those that judging does not need");
            return Vec::new();
        }
        for program in &mut programs {
            if self.tree.has(program.path.as_str()) {
                program.files.extend(beside.iter().cloned());
            }
        }
        programs
    }

    /// Reports the files in a directory of validators that look like validators, but are in no known language. Headers,
    /// texts and data that belong to the validators are not reported.
    pub(crate) fn report_unknown_validators(&self, directory: &str) {
        let children = self.tree.children(directory);
        if children.contains_key("build") || children.contains_key("run") {
            return;
        }
        for (name, child) in &children {
            let is_known = self.is_source(name) || is_companion(name) || self.is_header(name);
            if *child == Child::File && !name.starts_with('.') && (!is_known || !is_program_name(name)) {
                let fault = "the file is not run as a validator, because its name has no extension of a known language";
                let remedy = "Rename it, or translate it into a language that `cupel languages` lists";
                self.findings.file(Code::UnusedFile, &format!("{directory}/{name}"), fault, remedy);
            }
        }
    }

    fn is_header(&self, name: &str) -> bool {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|extension| self.options.languages.by_header(extension).is_some())
    }

    /// Whether a file name has the extension of a configured language, which may be disabled.
    pub(crate) fn is_source(&self, name: &str) -> bool {
        let languages = self.options.languages;
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        let has =
            |extension| languages.by_extension(extension).or(languages.disabled_by_extension(extension)).is_some();
        extension.is_some_and(has)
    }

    /// Whether a program has a source in a configured language, or a script.
    pub(crate) fn can_be_built(&self, program: &Program) -> bool {
        let has_source = || program.files.iter().any(|file| self.is_source(file.name.as_str()));
        program.language.is_some() || program.shape != ProgramShape::Sources || has_source()
    }

    /// Reports programs that cannot be built, because they have neither a source nor a script.
    pub(crate) fn check_program(&self, program: &Program) {
        if !self.can_be_built(program) {
            let fault = "the program has no file in a configured language";
            let remedy = "Add its source, or remove it; `cupel languages` lists the configured languages";
            self.findings.file(Code::Program, program.path.as_str(), fault, remedy);
        }
    }

    /// Returns the submissions below `submissions/`, each with the expectation of its folder.
    pub(crate) fn submissions_by_folder(&self, scoring: bool) -> Vec<ExampleSubmission> {
        let mut found = Vec::new();
        for (folder, child) in self.tree.children("submissions") {
            let path = format!("submissions/{folder}");
            if self.is_disabled(&path) {
                continue;
            }
            let expectation = by_folder(&folder, scoring);
            if child == Child::File || expectation.is_none() {
                let remedy = "The folders are accepted, wrong_answer, time_limit_exceeded, run_time_error, memory_limit_exceeded, \
                              output_limit, compile_error, partially_accepted and rejected";
                self.findings.file(Code::UnusedFile, &path, "the folder does not determine an expected result", remedy);
            }
            for name in self.tree.children(&path).into_keys() {
                let Some(program) = self.submission_at(&format!("{path}/{name}")) else { continue };
                let expectations = expectation.clone().into_iter().collect();
                found.push(ExampleSubmission { program, beside: Vec::new(), expectations });
            }
        }
        self.keep_some_submissions(&mut found);
        found
    }

    /// Returns the submission at a path. `None` if there is none, if its name disables it, or if its language is not
    /// configured. An omitted submission is only a warning, because judging does not need it.
    pub(crate) fn submission_at(&self, path: &str) -> Option<Program> {
        if self.is_disabled(path) {
            return None;
        }
        let mut program = self.program(path)?;
        // Submissions are always sources, never build scripts.
        program.shape = ProgramShape::Sources;
        let languages = self.options.languages;
        if languages.of_files(program.files.iter().map(|file| &file.name)).is_err()
            && !program.files.iter().any(|file| self.is_source(file.name.as_str()))
        {
            let remedy = "It is left out; remove it, or configure its language";
            self.findings.file(Code::LeftOut, path, "the submission is not in a configured language", remedy);
            return None;
        }
        Some(program)
    }

    /// Removes the submissions beyond the maximum number, with a warning.
    pub(crate) fn keep_some_submissions(&self, found: &mut Vec<ExampleSubmission>) {
        if found.len() > SUBMISSIONS_MAX {
            let fault = format!("there are {} submissions, more than {SUBMISSIONS_MAX}", found.len());
            let remedy = format!("The first {SUBMISSIONS_MAX} are read; keep only those that verification needs");
            self.findings.file(Code::LeftOut, "submissions", fault, remedy);
            found.truncate(SUBMISSIONS_MAX);
        }
    }

    /// Whether the name of a submission or folder ends in `.disabled`, because BAPCtools excludes such submissions. If
    /// so, reports a warning.
    pub(crate) fn is_disabled(&self, path: &str) -> bool {
        let disabled = path.ends_with(".disabled");
        if disabled {
            let remedy = "It is left out; remove the ending to include it";
            self.findings.file(Code::LeftOut, path, "this is disabled by its name", remedy);
        }
        disabled
    }

    /// Returns references to all files below a directory.
    pub(crate) fn refs_in(&self, directory: &str) -> Vec<FileRef> {
        self.tree.below(directory).filter_map(|(path, _)| self.tree.file(path.as_str())).collect()
    }
}

/// Whether a file in a directory of validators need not be in a known language: documentation, data, or a grammar in
/// the checktestdata language.
fn is_companion(name: &str) -> bool {
    const EXTENSIONS: &[&str] = &["ctd", "md", "txt", "json", "yaml", "yml", "toml", "csv", "dat"];
    match name.rsplit_once('.') {
        Some((_, extension)) => EXTENSIONS.contains(&extension),
        None => matches!(name, "README" | "LICENSE" | "Makefile"),
    }
}

/// Whether a file or directory of this name can be a program. The Kattis format ignores all other names.
fn is_program_name(name: &str) -> bool {
    !name.starts_with(['.', '-']) && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-+".contains(&c))
}
