#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod calibration;
mod case;
mod check;
mod example;
mod family;
mod flags;
pub mod glob;
mod group;
mod limits;
mod package;
mod problem;
mod program;
mod score;
mod signature;

pub use calibration::{Calibration, Factor, FactorError, TimeLimit};
pub use case::{Case, CaseId, CasePoints, Feedback, Generator, Hints, Made, OwnLimits, Shown, ValidatorArgs};
pub use check::{
    AfterInteraction, Checker, Comparison, ErrorMode, InputValidator, Interactor, JudgeProgram, Method, NotATolerance,
    OrderOf, Passes, Protocol, Standard, TokenRules, Tolerance,
};
pub use example::{ExampleSubmission, Expectation, ExpectedVerdict, Scope};
pub use family::{family_members, family_of};
pub use flags::FlagError;
pub use group::{
    Aggregate, CaseGroup, GroupName, GroupNameError, GroupScoring, MaxScore, Node, ScoreRange, StopRule, Tests,
    TestsError, VerdictRule,
};
pub use limits::{LanguageFactors, OnOutputLimit, OnWaiting, ProblemLimits, StepBounds, WallLimit};
pub use package::{ContentHash, FileRef, Package, PackagePath, PackagePathError};
pub use problem::{
    Author, Difficulty, InputTrial, Licence, Objective, OutputTrial, Problem, ProgramIo, Sample, Scoring, SkippedCases,
    Slug, SlugError, Statement, StatementFormat, Tag, TagError, Titles, Trials, Visibility,
};
pub use program::{Grader, Include, Program, ProgramFile, ProgramShape};
pub use score::{Score, ScoreError};
pub use signature::{
    CompareResult, Identifier, IdentifierError, Interface, MethodSignature, Parameter, Signature, Type,
};
