//! Methods of judging the output of a case: by a built-in comparison, by a program of the package, or interactively.

use std::num::NonZeroU32;

use super::package::FileRef;
use super::program::Program;

/// The method of judging a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// The submission reads its input and writes its output. Then the output is checked.
    Check(Checker),
    /// The submission communicates with a program of the package, which reads the input.
    Interact(Interactor),
}

/// The comparison or program that decides whether an output is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checker {
    /// A built-in comparison with the answer.
    Builtin(Comparison),
    /// A program of the package.
    Program(JudgeProgram),
}

/// A program of the package that judges an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeProgram {
    /// The program that is built and run.
    pub program: Program,
    /// The protocol: its arguments, and the meaning of its exit codes.
    pub protocol: Protocol,
    /// Arguments that follow those of the protocol.
    pub args: Vec<String>,
    /// The command-line arguments, with the placeholders `{input_file}`, `{output_file}` and `{answer_file}`. `None`:
    /// those of the protocol.
    pub words: Option<Vec<String>>,
}

/// The program at the other end of the submission's standard streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interactor {
    /// The program and its protocol.
    pub program: JudgeProgram,
    /// What decides the verdict after the conversation.
    pub then: AfterInteraction,
}

/// What decides the verdict after a conversation that ended normally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterInteraction {
    /// The interactor's exit code.
    Verdict,
    /// This checker, which judges the interactor's output file.
    Check(Checker),
}

/// The arguments of a checker or interactor, and how it reports its result. `in` is the input, `out` the submission's
/// output, `ans` the package's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `in ans feedback_dir/ args…`, with the output on standard input. 42 accepts, 43 rejects; any other code is a
    /// fault of the package. The standard streams of an interactor are connected to the submission.
    FeedbackDirectory,
    /// `in out ans args…`. 0 accepts; 1, 2, 4 and 8 reject; 3 is a fault of the package; 7 awards points, which the
    /// program writes to standard error. As an interactor: `in log ans`.
    Testlib {
        /// Whether the points are a percentage of the case's points, not absolute points.
        percent: bool,
    },
    /// `in out ans`. 0 accepts, 1 rejects. As an interactor: `in ans`.
    ExitCode,
    /// Like [`Protocol::Testlib`], but with code 7 the program writes the line `points N`. As an
    /// interactor: `in /dev/null ans`.
    PointsLine,
    /// A checker or grader in Python, run by Cupel's module for it: `in out ans args…`. 42 accepts, 43 rejects, 3 is a
    /// fault of the package; 47 accepts and 48 rejects with the points in a file or, if the module is an older one, in
    /// the last line `points N` of standard error. If the checker's own code ends the process, the exit code is a
    /// different one, which is a fault. As an interactor: `in /dev/null ans args…`.
    PythonModule {
        /// Whether the module is that of an older version, which a stored package may contain. Its codes are 0, 1, 3, 7
        /// and 8.
        is_old: bool,
    },
    /// Like [`Protocol::Testlib`], but with code 7 the program writes the line `partial X/Y`. As an interactor:
    /// `in ans`.
    ShareLine,
    /// `ans out in`. Two numbers on two lines of standard output are the numerator and denominator of the
    /// share of the points.
    ShareOnStdout,
}

/// A comparison of an output with an answer. Names and rules are those of Kattis' default validator, DMOJ's checkers
/// and testlib's standard checkers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Token by token: the default of Kattis, ICPC and DOMjudge.
    Tokens(TokenRules),
    /// Byte by byte.
    Exact {
        /// Whether CR LF and CR count as LF, on both sides.
        normalize_newlines: bool,
    },
    /// Byte by byte, ignoring spaces and tabs at the ends of lines and empty lines at the end of the output.
    TrimmedLines,
    /// Byte by byte, ignoring white space at the end of the output.
    TrimmedEnd,
    /// Line by line, with equal tokens in each line. Blank lines are ignored (DMOJ `standard`).
    TokensByLine,
    /// Line by line. Numbers may differ by 10^-`precision`, other tokens must be equal (DMOJ `floats`).
    Floats {
        /// Number of decimals, 0 to 30.
        precision: u8,
        /// The error that is compared with the tolerance.
        mode: ErrorMode,
    },
    /// Equal as multisets (DMOJ `sorted`).
    Unordered(OrderOf),
    /// Equal as multisets of characters that are not white space, ignoring case (DMOJ `easy`).
    Characters,
    /// The share of the points equals the share of the answer's lines that match (DMOJ `linecount`).
    LineCount {
        /// Whether lines must match byte for byte. If not, white space at the end of a line is ignored.
        exact: bool,
    },
    /// One of testlib's standard checkers, by name.
    Standard(Standard),
}

/// The elements whose order is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOf {
    /// Lines, each as a list of its tokens.
    Lines,
    /// All tokens.
    Tokens,
}

/// The error of a number that is compared with the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorMode {
    /// The smaller of the absolute and the relative error.
    Either,
    /// The absolute error.
    Absolute,
    /// The relative error.
    Relative,
}

/// Rules of the token comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenRules {
    /// Whether `A` and `a` differ.
    pub case_sensitive: bool,
    /// Whether white space must be equal, byte for byte.
    pub space_sensitive: bool,
    /// Absolute tolerance for tokens of the answer that are numbers.
    pub absolute_tolerance: Option<Tolerance>,
    /// Relative tolerance for tokens of the answer that are numbers.
    pub relative_tolerance: Option<Tolerance>,
}

impl Eq for TokenRules {}

/// A tolerance: finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Tolerance(f64);

impl Eq for Tolerance {}

/// Error for a number that is not a valid tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tolerance is a finite number, 0 or above")]
pub struct NotATolerance;

impl Tolerance {
    /// Wraps a number.
    ///
    /// # Errors
    /// If the number is negative, infinite or not a number.
    pub fn new(value: f64) -> Result<Tolerance, NotATolerance> {
        if value.is_finite() && value >= 0.0 { Ok(Tolerance(value)) } else { Err(NotATolerance) }
    }

    /// Returns the number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

cupel_types::named! {
    /// testlib's standard checkers, by their names in Polygon (`std::NAME.cpp`). Source: MikeMirzayanov/testlib,
    /// `checkers/`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Standard, name, from_name {
        /// One double, 1.5e-6 absolute or relative.
        Acmp = "acmp",
        /// 64-bit integers after `Case #i:`.
        Caseicmp = "caseicmp",
        /// A line of integers after `Case #i:`.
        Casencmp = "casencmp",
        /// Tokens after `Case #i:`.
        Casewcmp = "casewcmp",
        /// One double, 1e-6 absolute or relative.
        Dcmp = "dcmp",
        /// Lines, byte by byte.
        Fcmp = "fcmp",
        /// Two huge integers.
        Hcmp = "hcmp",
        /// One 32-bit integer.
        Icmp = "icmp",
        /// Lines; all runs of white space are equal.
        Lcmp = "lcmp",
        /// A sequence of 64-bit integers.
        Ncmp = "ncmp",
        /// A sequence of `YES` and `NO`, ignoring case.
        Nyesno = "nyesno",
        /// One double, 1.5e-6 absolute.
        Rcmp = "rcmp",
        /// A sequence of doubles, 1e-4.
        Rcmp4 = "rcmp4",
        /// A sequence of doubles, 1e-6.
        Rcmp6 = "rcmp6",
        /// A sequence of doubles, 1e-9.
        Rcmp9 = "rcmp9",
        /// A sequence of doubles, 1.5e-5 absolute.
        Rncmp = "rncmp",
        /// An unordered sequence of 64-bit integers.
        Uncmp = "uncmp",
        /// A sequence of tokens.
        Wcmp = "wcmp",
        /// One `YES` or `NO`, ignoring case.
        Yesno = "yesno",
    }
}

/// Number of runs of a submission on one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// One run.
    One,
    /// A further run each time the checker writes `nextpass.in`, up to this total number of runs.
    UpTo(NonZeroU32),
}

/// Checks that an input follows the rules of the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputValidator {
    /// A program that gets the input on standard input and the case's arguments. 42 accepts, 43 rejects.
    ExitCode42(Program),
    /// A program that gets the input on standard input. 0 accepts.
    ExitCode0(Program),
    /// A description in DOMjudge's checktestdata language.
    Checktestdata(FileRef),
}
