//! All languages together: look-up by id, alias or extension, and the nearest name for a typing mistake.
//!
//! Invariant: an id, alias or extension means one language.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use cupel_types::LanguageId;

use crate::{Availability, Fault, Language, LoadError, Probe, file, shipped};

/// At most so many version commands run at a time; most of them wait for the disk.
const PROBES_AT_A_TIME_MAX: usize = 8;

/// The languages of an installation. A reload makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    languages: Vec<Language>,
}

impl Registry {
    /// A registry of these languages, sorted by id.
    ///
    /// # Errors
    /// An id, alias or extension that means two languages.
    pub fn new(mut languages: Vec<Language>) -> Result<Registry, LoadError> {
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        let faults = collisions(&languages);
        if faults.is_empty() { Ok(Registry { languages }) } else { Err(LoadError::Faults(faults)) }
    }

    /// The languages that come with Cupel, and those of an operator's directory: a file there with the
    /// name of a shipped one replaces it, another adds a language. Nothing has been probed yet.
    ///
    /// # Errors
    /// The directory cannot be read, or files are wrong: all faults of all files together.
    pub fn load(operator_dir: Option<&Path>) -> Result<Registry, LoadError> {
        let mut sources: BTreeMap<String, (String, String)> =
            shipped::FILES.iter().map(|(name, text)| ((*name).to_owned(), ((*name).to_owned(), (*text).to_owned()))).collect();
        if let Some(dir) = operator_dir {
            for (name, shown, text) in read_dir(dir)? {
                sources.insert(name, (shown, text));
            }
        }
        let mut languages = Vec::new();
        let mut faults = Vec::new();
        for (name, (shown, text)) in &sources {
            match file::parse(name, shown, text) {
                Ok(language) => languages.push(language),
                Err(mut wrong) => faults.append(&mut wrong),
            }
        }
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        faults.append(&mut collisions(&languages));
        if faults.is_empty() { Ok(Registry { languages }) } else { Err(LoadError::Faults(faults)) }
    }

    /// Asks which toolchains are there. Blocks until every version command has answered; several run at
    /// a time.
    pub fn probe(&mut self, probe: &dyn Probe) {
        let next = AtomicUsize::new(0);
        let languages = &self.languages;
        let found: Vec<(usize, Availability)> = std::thread::scope(|scope| {
            let look = || {
                let mut mine = Vec::new();
                while let Some((at, language)) = take(&next, languages) {
                    mine.push((at, availability(language, probe)));
                }
                mine
            };
            let threads: Vec<_> =
                (0..languages.len().min(PROBES_AT_A_TIME_MAX)).map(|_| scope.spawn(look)).collect();
            threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
        });
        for (at, availability) in found {
            self.languages[at].availability = availability;
        }
    }

    /// Every language, sorted by id, available or not.
    pub fn iter(&self) -> std::slice::Iter<'_, Language> {
        self.languages.iter()
    }

    /// By id or alias.
    pub fn get(&self, name: &LanguageId) -> Option<&Language> {
        self.find(name.as_str())
    }

    /// By id or alias as somebody typed it; upper and lower case mean the same.
    pub fn find(&self, name: &str) -> Option<&Language> {
        self.languages.iter().find(|l| names(l).any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// By file-name extension, without the dot.
    pub fn by_extension(&self, extension: &str) -> Option<&Language> {
        self.languages.iter().find(|l| l.extensions.iter().any(|e| e == extension))
    }

    /// The language that somebody who typed `name` may have meant: one whose id, alias or extension is at
    /// most a third of its letters away. `None` when nothing is near.
    pub fn nearest(&self, name: &str) -> Option<&Language> {
        let name = name.to_ascii_lowercase();
        let letters = name.chars().count();
        if letters > 64 {
            return None;
        }
        let names = self.languages.iter().flat_map(|l| {
            names(l).chain(l.extensions.iter().map(String::as_str)).map(move |known| (known, l))
        });
        names
            .map(|(known, l)| (strsim::damerau_levenshtein(known, &name), known.len(), l))
            .filter(|&(distance, known, _)| distance * 3 <= known.max(letters))
            .min_by_key(|&(distance, known, _)| (distance, std::cmp::Reverse(known)))
            .map(|(_, _, l)| l)
    }
}

impl<'a> IntoIterator for &'a Registry {
    type Item = &'a Language;
    type IntoIter = std::slice::Iter<'a, Language>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn names(language: &Language) -> impl Iterator<Item = &str> {
    std::iter::once(&language.id).chain(&language.aliases).map(LanguageId::as_str)
}

/// The next language that no thread has taken yet.
fn take<'a>(next: &AtomicUsize, languages: &'a [Language]) -> Option<(usize, &'a Language)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    languages.get(at).map(|language| (at, language))
}

fn availability(language: &Language, probe: &dyn Probe) -> Availability {
    match probe.version(&language.version.command) {
        Err(reason) => Availability::Unavailable { reason },
        Ok(printed) => match language.version.find(&printed) {
            Some(version) => Availability::Available { version: version.to_owned() },
            None => Availability::Unavailable {
                reason: format!("`{}` did not tell a version", language.version.command.join(" ")),
            },
        },
    }
}

/// The language files of a directory: file name, path for messages, contents; sorted by name.
fn read_dir(dir: &Path) -> Result<Vec<(String, String, String)>, LoadError> {
    let read = |path: &Path, source| LoadError::Read { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| read(dir, e))? {
        let path = entry.map_err(|e| read(dir, e))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = fs::read_to_string(&path).map_err(|e| read(&path, e))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Names that mean two languages.
fn collisions(languages: &[Language]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<(&str, &str), &Language> = BTreeMap::new();
    for language in languages {
        let names = names(language).map(|n| ("aliases", n));
        let extensions = language.extensions.iter().map(|e| ("extensions", e.as_str()));
        for (key, name) in names.chain(extensions) {
            if let Some(other) = seen.insert((key, name), language) {
                faults.push(Fault {
                    file: format!("{}.toml", language.id),
                    key: key.to_owned(),
                    detail: format!("`{name}` is taken by {}.toml already", other.id),
                });
            }
        }
    }
    for language in languages {
        for required in &language.packages.requires {
            if !languages.iter().any(|l| l.id == *required) {
                faults.push(Fault {
                    file: format!("{}.toml", language.id),
                    key: "packages.requires".to_owned(),
                    detail: format!("there is no language `{required}`"),
                });
            }
        }
    }
    faults
}
