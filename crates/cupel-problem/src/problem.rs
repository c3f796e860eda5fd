//! A problem: what is asked, what may be used, how it is judged, who wrote it, who may see it.

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

/// A problem as its package says it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Its name in addresses.
    pub slug: Slug,
    /// Its names for people.
    pub titles: Titles,
    /// Its text, one for each language; may be none in a draft.
    pub statements: Vec<Statement>,
    /// How hard it is, where that is said.
    pub difficulty: Option<Difficulty>,
    /// What it is about; sorted, none twice.
    pub tags: Vec<Tag>,
    /// Who made it.
    pub authors: Vec<Author>,
    /// Where it was first set.
    pub source: Option<String>,
    /// On what terms it may be used.
    pub licence: Licence,
    /// Who may see it. A package that was imported is a draft until it has been verified.
    pub visibility: Visibility,
    /// What submissions may use.
    pub limits: ProblemLimits,
    /// Whether there are points, and whose rules they follow.
    pub scoring: Scoring,
    /// How often a submission is run on one case.
    pub passes: Passes,
    /// Files a submission may read and write instead of the standard streams.
    pub io: ProgramIo,
    /// What it is judged on.
    pub tests: Tests,
    /// What inputs are held against.
    pub validators: Vec<InputValidator>,
    /// Data that proves validators and checkers right.
    pub trials: Trials,
    /// Submissions with what is expected of them.
    pub submissions: Vec<ExampleSubmission>,
    /// Sources of the programs that made the tests. For whoever changes the problem: nothing here runs them.
    pub generators: Vec<FileRef>,
    /// Files laid over submissions.
    pub includes: Vec<Include>,
    /// Conversations shown in the statement that belong to no case.
    pub conversations: Vec<FileRef>,
    /// Files for contestants.
    pub attachments: Vec<FileRef>,
    /// What a submission has to define, for function problems.
    pub signature: Option<Signature>,
}

impl Problem {
    /// The cases that are shown in the statement, in order.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.tests.cases().filter_map(|case| case.shown.as_ref().map(|shown| Sample { case, shown }))
    }

    /// Whether submissions talk with a program of the package.
    pub fn is_interactive(&self) -> bool {
        self.tests.cases().any(|case| matches!(*case.method, Method::Interact(_)))
    }
}

/// A case that is shown.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The case.
    pub case: &'a Case,
    /// What is shown of it.
    pub shown: &'a Shown,
}

/// A problem's name in addresses: 1 to 64 of `a-z`, `0-9`, `-`, the first and the last no `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Arc<str>);

/// Why a text is no [`Slug`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slug is 1 to 64 characters out of a-z 0-9 - and neither begins nor ends with `-`")]
pub struct SlugError;

impl Slug {
    /// Makes one out of any text: lower case, everything else becomes `-`. `None` if nothing is left.
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

    /// The name.
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

/// A problem's names, by language tag (`en`, `pt-BR`). There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Titles {
    main: (String, String),
    others: BTreeMap<String, String>,
}

impl Titles {
    /// One name, and names in other languages.
    pub fn new(language: String, title: String, others: BTreeMap<String, String>) -> Titles {
        let mut others = others;
        others.remove(&language);
        Titles { main: (language, title), others }
    }

    /// The name that is shown when no language is asked for: the English one if there is one.
    pub fn main(&self) -> &str {
        self.get("en").unwrap_or(&self.main.1)
    }

    /// The name in one language.
    pub fn get(&self, language: &str) -> Option<&str> {
        if self.main.0 == language { Some(&self.main.1) } else { self.others.get(language).map(String::as_str) }
    }

    /// All of them: language, name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::once((self.main.0.as_str(), self.main.1.as_str()))
            .chain(self.others.iter().map(|(language, title)| (language.as_str(), title.as_str())))
    }
}

/// The text of a problem in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Language tag.
    pub language: String,
    /// What kind of text it is. Anything but Markdown and plain text needs care before it is shown.
    pub format: StatementFormat,
    /// The text.
    pub file: FileRef,
    /// Files beside it that it refers to: images.
    pub assets: Vec<FileRef>,
}

cupel_types::named! {
    /// What kind of text a statement is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum StatementFormat, as_str, from_name {
        /// CommonMark with mathematics.
        Markdown = "markdown",
        /// LaTeX; shown as its source unless it can be turned into something else.
        Latex = "latex",
        /// HTML of the author's: not to be trusted.
        Html = "html",
        /// A PDF file.
        Pdf = "pdf",
        /// Plain text.
        Text = "text",
    }
}

cupel_types::named! {
    /// How hard a problem is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Difficulty, as_str, from_name {
        /// For a beginner.
        Easy = "easy",
        /// In between.
        Medium = "medium",
        /// For those who know the field.
        Hard = "hard",
    }
}

cupel_types::named! {
    /// Who may see a problem.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Visibility, as_str, from_name {
        /// Its authors; not verified yet.
        Draft = "draft",
        /// Its authors and whom they name.
        Private = "private",
        /// Everybody.
        Public = "public",
    }
}

/// A word that says what a problem is about: 1 to 40 characters, lower case, no comma, no control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// Why a text is no [`Tag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag is 1 to 40 characters without commas, control characters or blanks at its ends")]
pub struct TagError;

impl Tag {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    /// Takes upper case, too, and makes it lower.
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

/// Somebody who made the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Address, where the package has one.
    pub email: Option<String>,
}

/// On what terms a problem may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// The licence as the package names it: one of Kattis' words (`cc by-sa`, `public domain`), or an SPDX expression.
    /// `None`: not known.
    pub name: Option<String>,
    /// Who holds the rights.
    pub rights_owner: Option<String>,
}

/// Whether there are points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// Accepted or not.
    PassFail,
    /// Points.
    Points {
        /// Whose rules the package follows. The groups already say what follows from it.
        dialect: ScoringDialect,
        /// Which score is the better.
        objective: Objective,
    },
}

cupel_types::named! {
    /// Whose rules of scoring a package follows.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ScoringDialect, as_str, from_name {
        /// Legacy Kattis, as problemtools does it.
        KattisLegacy = "kattis-legacy",
        /// Legacy Kattis, as DOMjudge does it.
        Domjudge = "domjudge",
        /// Kattis 2025-09.
        Kattis202509 = "kattis-2025-09",
        /// DMOJ.
        Dmoj = "dmoj",
        /// Codeforces Polygon.
        Polygon = "polygon",
        /// Cupel's own format.
        Cupel = "cupel",
    }
}

cupel_types::named! {
    /// Which score is the better.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Objective, as_str, from_name {
        /// The higher.
        Max = "max",
        /// The lower; legacy Kattis only.
        Min = "min",
    }
}

/// Files a submission may read and write instead of the standard streams (Polygon).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramIo {
    /// The input is in a file of this name, too.
    pub input_file: Option<cupel_types::BoxPath>,
    /// If the submission makes a file of this name, that is its output.
    pub output_file: Option<cupel_types::BoxPath>,
}

/// Data that proves the package's own programs right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// Inputs that an input validator must reject.
    pub invalid_inputs: Vec<InputTrial>,
    /// Outputs that the checker must reject.
    pub invalid_outputs: Vec<OutputTrial>,
    /// Outputs that the checker must accept.
    pub valid_outputs: Vec<OutputTrial>,
}

/// An input to be rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputTrial {
    /// Its name, for the report.
    pub name: String,
    /// The input.
    pub input: FileRef,
    /// Arguments for the validators.
    pub validator_args: ValidatorArgs,
}

/// An output whose judgement is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTrial {
    /// Its name, for the report.
    pub name: String,
    /// The input.
    pub input: FileRef,
    /// The answer.
    pub answer: FileRef,
    /// The output to be judged.
    pub output: FileRef,
    /// By what.
    pub method: Arc<Method>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain() {
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
    fn tags_are_lower_case_words() {
        assert_eq!("Dynamic Programming".parse::<Tag>().unwrap().as_str(), "dynamic programming");
        for bad in ["", " a", "a,b", "a\nb", &"x".repeat(41)] {
            assert_eq!(bad.parse::<Tag>(), Err(TagError), "{bad:?}");
        }
    }

    #[test]
    fn the_english_title_comes_first() {
        let other = BTreeMap::from([("en".to_owned(), "Sum".to_owned()), ("sv".to_owned(), "x".to_owned())]);
        let titles = Titles::new("sv".to_owned(), "Summa".to_owned(), other);
        assert_eq!(titles.main(), "Sum");
        assert_eq!(titles.get("sv"), Some("Summa"));
        assert_eq!(titles.iter().count(), 2);
    }
}
