#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod doc;
mod domain;
mod export;
mod finding;
mod function;
mod import;
mod rewrite;
mod unpack;

pub use domain::calibration::{Calibration, Factor, FactorError, TimeLimit};
pub use domain::case::{Case, CaseId, CasePoints, Feedback, Hints, Shown, ValidatorArgs};
pub use domain::check::{
    AfterInteraction, Checker, Comparison, ErrorMode, InputValidator, Interactor, JudgeProgram, Method, NotATolerance,
    OrderOf, Passes, Protocol, Standard, TokenRules, Tolerance,
};
pub use domain::example::{ExampleSubmission, Expectation, ExpectedVerdict, Scope};
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
pub use export::{Container, ExportError, archive, export, pack};
pub use finding::{Code, FileError, Finding, ImportError, Position, Refused};
pub use function::{
    Answer, CallError, Driver, DriverSources, Expected, FunctionCase, JsonError, RETURNED_MAX, Value, difference,
    starter_code,
};
pub use import::{ImportOptions, Imported, Maxima, PackageFormat, import, open, unpack_packed};
pub use rewrite::{RewriteError, time_limit_file, with_time_limit};
pub use unpack::UnpackLimits;
