//! Built-in comparisons by name and flags, and their rules for words, space and numbers.
//!
//! Sources: Kattis problem package format, default output validator and its flags; DMOJ documentation, "Checkers";
//! testlib, `checkers/`. Some of testlib's standard checkers also validate the answer of the package; the comparisons
//! here do not.

use std::io::BufRead;

use cupel_problem::{Comparison, ErrorMode, FlagError, OrderOf, Standard, TokenRules, Tolerance};

use super::Comparer;
use super::bag::{Bags, Unit};
use super::lines::Lines;
use super::number::Tolerance as Within;
use super::stream::{Rules, Spaces, Stream};

/// A comparison, and whether it distinguishes presentation errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// The comparison.
    pub comparison: Comparison,
    /// Whether an output that is wrong only in its white space is a presentation error instead of a wrong answer.
    pub reports_presentation: bool,
}

/// The reason why a name and its flags do not specify a comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltInError {
    /// Unknown name.
    #[error("unknown comparison `{0}`; use one of {names}", names = NAMES.join(", "))]
    Name(String),
    /// Unknown flag.
    #[error("`{name}` has no flag `{flag}`; {}", has(name))]
    Flag {
        /// The comparison.
        name: String,
        /// The flag.
        flag: String,
    },
    /// The number of a flag is missing or outside its range.
    #[error("`{0}` needs a number from 0 to 30")]
    Number(String),
    /// Invalid tolerances.
    #[error(transparent)]
    Tolerance(FlagError),
}

/// Names of all comparisons. The last one stands for testlib's standard checkers.
const NAMES: [&str; 12] = [
    "default",
    "exact",
    "trimmed",
    "trimmed-end",
    "lines",
    "floats",
    "numbers",
    "sorted-lines",
    "sorted-words",
    "characters",
    "line-count",
    "std::NAME.cpp",
];

/// Lists the flags of a comparison, for a message.
fn has(name: &str) -> String {
    let flags: &[&str] = match name {
        "default" | "numbers" => &[
            "case_sensitive",
            "space_change_sensitive",
            "float_tolerance E",
            "float_absolute_tolerance E",
            "float_relative_tolerance E",
        ],
        "exact" => &["presentation_error", "normalize_newlines"],
        "trimmed" | "trimmed-end" | "lines" => &["presentation_error"],
        "floats" => &["precision N", "absolute", "relative"],
        "line-count" => &["exact"],
        _ => return "it has no flags".to_owned(),
    };
    format!("its flags are {}", flags.iter().map(|flag| format!("`{flag}`")).collect::<Vec<_>>().join(", "))
}

/// Default tolerance of `numbers`.
const NEAR: f64 = 1e-6;

impl BuiltIn {
    /// Parses a name and its flags.
    ///
    /// # Errors
    /// If the name or a flag is invalid.
    pub fn parse(name: &str, flags: &[String]) -> Result<BuiltIn, BuiltInError> {
        let mut reports_presentation = false;
        let unknown = |flag: &str| BuiltInError::Flag { name: name.to_owned(), flag: flag.to_owned() };
        let plain = |comparison| match flags.first() {
            None => Ok(comparison),
            Some(flag) => Err(unknown(flag)),
        };
        let comparison = match name {
            "default" | "numbers" => {
                let mut rules = TokenRules::from_flags(flags).map_err(|error| match error {
                    FlagError::Unknown(flag) => unknown(&flag),
                    other => BuiltInError::Tolerance(other),
                })?;
                if name == "numbers" && rules.absolute_tolerance.is_none() && rules.relative_tolerance.is_none() {
                    rules.absolute_tolerance = Tolerance::new(NEAR).ok();
                    rules.relative_tolerance = Tolerance::new(NEAR).ok();
                }
                Comparison::Tokens(rules)
            }
            "exact" | "trimmed" | "trimmed-end" | "lines" => {
                let mut normalize_newlines = false;
                for flag in flags {
                    match (flag.as_str(), name) {
                        ("presentation_error", _) => reports_presentation = true,
                        ("normalize_newlines", "exact") => normalize_newlines = true,
                        _ => return Err(unknown(flag)),
                    }
                }
                match name {
                    "exact" => Comparison::Exact { normalize_newlines },
                    "trimmed" => Comparison::TrimmedLines,
                    "trimmed-end" => Comparison::TrimmedEnd,
                    _ => Comparison::TokensByLine,
                }
            }
            "floats" => {
                let (mut precision, mut mode) = (6, ErrorMode::Either);
                let mut rest = flags.iter();
                while let Some(flag) = rest.next() {
                    match flag.as_str() {
                        "absolute" => mode = ErrorMode::Absolute,
                        "relative" => mode = ErrorMode::Relative,
                        "precision" => {
                            let number = rest.next().and_then(|n| n.parse().ok()).filter(|n| *n <= 30);
                            precision = number.ok_or_else(|| BuiltInError::Number(flag.clone()))?;
                        }
                        _ => return Err(unknown(flag)),
                    }
                }
                Comparison::Floats { precision, mode }
            }
            "sorted-lines" => plain(Comparison::Unordered(OrderOf::Lines))?,
            "sorted-words" => plain(Comparison::Unordered(OrderOf::Tokens))?,
            "characters" => plain(Comparison::Characters)?,
            "line-count" => match flags {
                [] => Comparison::LineCount { exact: false },
                [exact] if exact == "exact" => Comparison::LineCount { exact: true },
                [exact, flag, ..] if exact == "exact" => return Err(unknown(flag)),
                [flag, ..] => return Err(unknown(flag)),
            },
            other => {
                let short = other.strip_prefix("std::").unwrap_or(other);
                let short = short.strip_suffix(".cpp").unwrap_or(short);
                let standard = Standard::from_name(short).ok_or_else(|| BuiltInError::Name(other.to_owned()))?;
                plain(Comparison::Standard(standard))?
            }
        };
        Ok(BuiltIn { comparison, reports_presentation })
    }

    /// Begins a comparison with an answer.
    pub fn compare<A: BufRead>(&self, answer: A) -> Comparer<A> {
        let rules = match &self.comparison {
            Comparison::Unordered(OrderOf::Lines) => return Comparer::bags(Bags::new(Unit::Lines, answer)),
            Comparison::Unordered(OrderOf::Tokens) | Comparison::Standard(Standard::Uncmp) => {
                return Comparer::bags(Bags::new(Unit::Words, answer));
            }
            Comparison::Characters => return Comparer::bags(Bags::new(Unit::Characters, answer)),
            Comparison::LineCount { exact } => return Comparer::lines(Lines::new(*exact, answer)),
            Comparison::Tokens(rules) => Rules {
                folds_case: !rules.case_sensitive,
                tolerance: within(rules),
                spaces: if rules.space_sensitive { Spaces::Bytes { normalized: false } } else { Spaces::Ignored },
                reports_presentation: false,
            },
            Comparison::Exact { normalize_newlines } => of(Spaces::Bytes { normalized: *normalize_newlines }),
            Comparison::TrimmedLines => of(Spaces::Trimmed),
            Comparison::TrimmedEnd => of(Spaces::BytesButEnd { normalized: false }),
            Comparison::TokensByLine => of(Spaces::Lines),
            Comparison::Floats { precision, mode } => {
                let near = 10_f64.powi(-i32::from(*precision));
                let absolute = if *mode == ErrorMode::Relative { 0.0 } else { near };
                let relative = if *mode == ErrorMode::Absolute { 0.0 } else { near };
                Rules { tolerance: Some(Within { absolute, relative }), ..of(Spaces::Lines) }
            }
            Comparison::Standard(standard) => {
                // testlib's slack for the rounding of the difference. Source: testlib.h, `doubleCompare`; rcmp.cpp.
                let slack = |tolerance: f64| if tolerance > 0.0 { tolerance + 1e-15 } else { 0.0 };
                let near = |absolute, relative| Rules {
                    tolerance: Some(Within { absolute: slack(absolute), relative: slack(relative) }),
                    ..of(Spaces::Ignored)
                };
                match standard {
                    Standard::Acmp => near(1.5e-6, 1.5e-6),
                    Standard::Dcmp | Standard::Rcmp6 => near(1e-6, 1e-6),
                    Standard::Rcmp => near(1.5e-6, 0.0),
                    Standard::Rcmp4 => near(1e-4, 1e-4),
                    Standard::Rcmp9 => near(1e-9, 1e-9),
                    Standard::Rncmp => near(1.5e-5, 0.0),
                    Standard::Fcmp => of(Spaces::BytesButEnd { normalized: true }),
                    Standard::Lcmp => of(Spaces::LineCount),
                    Standard::Nyesno | Standard::Yesno => Rules { folds_case: true, ..of(Spaces::Ignored) },
                    Standard::Caseicmp
                    | Standard::Casencmp
                    | Standard::Casewcmp
                    | Standard::Hcmp
                    | Standard::Icmp
                    | Standard::Ncmp
                    | Standard::Uncmp
                    | Standard::Wcmp => of(Spaces::Ignored),
                }
            }
        };
        Comparer::stream(Stream::new(Rules { reports_presentation: self.reports_presentation, ..rules }, answer))
    }
}

impl From<Comparison> for BuiltIn {
    fn from(comparison: Comparison) -> BuiltIn {
        BuiltIn { comparison, reports_presentation: false }
    }
}

/// Returns rules that require exact words, without a tolerance.
fn of(spaces: Spaces) -> Rules {
    Rules { folds_case: false, tolerance: None, spaces, reports_presentation: false }
}

fn within(rules: &TokenRules) -> Option<Within> {
    let of = |tolerance: Option<Tolerance>| tolerance.map_or(0.0, Tolerance::get);
    let (absolute, relative) = (rules.absolute_tolerance, rules.relative_tolerance);
    (absolute.is_some() || relative.is_some()).then(|| Within { absolute: of(absolute), relative: of(relative) })
}
