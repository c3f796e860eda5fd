//! The languages of an installation, as one value.
//!
//! Invariant: an id, an alias, an extension, or a facade's name identifies one language.

mod availability;
mod faults;
mod find;
mod images;
mod load;
#[cfg(test)]
mod test_support;
mod workers;

use std::collections::BTreeSet;

use cupel_types::LanguageId;

use crate::{Language, LoadError};

pub use workers::{LibraryVersions, PullingLanguages};

/// The languages of an installation. Immutable for its readers; a reload creates a new registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    languages: Vec<Language>,
    /// Languages that the operator disabled. No program runs in them, but packages may name them.
    disabled: Vec<Language>,
}

impl Registry {
    /// Creates a registry of these languages, sorted by id.
    ///
    /// # Errors
    /// An id, an alias, an extension, or a facade's name identifies two languages.
    pub fn new(mut languages: Vec<Language>) -> Result<Registry, LoadError> {
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        let faults = faults::collisions(&languages);
        if faults.is_empty() {
            Ok(Registry { languages, disabled: Vec::new() })
        } else {
            Err(LoadError::Faults(faults))
        }
    }

    /// Disables the languages with these ids: only [`Registry::known`] and the messages about unknown languages find
    /// them.
    pub fn disable(&mut self, ids: &[String]) {
        let is_disabled = |language: &mut Language| ids.iter().any(|id| id == language.id.as_str());
        self.disabled.extend(self.languages.extract_if(.., is_disabled));
    }

    /// A copy without other languages than these. Disabled languages remain.
    #[must_use]
    pub fn only(&self, ids: &BTreeSet<LanguageId>) -> Registry {
        let mut copy = self.clone();
        copy.languages.retain(|language| ids.contains(&language.id));
        copy
    }

    /// All languages that are not disabled, including unavailable ones, sorted by id. The copies of
    /// [`Registry::add_in_images`] come after the other languages.
    pub fn iter(&self) -> std::slice::Iter<'_, Language> {
        self.languages.iter()
    }
}

impl<'a> IntoIterator for &'a Registry {
    type Item = &'a Language;
    type IntoIter = std::slice::Iter<'a, Language>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The id and the aliases of a language.
fn names(language: &Language) -> impl Iterator<Item = &str> {
    std::iter::once(language.id.as_str()).chain(language.aliases.iter().map(String::as_str))
}
