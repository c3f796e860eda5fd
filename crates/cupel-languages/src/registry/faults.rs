//! Faults between language files: a name that identifies two languages, an image with two sources, and a language that
//! another file names and that does not exist.

use std::collections::BTreeMap;

use cupel_types::ImageName;

use super::names;
use crate::{Language, LanguageFault};

/// Faults for ids, aliases, extensions and facades' names that identify two languages, and for images with two sources.
pub(super) fn collisions(languages: &[Language]) -> Vec<LanguageFault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<(&str, &str), &Language> = BTreeMap::new();
    let mut seen_by_facade: BTreeMap<(&str, &str, &str), &Language> = BTreeMap::new();
    let mut sources: BTreeMap<&ImageName, (&str, &Language)> = BTreeMap::new();
    for language in languages {
        if let (Some(image), Some(source)) = (&language.image, &language.image_source) {
            let (known, other) = *sources.entry(image).or_insert((source.as_str(), language));
            if known != source.as_str() {
                faults.push(LanguageFault {
                    line: None,
                    file: format!("{}.toml", language.id),
                    key: "image_source".to_owned(),
                    detail: format!(
                        "{}.toml names another source for `{image}`; use the same source, or two names for the images",
                        other.id
                    ),
                });
            }
        }
        let names = names(language).map(|n| ("aliases", n));
        let extensions = language.extensions.iter().map(|e| ("extensions", e.as_str()));
        let tables = [("facades", &language.facades), ("facade_fallbacks", &language.facade_fallbacks)];
        let facades = tables.into_iter().flat_map(|(table, facades)| {
            facades.iter().flat_map(move |(facade, names)| names.iter().map(move |n| (table, &**facade, &**n)))
        });
        for (table, facade, name) in facades {
            if let Some(other) = seen_by_facade.insert((table, facade, name), language) {
                faults.push(LanguageFault {
                    line: None,
                    file: format!("{}.toml", language.id),
                    key: format!("{table}.{facade}"),
                    detail: format!("`{name}` is already used by {}.toml", other.id),
                });
            }
        }
        for (key, name) in names.chain(extensions) {
            if let Some(other) = seen.insert((key, name), language) {
                faults.push(LanguageFault {
                    line: None,
                    file: format!("{}.toml", language.id),
                    key: key.to_owned(),
                    detail: format!("`{name}` is already used by {}.toml", other.id),
                });
            }
        }
    }
    faults
}

/// Faults for languages that `packages.requires` or `version_of` names and that do not exist. The language in
/// `version_of` must not itself be a version of another.
pub(super) fn unknown_requirements(languages: &[Language]) -> Vec<LanguageFault> {
    let mut faults = Vec::new();
    for language in languages {
        if let Some(main) = &language.version_of
            && !languages.iter().any(|l| l.id == *main && l.version_of.is_none())
        {
            faults.push(LanguageFault {
                line: None,
                file: format!("{}.toml", language.id),
                key: "version_of".to_owned(),
                detail: format!("there is no language `{main}` that is not itself a version of another"),
            });
        }
        for required in &language.packages.requires {
            if !languages.iter().any(|l| l.id == *required) {
                faults.push(LanguageFault {
                    line: None,
                    file: format!("{}.toml", language.id),
                    key: "packages.requires".to_owned(),
                    detail: format!("there is no language `{required}`"),
                });
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::test_support::{in_image, language, registry};
    use crate::Registry;

    fn check_collision(files: &[(&str, &str, &str)], expected: &str) {
        assert_eq!(registry(files).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_name_identifies_one_language() {
        check_collision(&[("a", "'b'", ""), ("b", "", "")], "b.toml: `aliases`: `b` is already used by a.toml");
        check_collision(&[("a", "'x'", ""), ("b", "'x'", "")], "b.toml: `aliases`: `x` is already used by a.toml");
        check_collision(&[("a", "", "'x'"), ("b", "", "'x'")], "b.toml: `extensions`: `x` is already used by a.toml");
        check_collision(&[("a", "'a'", "")], "a.toml: `aliases`: `a` is already used by a.toml");
        assert!(registry(&[("a", "", "'b'"), ("b", "", "'a'")]).is_ok(), "extensions and ids are separate namespaces");
    }

    #[test]
    fn an_image_has_one_source() {
        let sourced = |id: &str, source: Option<&str>| {
            let mut language = in_image(id, "course", "run", None);
            language.image_source = source.map(str::to_owned);
            language
        };
        let same = vec![sourced("a", Some("docker://x/y:1")), sourced("b", None), sourced("c", Some("docker://x/y:1"))];
        assert!(Registry::new(same).is_ok());
        let differs = vec![sourced("a", Some("docker://x/y:1")), sourced("b", Some("docker://x/y:2"))];
        let error = Registry::new(differs).unwrap_err().to_string();
        assert!(
            error.starts_with("b.toml: `image_source`: a.toml names another source for `course:latest`"),
            "{error}"
        );
    }

    #[test]
    fn a_required_language_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.toml"), language("a", "", "") + "requires = ['b']").unwrap();
        let error = Registry::load(Some(dir.path())).unwrap_err().to_string();
        assert!(error.ends_with("/a.toml:9: `packages.requires`: there is no language `b`"), "{error}");
    }
}
