//! Languages in container images: languages whose file names an image, and copies of languages for images that requests
//! name.

use cupel_types::{ImageName, LanguageId, Root};

use super::Registry;
use crate::{ImageExecutor, Language};

impl Registry {
    /// Sets the executor for languages in images whose files name no executor.
    pub fn run_images_in(&mut self, executor: ImageExecutor) {
        for language in self.languages.iter_mut().filter(|language| language.image.is_some()) {
            language.executor.get_or_insert(executor);
        }
    }

    /// A copy for code that runs no programs in images. It does not hold the images, so that their files can be
    /// removed.
    #[must_use]
    pub fn without_roots(&self) -> Registry {
        let mut copy = self.clone();
        for language in &mut copy.languages {
            (language.root, language.found_image) = (Root::System, None);
        }
        copy
    }

    /// Adds a copy of every listed language of the machine for each of these images, for requests that name the image.
    /// After a probe, [`Registry::keep_available_in_images`] removes the copies whose toolchain is not in the image.
    pub fn add_in_images(&mut self, images: &[ImageName]) {
        let added: Vec<Language> =
            self.languages.iter().flat_map(|l| images.iter().filter_map(|image| l.in_image(image))).collect();
        self.languages.extend(added);
        self.languages.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// Removes the copies that [`Registry::add_in_images`] added and that are not available.
    pub fn keep_available_in_images(&mut self) {
        self.languages.retain(|language| language.id.image().is_none() || language.is_available());
    }

    /// The images that requests may name for a language.
    pub fn images_of(&self, language: &LanguageId) -> Vec<ImageName> {
        let of_it = self.languages.iter().filter(|l| l.id != *language && l.id.without_image() == language.as_str());
        of_it.filter(|l| l.is_available()).filter_map(|l| l.id.image()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::test_support::{OneImage, registry};
    use super::*;

    #[test]
    fn a_language_is_found_in_the_images_that_have_its_toolchain() {
        let image = |name: &str| name.parse::<ImageName>().unwrap();
        let mut registry = registry(&[("run", "'r'", ""), ("missing", "", "")]).unwrap();
        registry.add_in_images(&[image("there"), image("elsewhere")]);
        registry.probe(&OneImage("4.5.6"));
        registry.keep_available_in_images();
        let ids: Vec<&str> = registry.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(ids, ["missing", "run", "run@there:latest"]);
        let language = registry.find("R@there:latest").unwrap();
        assert_eq!((language.version_number(), language.listed, language.aliases.len()), (Some("4.5.6"), false, 0));
        assert_eq!(registry.images_of(&"run".parse().unwrap()), [image("there")]);
        assert_eq!(registry.versions("run").len(), 1, "an image is not a version");
        assert_eq!(
            registry.unknown("run@elsewhere:latest", "LIST"),
            "requests may not name the image `elsewhere:latest` for `run`, or it has no such toolchain; images for it: \
             there:latest"
        );
        // Another node gets the languages of a worker by their ids.
        let versions = [("run@there:latest".parse().unwrap(), "4.5.6 (sha256:ab)".to_owned())].into();
        let none = BTreeMap::new();
        let elsewhere = self::registry(&[("run", "'r'", "")]).unwrap().with_versions(&versions, &none, "no worker");
        assert_eq!(elsewhere.find("r@there:latest").unwrap().image_digest(), Some("sha256:ab"));
        assert!(elsewhere.with_versions(&BTreeMap::new(), &none, "no worker").find("run@there:latest").is_none());
    }

    #[test]
    fn a_language_in_an_image_uses_no_toolchain_of_the_machine() {
        let shipped = Registry::load(None).unwrap();
        let image: ImageName = "a:1".parse().unwrap();
        for language in shipped.iter() {
            let Some(derived) = language.in_image(&image) else {
                assert!(!language.listed, "{}", language.id);
                continue;
            };
            let values = crate::Placeholders::new(&language.source, language.limits.memory);
            let commands = derived.compile_commands(&values).concat();
            let commands = commands.into_iter().chain(derived.execute_command(&values));
            assert!(derived.mounts.is_empty() && derived.prepare.is_empty() && derived.warm.is_none());
            for argument in commands {
                assert!(!argument.contains("prepared"), "{}: {argument}", derived.id);
            }
        }
    }
}
