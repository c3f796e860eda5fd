//! How the output of a case is judged: by comparison, by a program of the package, or in conversation.

use std::num::NonZeroU32;

use super::package::FileRef;
use super::program::Program;

/// How one case is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// The submission reads its input and writes its output; then the output is checked.
    Check(Checker),
    /// The submission talks with a program of the package, which has the input.
    Interact(Interactor),
}

/// What decides about an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checker {
    /// A comparison with the answer that Cupel does itself.
    Builtin(Comparison),
    /// A program of the package.
    Program(JudgeProgram),
}

/// A program of the package that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeProgram {
    /// What is built and run.
    pub program: Program,
    /// What it is called with and what its exit code means.
    pub protocol: Protocol,
    /// Arguments after those of the protocol.
    pub args: Vec<String>,
}

/// The program at the other end of the pipes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interactor {
    /// It, with its protocol.
    pub program: JudgeProgram,
    /// Who decides once the conversation is over.
    pub then: AfterInteraction,
}

/// Who decides once a conversation has ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterInteraction {
    /// The interactor's exit code.
    Verdict,
    /// What the interactor wrote to its output file goes to this checker (Polygon).
    Check(Checker),
}

/// How a judging program is called, and how it answers. The letters: `in` the input, `out` the submission's output, `ans`
/// the answer of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `in ans feedback_dir/ args…`, output on standard input; 42 accepts, 43 rejects, anything else is a fault of the
    /// package. As an interactor: standard streams go to the submission.
    Kattis,
    /// `in out ans args…`; 0 accepts, 1, 2, 4 and 8 reject, 3 is a fault of the package, 7 gives points on standard error.
    /// As an interactor: `in log ans`.
    Testlib {
        /// Whether the points it gives are a percentage of the case's points, or points.
        percent: bool,
    },
    /// DMOJ's `default`: `in out ans`; 0 accepts, 1 rejects. As an interactor: `in ans`.
    DmojDefault,
    /// DMOJ's `testlib`: as [`Protocol::Testlib`], where 7 comes with the line `points N`. As an interactor: `in /dev/null ans`.
    DmojTestlib,
    /// DMOJ's `coci`: as testlib, where 7 comes with the line `partial X/Y`. As an interactor: `in ans`.
    Coci,
    /// DMOJ's `peg`: `ans out in`; two numbers on two lines of standard output are the share of the points.
    Peg,
}

/// A comparison of an output with an answer. Names and rules: Kattis' default validator, DMOJ's checkers, testlib's standard ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Token by token: the default of Kattis, ICPC and DOMjudge.
    Tokens(TokenRules),
    /// Byte by byte.
    Exact {
        /// CR LF and CR count as LF, on both sides.
        normalize_newlines: bool,
    },
    /// Byte by byte, after blanks at the ends of lines and empty lines at the end are taken away.
    TrimmedLines,
    /// Byte by byte, after white space at the very end is taken away.
    TrimmedEnd,
    /// Tokens and lines must agree; blank lines do not count (DMOJ `standard`).
    TokensByLine,
    /// Numbers within a tolerance of 10^-`precision`, line by line; other tokens must be equal (DMOJ `floats`).
    Floats {
        /// Decimals, 0 to 30.
        precision: u8,
        /// Which difference counts.
        mode: ErrorMode,
    },
    /// Equal as multisets (DMOJ `sorted`).
    Unordered(OrderOf),
    /// Equal as multisets of characters that are not white space, ignoring case (DMOJ `easy`).
    Characters,
    /// The share of the answer's lines that agree is the share of the points (DMOJ `linecount`).
    LineCount {
        /// Whether a line must agree byte for byte and not only but for white space at its end.
        exact: bool,
    },
    /// One of testlib's standard checkers, by name.
    Standard(Standard),
}

/// What may come in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOf {
    /// Lines, each as a list of its tokens.
    Lines,
    /// All tokens.
    Tokens,
}

/// Which difference of two numbers counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorMode {
    /// The smaller of absolute and relative.
    Either,
    /// Absolute only.
    Absolute,
    /// Relative only.
    Relative,
}

/// The rules of a comparison token by token.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenRules {
    /// Whether `A` and `a` differ.
    pub case_sensitive: bool,
    /// Whether white space must be the same, byte for byte.
    pub space_sensitive: bool,
    /// Absolute tolerance for tokens of the answer that are numbers.
    pub absolute_tolerance: Option<Tolerance>,
    /// Relative tolerance for tokens of the answer that are numbers.
    pub relative_tolerance: Option<Tolerance>,
}

impl Eq for TokenRules {}

/// A tolerance: finite and not negative. Two are equal if they are the same number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Tolerance(f64);

impl Eq for Tolerance {}

/// A number that is no tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tolerance is a finite number, 0 or above")]
pub struct NotATolerance;

impl Tolerance {
    /// Wraps a number.
    ///
    /// # Errors
    /// When it is negative, infinite or not a number.
    pub fn new(value: f64) -> Result<Tolerance, NotATolerance> {
        if value.is_finite() && value >= 0.0 { Ok(Tolerance(value)) } else { Err(NotATolerance) }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

cupel_types::named! {
    /// testlib's standard checkers, as Polygon names them (`std::NAME.cpp`). Source: MikeMirzayanov/testlib, `checkers/`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Standard, name, from_name {
        /// One double, 1.5e-6 absolute or relative.
        Acmp = "acmp",
        /// 64-bit integers after `Case #i:`.
        Caseicmp = "caseicmp",
        /// Integers, a line of them after `Case #i:`.
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
        /// Lines, runs of white space being equal.
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

/// How many times a submission is run on one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Once.
    One,
    /// Again for as long as the checker leaves `nextpass.in`, at most this often.
    UpTo(NonZeroU32),
}

/// What says whether an input keeps the rules of the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputValidator {
    /// A program with the input on standard input and the case's arguments; 42 accepts.
    Kattis(Program),
    /// A testlib program with the input on standard input; 0 accepts.
    Testlib(Program),
    /// A description in DOMjudge's checktestdata language.
    Checktestdata(FileRef),
}
