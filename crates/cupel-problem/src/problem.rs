//! A problem: statement, limits, tests, authors, visibility.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::case::{Case, Shown, ValidatorArgs};
use super::check::{InputValidator, Method, Passes};
use super::example::ExampleSubmission;
use super::group::Tests;
use super::limits::ProblemLimits;
use super::package::FileRef;
use super::program::Include;
use super::signature::Signature;

/// A problem as its package describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The identifier in URLs.
    pub slug: Slug,
    /// The titles that users see.
    pub titles: Titles,
    /// The statements, one for each language. May be empty in a draft.
    pub statements: Vec<Statement>,
    /// The editorials, which explain the solution, one for each language. Secret during contests.
    pub editorials: Vec<Statement>,
    /// The difficulty, if the package specifies one.
    pub difficulty: Option<Difficulty>,
    /// The topics. Sorted, without duplicates.
    pub tags: Vec<Tag>,
    /// The authors.
    pub authors: Vec<Author>,
    /// The first use of the problem, such as a contest.
    pub source: Option<String>,
    /// The licence terms.
    pub licence: Licence,
    /// The visibility. An imported package is a draft until it has been verified.
    pub visibility: Visibility,
    /// Resource limits of submissions and of the package's programs.
    pub limits: ProblemLimits,
    /// Whether the problem gives points, and the rules for them.
    pub scoring: Scoring,
    /// Whether a submission in Java whose class is in a package is a compile error.
    pub forbids_packages: bool,
    /// Number of runs of a submission on one case.
    pub passes: Passes,
    /// Files that a submission may use instead of the standard streams.
    pub io: ProgramIo,
    /// The groups and cases.
    pub tests: Tests,
    /// The input validators.
    pub validators: Vec<InputValidator>,
    /// Data with which the package's validators and checkers are tested.
    pub trials: Trials,
    /// Submissions with their expected results.
    pub submissions: Vec<ExampleSubmission>,
    /// Sources of programs that generated the tests, stored for users who modify the problem. Cupel does not run these
    /// programs; those of `Case::made` are not among them.
    pub generators: Vec<FileRef>,
    /// Files added to submissions.
    pub includes: Vec<Include>,
    /// Conversations that the statement shows and that do not belong to a case.
    pub conversations: Vec<FileRef>,
    /// Files for contestants.
    pub attachments: Vec<FileRef>,
    /// The definitions that a submission must contain, for function problems.
    pub signature: Option<Signature>,
}

impl Problem {
    /// Returns the cases that the statement shows, in order.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.tests.cases().filter_map(|case| case.shown.as_ref().map(|shown| Sample { case, shown }))
    }

    /// Whether submissions communicate with a program of the package.
    pub fn is_interactive(&self) -> bool {
        self.tests.cases().any(|case| matches!(*case.method, Method::Interact(_)))
    }
}

/// A case that the statement shows.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The case.
    pub case: &'a Case,
    /// The parts of the case that the statement shows.
    pub shown: &'a Shown,
}

/// A problem's identifier in URLs: 1 to 64 characters from `a-z`, `0-9` and `-`, neither beginning nor ending with `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Arc<str>);

/// Error for a text that is not a valid [`Slug`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slug has 1 to 64 characters from a-z 0-9 - and neither begins nor ends with `-`")]
pub struct SlugError;

impl Slug {
    /// Derives a slug from any text: ASCII letters become lower case, digits stay, and each run of other characters
    /// becomes one `-`. The slug is cut after 64 characters. `None` if nothing remains.
    pub fn from_text(text: &str) -> Option<Slug> {
        let mut slug = String::new();
        for c in text.chars().map(|c| c.to_ascii_lowercase()) {
            if slug.len() >= 64 {
                break;
            }
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.trim_end_matches('-').parse().ok()
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Slug, SlugError> {
        let plain = text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        if plain && (1..=64).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Slug(text.into()))
        } else {
            Err(SlugError)
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A problem's titles by language tag (`en`, `pt-BR`). There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Titles {
    main: (String, String),
    others: BTreeMap<String, String>,
}

impl Titles {
    /// Creates the titles from one title and the titles in other languages. A control character becomes a space,
    /// because a title is one line of text.
    pub fn new(language: String, title: String, others: BTreeMap<String, String>) -> Titles {
        let mut others: BTreeMap<String, String> =
            others.into_iter().map(|(language, title)| (language, one_line(&title))).collect();
        others.remove(&language);
        Titles { main: (language, one_line(&title)), others }
    }

    /// Returns the title for readers who request no language: the English one if it exists, otherwise the package's
    /// first.
    pub fn main(&self) -> &str {
        self.get("en").unwrap_or(&self.main.1)
    }

    /// Returns the title in one language.
    pub fn get(&self, language: &str) -> Option<&str> {
        if self.main.0 == language { Some(&self.main.1) } else { self.others.get(language).map(String::as_str) }
    }

    /// Returns all titles, each with its language.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::once((self.main.0.as_str(), self.main.1.as_str()))
            .chain(self.others.iter().map(|(language, title)| (language.as_str(), title.as_str())))
    }
}

/// If a text contains control characters, replaces them by spaces and joins the words with single spaces. A text
/// without words becomes the replacement character.
fn one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let spaced = text.replace(char::is_control, " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    if words.is_empty() { char::REPLACEMENT_CHARACTER.to_string() } else { words.join(" ") }
}

/// The statement of a problem in one language, or its editorial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Language tag.
    pub language: String,
    /// Format of the text. Only Markdown and plain text are safe to display unchanged.
    pub format: StatementFormat,
    /// The text.
    pub file: FileRef,
    /// Images that the text refers to.
    pub assets: Vec<FileRef>,
}

cupel_types::named! {
    /// Format of a statement or an editorial.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum StatementFormat, as_str, from_name {
        /// CommonMark with mathematics.
        Markdown = "markdown",
        /// LaTeX. Displayed as source unless it can be converted.
        Latex = "latex",
        /// HTML by the author, which is untrusted.
        Html = "html",
        /// A PDF file.
        Pdf = "pdf",
        /// Plain text.
        Text = "text",
    }
}

cupel_types::named! {
    /// The difficulty of a problem.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Difficulty, as_str, from_name {
        /// For beginners.
        Easy = "easy",
        /// For contestants with some experience.
        Medium = "medium",
        /// For experienced contestants.
        Hard = "hard",
    }
}

cupel_types::named! {
    /// The users who may see a problem.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Visibility, as_str, from_name {
        /// The problem's authors. The problem is not verified yet.
        Draft = "draft",
        /// The problem's authors, and the users whom the authors name.
        Private = "private",
        /// All users.
        Public = "public",
    }
}

/// A topic of a problem: 1 to 40 characters in lower case, without commas, control characters, or white space at its
/// ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// Error for a text that is not a valid [`Tag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag is 1 to 40 characters without commas, control characters or spaces at its ends")]
pub struct TagError;

impl Tag {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    /// Converts upper case to lower case.
    fn from_str(text: &str) -> Result<Tag, TagError> {
        let text = text.to_lowercase();
        let bad = |c: char| c.is_control() || c == ',';
        let length = text.chars().count();
        if !(1..=40).contains(&length) || text.chars().any(bad) || text.trim() != text {
            return Err(TagError);
        }
        Ok(Tag(text.into()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An author of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// E-mail address, if the package has one.
    pub email: Option<String>,
}

/// The licence of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// The licence's name in the package: one of Kattis' keywords (`cc by-sa`, `public domain`) or an SPDX expression.
    /// `None` if unknown.
    pub name: Option<String>,
    /// The owner of the rights.
    pub rights_owner: Option<String>,
}

/// Whether a problem gives points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// No points: a submission is accepted or rejected.
    PassFail,
    /// Points.
    Points {
        /// Which score is better.
        objective: Objective,
        /// What skipped cases count for.
        skipped: SkippedCases,
    },
}

/// What a case that was skipped after a rejected case of its group counts for in the group's score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkippedCases {
    /// Nothing.
    Ignored,
    /// Zero points, even if the rejected case has points.
    Zero,
}

cupel_types::named! {
    /// Whether a higher or a lower score is better.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Objective, as_str, from_name {
        /// The higher score is better.
        Max = "max",
        /// The lower score is better.
        Min = "min",
    }
}

/// Files that a submission may use instead of the standard streams (Polygon).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramIo {
    /// A file that contains a copy of the input.
    pub input_file: Option<cupel_types::BoxPath>,
    /// A file whose content is the output, if the submission creates the file.
    pub output_file: Option<cupel_types::BoxPath>,
}

/// Data with which the package's programs are tested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// Inputs that an input validator must reject.
    pub invalid_inputs: Vec<InputTrial>,
    /// Outputs that the checker must reject.
    pub invalid_outputs: Vec<OutputTrial>,
    /// Outputs that the checker must accept.
    pub valid_outputs: Vec<OutputTrial>,
}

/// An input that a validator must reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputTrial {
    /// The name, for reports.
    pub name: String,
    /// The input.
    pub input: FileRef,
    /// Arguments for the validators.
    pub validator_args: ValidatorArgs,
}

/// An output with a known verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTrial {
    /// The name, for reports.
    pub name: String,
    /// The input.
    pub input: FileRef,
    /// The answer.
    pub answer: FileRef,
    /// The output to judge.
    pub output: FileRef,
    /// The method by which the output is judged.
    pub method: Arc<Method>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_have_only_lower_case_letters_digits_and_hyphens() {
        for good in ["a", "two-sum", "0", &"x".repeat(64)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "é", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Slug>(), Err(SlugError), "{bad}");
        }
        assert_eq!(Slug::from_text("Häßlich  & Two_Sum!").map(|s| s.to_string()).as_deref(), Some("h-lich-two-sum"));
        assert_eq!(Slug::from_text("…"), None);
        assert_eq!(Slug::from_text(&"ab ".repeat(100)).map(|s| s.as_str().len()), Some(64));
    }

    #[test]
    fn tags_are_converted_to_lower_case_and_checked() {
        assert_eq!("Dynamic Programming".parse::<Tag>().unwrap().as_str(), "dynamic programming");
        for bad in ["", " a", "a,b", "a\nb", &"x".repeat(41)] {
            assert_eq!(bad.parse::<Tag>(), Err(TagError), "{bad:?}");
        }
    }

    #[test]
    fn the_main_title_is_the_english_title() {
        let other = BTreeMap::from([("en".to_owned(), "Sum".to_owned()), ("sv".to_owned(), "x".to_owned())]);
        let titles = Titles::new("sv".to_owned(), "Summa".to_owned(), other);
        assert_eq!(titles.main(), "Sum");
        assert_eq!(titles.get("sv"), Some("Summa"));
        assert_eq!(titles.iter().count(), 2);
    }

    #[test]
    fn a_title_is_one_line_without_control_characters() {
        let other = BTreeMap::from([("de".to_owned(), "zwei\r\nZeilen\t".to_owned())]);
        let titles = Titles::new("en".to_owned(), "A\u{1b}[31m\u{7}B".to_owned(), other);
        assert_eq!((titles.main(), titles.get("de")), ("A [31m B", Some("zwei Zeilen")));
        assert_eq!(Titles::new("en".to_owned(), "\u{7}".to_owned(), BTreeMap::new()).main(), "\u{fffd}");
    }
}
