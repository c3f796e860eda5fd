//! Finds a language by id, alias, version or image, by the extensions of files, or by a facade's name for it. Also
//! finds the language whose name is nearest to a misspelled one.

use std::collections::BTreeMap;

use cupel_types::{BoxPath, ImageName, LanguageId};

use super::{Registry, names};
use crate::Language;

impl Registry {
    /// Finds a language by id or alias.
    pub fn get(&self, name: &LanguageId) -> Option<&Language> {
        self.find(name.as_str())
    }

    /// Finds a language by id or alias, ignoring ASCII case. `NAME@VERSION` finds the newest available language among
    /// [`Registry::versions`] of NAME whose version begins with VERSION: `python@3` may find 3.13.1. If versions are
    /// equal, the language that is not a version of another is preferred. `NAME@IMAGE:TAG` finds the language in a
    /// container image.
    pub fn find(&self, name: &str) -> Option<&Language> {
        match name.split_once('@') {
            None => self.languages.iter().find(|l| names(l).any(|known| known.eq_ignore_ascii_case(name))),
            Some((name, image)) if names_image(image) => {
                let image = image.parse::<ImageName>().ok()?;
                // A registry with only this language lacks the language of which `name` may be an alias.
                let name = self.find(name).map_or(name, |main| main.id.as_str());
                self.languages.iter().find(|l| l.id.without_image() == name && l.id.image().as_ref() == Some(&image))
            }
            Some((name, version)) => {
                let is_it = |language: &&&Language| language.version_number().is_some_and(|v| is_within(v, version));
                let versions = self.versions(name);
                versions
                    .iter()
                    .filter(is_it)
                    .max_by_key(|l| (numbers(l.version_number()), l.version_of.is_none()))
                    .copied()
            }
        }
    }

    /// Whether `GET /languages` lists a language that a worker has. A language in an image that requests name is not
    /// listed; any other language that this registry lacks is.
    pub fn is_listed(&self, id: &LanguageId) -> bool {
        id.image().is_none() && self.get(id).is_none_or(|language| language.listed)
    }

    /// Finds a language by id or alias, as [`Registry::find`] does, also if it is disabled. For packages, which may
    /// name languages that this installation does not offer.
    pub fn known(&self, name: &str) -> Option<&Language> {
        self.find(name)
            .or_else(|| self.disabled.iter().find(|l| names(l).any(|known| known.eq_ignore_ascii_case(name))))
    }

    /// Finds a disabled language by file-name extension, without the dot.
    pub fn disabled_by_extension(&self, extension: &str) -> Option<&Language> {
        self.disabled.iter().find(|l| l.extensions.iter().any(|e| e == extension))
    }

    /// The language with this id or alias, or the language of which it is a version; and all languages that are
    /// versions of that language.
    pub fn versions(&self, name: &str) -> Vec<&Language> {
        let Some(main) = self.find(name) else { return Vec::new() };
        let id = main.version_of.as_ref().unwrap_or(&main.id);
        self.languages.iter().filter(|l| l.id == *id || l.version_of.as_ref() == Some(id)).collect()
    }

    /// Finds a language by the name that clients of a facade use for it. Names are case-sensitive. While that language
    /// is not installed, its fallback is found, if there is one.
    pub fn of_facade(&self, facade: &str, name: &str) -> Option<&Language> {
        let has = |names: &BTreeMap<String, Vec<String>>| {
            names.get(facade).is_some_and(|names| names.iter().any(|known| known == name))
        };
        let main = self.languages.iter().find(|language| has(&language.facades));
        if main.is_some_and(|language| language.installed_version().is_some()) {
            return main;
        }
        self.languages.iter().find(|language| has(&language.facade_fallbacks)).or(main)
    }

    /// The names that clients of a facade use, each with the language that [`Registry::of_facade`] finds.
    pub fn facade_names<'r>(&'r self, facade: &'r str) -> impl Iterator<Item = (&'r str, &'r Language)> {
        let all = self.languages.iter().flat_map(move |language| {
            let names = language.facades.get(facade).into_iter().chain(language.facade_fallbacks.get(facade));
            names.flatten().map(move |name| (name.as_str(), language))
        });
        all.filter(move |(name, language)| self.of_facade(facade, name).is_some_and(|found| found.id == language.id))
    }

    /// The only language whose extensions these files have. C and C++ together are C++. The extensions of headers count
    /// only if no file has the extension of a source.
    ///
    /// # Errors
    /// There is no such language, or more than one; the message is for people.
    pub fn of_files<'p>(&self, names: impl Iterator<Item = &'p BoxPath>) -> Result<&Language, String> {
        let extension = |path: &'p BoxPath| path.as_str().rsplit_once('.').map(|(_, extension)| extension);
        let extensions: Vec<&str> = names.filter_map(extension).collect();
        let sources = extensions.iter().any(|extension| self.by_extension(extension).is_some());
        // The extensions of headers are used only if there are no sources.
        let of = |extension: &&str| if sources { self.by_extension(extension) } else { self.by_header(extension) };
        let found = extensions.iter().filter_map(of);
        let found: BTreeMap<&str, &Language> = found.map(|language| (language.id.as_str(), language)).collect();
        let named = || found.keys().copied().collect::<Vec<_>>().join(", ");
        match found.len() {
            0 => Err("none of its files has the extension of a known language".to_owned()),
            1 => found.into_values().next().ok_or_else(|| "no language".to_owned()),
            // C and C++ together are treated as C++: the C++ compiler accepts both, and their headers share extensions.
            2 => match (found.get("c"), found.get("cpp")) {
                (Some(_), Some(cpp)) => Ok(cpp),
                _ => Err(format!("its files are in several languages: {}", named())),
            },
            _ => Err(format!("its files are in several languages: {}", named())),
        }
    }

    /// Finds a language by file-name extension, without the dot.
    pub fn by_extension(&self, extension: &str) -> Option<&Language> {
        self.languages.iter().find(|l| l.extensions.iter().any(|e| e == extension))
    }

    /// Finds a language by the extension of a header, without the dot.
    pub fn by_header(&self, extension: &str) -> Option<&Language> {
        self.languages.iter().find(|l| l.headers.iter().any(|e| e == extension))
    }

    /// Message about an unknown language name. It has a [`Registry::suggestion`] or, if no name is close, refers to
    /// `list`, which describes where all languages are listed. For `NAME@…` with a known NAME, it lists the versions or
    /// images of that language. Begins with a small letter.
    pub fn unknown(&self, name: &str, list: &str) -> String {
        const NAME_CHARACTERS_MAX: usize = 40;
        if let Some((language, version)) = name.split_once('@') {
            let versions = self.versions(language);
            if let (Some(main), true) = (versions.first(), names_image(version)) {
                let image: String = version.chars().take(NAME_CHARACTERS_MAX).collect();
                let images: Vec<String> = self.images_of(&main.id).iter().map(ToString::to_string).collect();
                let known = if images.is_empty() { "none".to_owned() } else { images.join(", ") };
                return format!(
                    "requests may not name the image `{}` for `{}`, or it has no such toolchain; images for it: {known}",
                    image.escape_debug(),
                    main.id
                );
            }
            if !versions.is_empty() {
                let installed: Vec<&str> = versions.iter().filter_map(|l| l.version_number()).collect();
                let version: String = version.chars().take(NAME_CHARACTERS_MAX).collect();
                let installed = if installed.is_empty() { "none".to_owned() } else { installed.join(", ") };
                return format!(
                    "there is no version `{}` of this language; installed: {installed}",
                    version.escape_debug()
                );
            }
        }
        if let Some(language) = self.known(name) {
            return format!("the language `{}` is disabled here", language.id);
        }
        let short: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
        let hint = match self.suggestion(&short) {
            Some(suggestion) => suggestion,
            None => format!("{list} lists all of them"),
        };
        format!("there is no language `{}`; {hint}", short.escape_debug())
    }

    /// A question that suggests the language most similar to a misspelled `name`: the edit distance to its id, alias or
    /// extension is at most a third of the longer name's length. It names the alias or extension if that is what is
    /// similar. `None` if no name is that close.
    pub fn suggestion(&self, name: &str) -> Option<String> {
        let (similar, language) = self.nearest(name)?;
        let id = &language.id;
        let why = if similar == id.as_str() {
            String::new()
        } else if language.aliases.iter().any(|alias| alias == similar) {
            format!(" (alias `{similar}`)")
        } else {
            format!(" (its files end in `.{similar}`)")
        };
        Some(format!("did you mean `{id}`{why}?"))
    }

    /// The id, alias or extension most similar to `name`, and its language.
    fn nearest(&self, name: &str) -> Option<(&str, &Language)> {
        let name = name.to_ascii_lowercase();
        let letters = name.chars().count();
        if letters > 64 {
            return None;
        }
        let names = self
            .languages
            .iter()
            .flat_map(|l| names(l).chain(l.extensions.iter().map(String::as_str)).map(move |known| (known, l)));
        names
            .map(|(known, l)| (strsim::damerau_levenshtein(known, &name), known, l))
            .filter(|&(distance, known, _)| distance * 3 <= known.len().max(letters))
            .min_by_key(|&(distance, known, _)| (distance, std::cmp::Reverse(known.len())))
            .map(|(_, known, l)| (known, l))
    }
}

/// Whether the text after `@` names an image and not a version: only an image has a tag.
fn names_image(text: &str) -> bool {
    text.contains(':')
}

/// Whether a version begins with these components: 3.13.1 is within 3 and 3.13, and not within 3.1.
fn is_within(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| !wanted.is_empty() && (rest.is_empty() || rest.starts_with('.')))
}

/// The numbers of a version, by which versions are ordered.
fn numbers(version: Option<&str>) -> Vec<u64> {
    version.unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{OneImage, in_image, language, registry};
    use super::*;
    use crate::{Probe, file};

    #[test]
    fn headers_decide_the_language_only_without_sources() {
        let registry = Registry::load(None).unwrap();
        let language = |names: &[&str]| {
            let names: Vec<BoxPath> = names.iter().map(|name| BoxPath::new(name).unwrap()).collect();
            registry.of_files(names.iter()).map(|language| language.id.to_string()).ok()
        };
        assert_eq!(language(&["a.hpp", "b.h"]).as_deref(), Some("cpp"));
        assert_eq!(language(&["b.h"]).as_deref(), Some("c"));
        assert_eq!(language(&["a.hpp", "main.py"]).as_deref(), Some("python"));
        assert_eq!(language(&["a.plg"]).as_deref(), Some("prolog"));
        assert_eq!(language(&["a.f77"]).as_deref(), Some("fortran"));
        assert_eq!(language(&["a.txt", "README"]), None);
    }

    #[test]
    fn a_facade_finds_a_language_by_its_own_name_for_it() {
        let parse = |id: &str, facades: &str| {
            let name = format!("{id}.toml");
            file::parse(&name, &name, &format!("{}[facades]\n{facades}\n", language(id, "", ""))).unwrap()
        };
        let registry = Registry::new(vec![parse("a", "x = ['A', 'A2']\ny = ['B']"), parse("b", "x = ['B']")]).unwrap();
        let of = |facade: &str, name: &str| registry.of_facade(facade, name).map(|language| language.id.as_str());
        assert_eq!([of("x", "A2"), of("x", "B"), of("y", "B")], [Some("a"), Some("b"), Some("a")]);
        assert_eq!([of("x", "a"), of("y", "A"), of("z", "A")], [None, None, None]);
        let twice = Registry::new(vec![parse("a", "x = ['A']"), parse("b", "x = ['A']")]).unwrap_err();
        assert_eq!(twice.to_string(), "b.toml: `facades.x`: `A` is already used by a.toml");
    }

    #[test]
    fn a_fallback_serves_a_name_while_the_language_that_has_it_is_not_installed() {
        struct Only(&'static str);
        impl Probe for Only {
            fn version(&self, command: &[String]) -> Result<String, String> {
                match command[0].as_str() == self.0 || self.0 == "both" {
                    true => Ok("1.0".into()),
                    false => Err("not installed".into()),
                }
            }
        }
        let served = |installed: &'static str| {
            let mut registry = Registry::load(None).unwrap();
            registry.probe(&Only(installed));
            let found = registry.of_facade("judge0", "75").unwrap().id.to_string();
            let names: Vec<_> = registry.facade_names("judge0").filter(|(name, _)| *name == "75").collect();
            assert_eq!(names.len(), 1, "each name is listed once");
            assert_eq!(names[0].1.id.as_str(), found);
            found
        };
        assert_eq!(["both", "clang", "gcc", "none"].map(served), ["c-clang", "c-clang", "c", "c"]);
    }

    #[test]
    fn languages_are_found_by_every_name() {
        let registry = Registry::load(None).unwrap();
        for (name, id) in [
            ("python", "python"),
            ("Python3", "python"),
            ("py3", "python"),
            ("c++", "cpp"),
            ("C++", "cpp"),
            ("c#", "csharp"),
            ("C#", "csharp"),
            ("JS", "javascript"),
            ("node", "javascript"),
            ("Node.js", "javascript"),
            ("golang", "go"),
        ] {
            assert_eq!(registry.find(name).map(|l| l.id.as_str()), Some(id), "{name}");
        }
        assert!(registry.find("unlambda").is_none());
        assert_eq!(registry.by_extension("rs").map(|l| l.id.as_str()), Some("rust"));
        assert!(registry.by_extension("").is_none());
    }

    #[test]
    fn internal_languages_and_those_in_an_image_are_not_listed() {
        let registry = Registry::load(None).unwrap();
        let listed = |id: &str| registry.is_listed(&id.parse().unwrap());
        for (id, expected) in
            [("python", true), ("course", true), ("text", false), ("multi-file", false), ("python@course/ml:2", false)]
        {
            assert_eq!(listed(id), expected, "{id}");
        }
    }

    #[test]
    fn a_misspelled_name_finds_the_nearest_one() {
        let registry = Registry::load(None).unwrap();
        let nearest = |name: &str| registry.nearest(name).map(|(_, l)| l.id.as_str());
        for (name, id) in [
            ("pyhton", "python"),
            ("pythn", "python"),
            ("javscript", "javascript"),
            ("typescrpt", "typescript"),
            ("haskel", "haskell"),
            ("RUBBY", "ruby"),
            ("c+++", "cpp"),
        ] {
            assert_eq!(nearest(name), Some(id), "{name}");
        }
        for name in ["", "unlambda", "x", &"p".repeat(1000)] {
            assert_eq!(nearest(name), None, "{name}");
        }
    }

    /// Regression: `nope` got the suggestion `javascript`, without its alias `node`.
    #[test]
    fn a_suggestion_names_the_alias_or_extension_that_is_similar() {
        let registry = Registry::load(None).unwrap();
        for (name, suggestion) in [
            ("pyhton", "did you mean `python`?"),
            ("nope", "did you mean `javascript` (alias `node`)?"),
            ("gollang", "did you mean `go` (alias `golang`)?"),
            ("mjss", "did you mean `javascript` (its files end in `.mjs`)?"),
        ] {
            assert_eq!(registry.suggestion(name).as_deref(), Some(suggestion), "{name}");
        }
        assert_eq!(registry.suggestion("unlambda"), None);
        let message = "there is no language `nope`; did you mean `javascript` (alias `node`)?";
        assert_eq!(registry.unknown("nope", "the list"), message);
    }

    #[test]
    fn a_name_with_a_version_finds_the_newest_that_fits() {
        let check = |of_image: &'static str, name: &str, expected: Option<&str>| {
            let main = registry(&[("py", "'python'", "")]).unwrap().languages.remove(0);
            let languages =
                vec![main, in_image("py-new", "there", "run", Some("py")), in_image("z", "there", "run", None)];
            let mut registry = Registry::new(languages).unwrap();
            registry.probe(&OneImage(of_image));
            assert_eq!(registry.find(name).map(|l| l.id.as_str()), expected, "{name}, the image has {of_image}");
        };
        check("1.10.0", "py", Some("py"));
        check("1.10.0", "py@1", Some("py-new"));
        check("1.10.0", "python@1", Some("py-new"));
        check("1.10.0", "PY-NEW@1.2", Some("py"));
        check("1.10.0", "py@1.2.3", Some("py"));
        check("1.10.0", "py@1.1", None);
        check("1.10.0", "py@", None);
        check("1.2.3", "py@1", Some("py"));
        check("0.9.0", "py@1", Some("py"));
    }

    #[test]
    fn a_disabled_language_is_known_to_packages_and_to_nothing_else() {
        let mut registry = Registry::load(None).unwrap();
        registry.disable(&["java".to_owned()]);
        assert!(registry.find("java").is_none() && registry.by_extension("java").is_none());
        assert!(registry.iter().all(|language| language.id.as_str() != "java"));
        assert_eq!(registry.known("Java").unwrap().id.as_str(), "java");
        assert_eq!(registry.disabled_by_extension("java").unwrap().id.as_str(), "java");
        assert_eq!(registry.unknown("java", "the list"), "the language `java` is disabled here");
        assert!(registry.known("python").is_some() && registry.disabled_by_extension("py").is_none());
    }
}
