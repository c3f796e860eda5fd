//! Metadata of a Kattis package that Cupel does not use. It is copied unchanged to the exported `problem.yaml` and
//! `submissions.yaml`.

use std::fs::File;
use std::io::Read;

use super::super::yaml::Yaml;
use crate::FileError;
use crate::doc::{Node, TEXT_BYTES_MAX, Value, parse_yaml};
use cupel_problem::{Package, glob};

const FILE: &str = "problem.yaml";
const SUBMISSIONS: &str = "submissions/submissions.yaml";
/// Keys of a rule of `submissions.yaml` that Cupel does not use.
const ABOUT: &[&str] = &["authors", "model_solution"];
/// Maximum nesting depth of a value that is kept. In the format, credits have the deepest nesting: roles, languages,
/// persons.
const DEPTH_MAX: usize = 8;

/// The keys of the package's `problem.yaml` and `submissions.yaml`. Empty if the package is in another format.
pub(in super::super) struct Metadata {
    problem: Vec<(String, Node)>,
    submissions: Vec<(String, Node)>,
}

impl Metadata {
    /// Reads the files. A file that cannot be parsed has no keys; the importer has read it before.
    ///
    /// # Errors
    /// A file exists, but cannot be read.
    pub(in super::super) fn of(package: &Package) -> Result<Metadata, FileError> {
        Ok(Metadata { problem: entries(package, FILE)?, submissions: entries(package, SUBMISSIONS)? })
    }

    /// Returns the value of a key. `None` if it is missing or empty.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let found = self.problem.iter().find(|(known, _)| known == key).map(|(_, node)| node);
        found.filter(|node| !node.is_null())
    }

    /// Returns the value of a key, to be written unchanged.
    pub(super) fn kept(&self, key: &str) -> Option<Yaml> {
        self.get(key).and_then(|node| yaml(node, 0))
    }

    /// Returns the package's UUID.
    pub(super) fn uuid(&self) -> Option<Yaml> {
        self.kept("uuid").filter(|value| matches!(value, Yaml::Text(text) if !text.trim().is_empty()))
    }

    /// Returns the credits. The draft of the format has authors in a separate key, `author`; they are added to credits
    /// that have no `authors`.
    pub(super) fn credits(&self, authors: Option<Yaml>) -> Option<Yaml> {
        let has_authors = |entries: &[(String, Yaml)]| entries.iter().any(|(role, _)| role == "authors");
        match (self.kept("credits"), authors) {
            (Some(Yaml::Map(mut credits)), Some(authors)) if self.get("author").is_some() && !has_authors(&credits) => {
                credits.insert(0, ("authors".to_owned(), authors));
                Some(Yaml::Map(credits))
            }
            (Some(credits), _) => Some(credits),
            (None, authors) => authors.map(|authors| Yaml::Map(vec![("authors".to_owned(), authors)])),
        }
    }

    /// Returns what `submissions.yaml` says about a submission and Cupel does not use. If several globs match, the last
    /// one determines the value of a key, as in an import.
    ///
    /// `path` is relative to `submissions/`.
    pub(super) fn about_submission(&self, path: &str) -> Vec<(String, Yaml)> {
        let matching = self.submissions.iter().filter(|(pattern, _)| glob::matches(pattern, path));
        let rules = matching.filter_map(|(_, rule)| match &rule.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        });
        let rules: Vec<_> = rules.rev().collect();
        let value = |key: &&str| {
            let found = rules.iter().find_map(|rule| rule.iter().find(|(known, _)| known == key));
            Some(((*key).to_owned(), yaml(found.map(|(_, node)| node).filter(|node| !node.is_null())?, 0)?))
        };
        ABOUT.iter().filter_map(value).collect()
    }

    /// Returns the source, with the URL that a legacy package has in a separate key.
    pub(super) fn source(&self) -> Option<Yaml> {
        let (source, url) = (self.kept("source")?, self.kept("source_url"));
        Some(match (source, url) {
            (name @ Yaml::Text(_), Some(url @ Yaml::Text(_))) => {
                Yaml::Map(vec![("name".to_owned(), name), ("url".to_owned(), url)])
            }
            (source, _) => source,
        })
    }
}

/// Reads the keys of a YAML file. Empty if there is no such file, or if it cannot be parsed.
fn entries(package: &Package, file: &str) -> Result<Vec<(String, Node)>, FileError> {
    let path = package.root().join(file);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(TEXT_BYTES_MAX).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() != std::io::ErrorKind::InvalidData => {
            return Err(FileError::at("read", &path)(error));
        }
        _ => {}
    }
    Ok(match parse_yaml(text.trim_start_matches('\u{feff}')).map(|node| node.value) {
        Ok(Value::Map(entries)) => entries,
        _ => Vec::new(),
    })
}

/// Returns a value of the file. Booleans stay booleans; all other scalars become texts. `None` if the nesting is too
/// deep.
fn yaml(node: &Node, depth: usize) -> Option<Yaml> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match &node.value {
        Value::Scalar(scalar) => match scalar.as_bool() {
            Some(value) => Yaml::plain(value),
            None => Yaml::text(&scalar.text),
        },
        Value::Seq(items) => Yaml::List(items.iter().map(|item| yaml(item, depth + 1)).collect::<Option<_>>()?),
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Node)| Some((key.clone(), yaml(value, depth + 1)?));
            Yaml::Map(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}
