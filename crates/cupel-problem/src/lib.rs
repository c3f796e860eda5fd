//! Problems as the judge knows them: limits, tests, how answers are checked and scored, and what a package says of its
//! own submissions.
//!
//! *Architecture invariants:* test data is never held in memory: the domain names a file of the package by path, size and
//! hash ([`FileRef`]), and who wants it opens it through its [`Package`]. What a package format says is translated into
//! these types completely, or the package is refused: the judge knows no format. This crate runs nothing.
#![forbid(unsafe_code)]

mod doc;
mod domain;
mod export;
mod finding;
mod import;
mod unpack;

pub use domain::calibration::{Calibration, Factor, FactorError, TimeLimit};
pub use domain::case::{Case, CaseId, CasePoints, Feedback, Hints, Shown};
pub use domain::check::{
    AfterInteraction, Checker, Comparison, ErrorMode, InputValidator, Interactor, JudgeProgram, Method, NotATolerance,
    OrderOf, Passes, Protocol, Standard, TokenRules, Tolerance,
};
pub use domain::example::{ExampleSubmission, Expectation, ExpectedVerdict, Scope, TimeLimitRole};
pub use domain::flags::FlagError;
pub use domain::group::{
    Aggregate, CaseGroup, GroupName, GroupNameError, GroupScoring, MaxScore, Node, ScoreRange, StopRule, Tests,
    TestsError, VerdictRule,
};
pub use domain::limits::{LanguageFactors, OnOutputLimit, ProblemLimits, StepBounds, WallLimit};
pub use domain::package::{ContentHash, FileRef, Package, PackagePath, PackagePathError};
pub use domain::problem::{
    Author, Difficulty, InputTrial, Licence, Objective, OutputTrial, Problem, ProgramIo, Sample, Scoring,
    ScoringDialect, Slug, SlugError, Statement, StatementFormat, Tag, TagError, Titles, Trials, Visibility,
};
pub use domain::program::{Include, Program, ProgramFile, ProgramShape};
pub use domain::score::{Score, ScoreError};
pub use domain::signature::{
    CompareResult, Identifier, IdentifierError, Interface, MethodSignature, Parameter, Signature, Type,
};
pub use export::{Container, ExportError, export};
pub use finding::{Code, Finding, ImportError, Position, Refused};
pub use import::{ImportOptions, Imported, Maxima, PackageFormat, import, open};
pub use unpack::UnpackLimits;
