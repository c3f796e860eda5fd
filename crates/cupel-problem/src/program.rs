//! Programs that lie in a package: checkers, interactors, validators, submissions.

use cupel_types::{BoxPath, LanguageId};

use super::package::{FileRef, PackagePath};

/// A program of one or more source files, compiled and run by the judge in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The file or directory of the package it is; also its name in messages.
    pub path: PackagePath,
    /// Its files; never none. For a program of one file, that file under its own name.
    pub files: Vec<ProgramFile>,
    /// Its language, where the package names it. `None`: by the extensions of its files.
    pub language: Option<LanguageId>,
    /// What is started: a file, class or module as the language understands it, where the package names it.
    pub entry_point: Option<String>,
    /// How it comes to run.
    pub shape: ProgramShape,
}

/// One file of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramFile {
    /// Where it lies in the directory in which the program is built.
    pub name: BoxPath,
    /// What is in it.
    pub file: FileRef,
    /// Whether it carried the x bit.
    pub executable: bool,
}

/// How a program comes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramShape {
    /// Sources in one of the languages.
    Sources,
    /// `build` is executed, if there is one, and must leave or be given an executable `run`. Never for submissions.
    Scripts {
        /// Whether there is a `build`.
        build: bool,
    },
}

/// Files that are laid over a submission in certain languages, before it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// For submissions in this language; `None`: for those in languages without an include of their own.
    pub language: Option<LanguageId>,
    /// The files. A file of the submission with the same name is replaced.
    pub files: Vec<ProgramFile>,
    /// The file among them that is the program's entry, with the submission as a part of it (a grader).
    pub entry_point: Option<String>,
}
