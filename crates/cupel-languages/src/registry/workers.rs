//! Information from the workers: the versions of their languages and libraries.

use std::collections::BTreeMap;

use cupel_types::LanguageId;

use super::Registry;
use crate::{Availability, Language, Pulling};

/// Versions of the installed libraries of each language, by name.
pub type LibraryVersions = BTreeMap<LanguageId, BTreeMap<String, String>>;

/// Languages whose images are being pulled.
pub type PullingLanguages = BTreeMap<LanguageId, Pulling>;

impl Registry {
    /// A copy in which the languages in `versions` are available in that version, other languages in `pulling` are
    /// being pulled, and all others are unavailable for `reason`. A language in an image that a request names (such as
    /// `python@course`) is in it only if it is in `versions`. For nodes that run no programs and read the workers'
    /// languages from the store.
    #[must_use]
    pub fn with_versions(
        &self,
        versions: &BTreeMap<LanguageId, String>,
        pulling: &PullingLanguages,
        reason: &str,
    ) -> Registry {
        let mut registry = self.clone();
        registry.languages.retain(|language| language.id.image().is_none());
        let in_image = |id: &LanguageId| id.image().and_then(|image| self.find(id.without_image())?.in_image(&image));
        registry.languages.extend(versions.keys().filter_map(in_image));
        registry.languages.sort_by(|a, b| a.id.cmp(&b.id));
        for language in &mut registry.languages {
            language.availability = match (versions.get(&language.id), pulling.get(&language.id)) {
                (Some(version), _) => Availability::Available { version: version.clone() },
                (None, Some(pulling)) => Availability::Pulling(pulling.clone()),
                (None, None) => Availability::Unavailable { reason: reason.to_owned() },
            };
        }
        registry
    }

    /// The languages whose images are being pulled.
    pub fn pulling(&self) -> PullingLanguages {
        let pulling = |language: &Language| match &language.availability {
            Availability::Pulling(pulling) => Some((language.id.clone(), pulling.clone())),
            Availability::Unprobed | Availability::Available { .. } | Availability::Unavailable { .. } => None,
        };
        self.languages.iter().filter_map(pulling).collect()
    }

    /// The versions of the installed libraries of each language, by name.
    pub fn library_versions(&self) -> LibraryVersions {
        let of = |language: &Language| {
            let versions = language.libraries.iter().filter_map(|one| Some((one.name.clone(), one.version.clone()?)));
            Some((language.id.clone(), versions.collect()))
                .filter(|(_, versions): &(_, BTreeMap<_, _>)| !versions.is_empty())
        };
        self.languages.iter().filter_map(of).collect()
    }

    /// Sets the versions of the libraries, for nodes that get them from the workers.
    pub fn set_library_versions(&mut self, versions: &LibraryVersions) {
        for language in &mut self.languages {
            let found = versions.get(&language.id);
            for library in &mut language.libraries {
                library.version = found.and_then(|found| found.get(&library.name)).cloned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_that_a_worker_has_is_available_while_other_workers_pull_its_image() {
        let id = |id: &str| id.parse::<LanguageId>().unwrap();
        let pulling = Pulling { failure: Some("x".to_owned()) };
        let pulled = PullingLanguages::from([(id("python"), Pulling::default()), (id("c"), pulling.clone())]);
        let versions = [(id("python"), "3.11".to_owned())].into();
        let registry = Registry::load(None).unwrap().with_versions(&versions, &pulled, "no worker");
        let availability = |name: &str| registry.find(name).unwrap().availability.clone();
        assert_eq!(availability("python"), Availability::Available { version: "3.11".to_owned() });
        assert_eq!(availability("c"), Availability::Pulling(pulling.clone()));
        assert_eq!(availability("ruby").reason(), Some("no worker"));
        assert_eq!(registry.pulling(), [(id("c"), pulling)].into());
    }

    #[test]
    fn a_node_learns_the_libraries_of_the_workers() {
        let mut registry = Registry::load(None).unwrap();
        assert!(registry.library_versions().is_empty());
        let python = [("NumPy".to_owned(), "1.24.2".to_owned()), ("unknown".to_owned(), "1".to_owned())];
        registry.set_library_versions(&[("python".parse().unwrap(), python.into())].into());
        let expected = [("python".parse().unwrap(), [("NumPy".to_owned(), "1.24.2".to_owned())].into())];
        assert_eq!(registry.library_versions(), expected.into());
        registry.set_library_versions(&LibraryVersions::new());
        assert!(registry.library_versions().is_empty());
    }
}
