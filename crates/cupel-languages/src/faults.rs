//! Collects the faults of a language file.

use crate::{LanguageFault, place};

/// Collects faults, so that all faults of a file are reported together.
pub(crate) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<LanguageFault>,
}

impl<'a> Faults<'a> {
    /// An empty collection for a file with this name and this text.
    pub(crate) fn new(file: &'a str, text: &'a str) -> Faults<'a> {
        Faults { file, text, list: Vec::new() }
    }

    pub(crate) fn into_list(self) -> Vec<LanguageFault> {
        self.list
    }

    pub(crate) fn add(&mut self, key: impl Into<String>, detail: impl Into<String>) {
        let (file, key, detail) = (self.file.to_owned(), key.into(), detail.into());
        self.list.push(LanguageFault { file, line: place::line_of_key(self.text, &key), key, detail });
    }

    pub(crate) fn check<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|detail| self.add(key, detail)).ok()
    }
}
