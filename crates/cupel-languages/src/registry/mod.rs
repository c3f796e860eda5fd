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

use crate::{Language, LoadError};

pub use workers::{LibraryVersions, PullingLanguages};

/// The languages of an installation. Immutable for its readers; a reload creates a new registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    languages: Vec<Language>,
}

impl Registry {
    /// Creates a registry of these languages, sorted by id.
    ///
    /// # Errors
    /// An id, an alias, an extension, or a facade's name identifies two languages.
    pub fn new(mut languages: Vec<Language>) -> Result<Registry, LoadError> {
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        let faults = faults::collisions(&languages);
        if faults.is_empty() { Ok(Registry { languages }) } else { Err(LoadError::Faults(faults)) }
    }

    /// All languages, including unavailable ones, sorted by id. The copies of [`Registry::add_in_images`] come after
    /// the other languages.
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
