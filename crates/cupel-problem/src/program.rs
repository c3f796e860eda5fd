//! Programs in a package: checkers, interactors, validators, generators, submissions.

use cupel_types::{BoxPath, LanguageId};

use super::package::{FileRef, PackagePath};

/// A program of one or more source files, compiled and run by the judge in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// The program's file or directory in the package; also its name in messages.
    pub path: PackagePath,
    /// The program's files, never empty. If there is only one file, it has its original name.
    pub files: Vec<ProgramFile>,
    /// The program's language, if the package names it. `None`: the file extensions determine the language.
    pub language: Option<LanguageId>,
    /// The file, class or module to start, in the form that the language defines, if the package names it.
    pub entry_point: Option<String>,
    /// Arguments for the compiler, in addition to those of the language.
    pub flags: Vec<String>,
    /// How the program is built and run.
    pub shape: ProgramShape,
}

/// One file of a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProgramFile {
    /// Path in the directory in which the program is built.
    pub name: BoxPath,
    /// The content.
    pub file: FileRef,
    /// Whether the package sets the executable bit.
    pub executable: bool,
}

/// How a program is built and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgramShape {
    /// Sources in one of the configured languages.
    Sources,
    /// Scripts. The judge executes `build`, if it exists, and then `run`, which must exist by then. Never used for
    /// submissions.
    Scripts {
        /// Whether `build` exists.
        build: bool,
    },
}

/// Files that are added to submissions in certain languages before the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// The language. `None`: all languages that have no other include.
    pub language: Option<LanguageId>,
    /// The files. They replace files of the submission with the same names.
    pub files: Vec<ProgramFile>,
    /// The entry point among the files, if the submission is only a part of the program (as with a grader).
    pub entry_point: Option<String>,
    /// How the submission becomes a part of the program, if the program's entry point is a grader that calls the
    /// submission's functions (DMOJ).
    pub grader: Option<Grader>,
}

/// How a grader in C or C++ calls a submission. The entry point is compiled in the submission's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grader {
    /// Name of the header that each source of the submission includes first.
    pub header: String,
    /// Whether the submission may define `main`. If not, its `main` is renamed.
    pub allow_main: bool,
}
