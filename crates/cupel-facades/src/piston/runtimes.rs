//! The runtimes of the server: the installed languages under the names that Piston's packages give them.
//!
//! `packages.json` lists the packages of the original: names, versions, aliases. Source: the files `metadata.json` of
//! engineer-man/piston at commit 0a844d0a. The files `languages/*.toml` map the original's languages to Cupel's; a
//! language without such a name has its own id and aliases.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cupel_languages::{Availability, Language, Registry};
use cupel_types::LanguageId;
use nodejs_semver::{Range, Version};
use serde::{Deserialize, Serialize};

use super::PISTON;

/// A package of the original.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) package: String,
    pub(super) version: String,
    /// Whether the package has a compile stage.
    pub(super) compiled: bool,
    pub(super) languages: Vec<PackageLanguage>,
}

/// A language of a package.
#[derive(Debug, Deserialize)]
pub(super) struct PackageLanguage {
    language: String,
    aliases: Vec<String>,
}

/// The packages of the original, in the order of its index.
static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(|| {
    // A test reads the file, so this cannot fail in a release.
    serde_json::from_str(include_str!("packages.json")).unwrap_or_default()
});

/// A runtime as `GET /runtimes` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Runtime {
    /// The canonical name.
    pub(super) language: String,
    /// The installed version: three numbers.
    pub(super) version: String,
    pub(super) aliases: Vec<String>,
    /// The package, if it has several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime: Option<String>,
    /// Name of the package.
    #[serde(skip)]
    pub(super) package: String,
    /// Cupel's language.
    #[serde(skip)]
    pub(super) id: LanguageId,
    /// Whether the original has a compile stage for the language; `None`: the original does not know the language.
    #[serde(skip)]
    pub(super) is_compiled: Option<bool>,
    /// The versions in the original's index.
    #[serde(skip)]
    versions: Vec<&'static str>,
}

impl Runtime {
    fn of(language: &Language, version: &str, name: Option<&str>) -> Runtime {
        let version = three_numbers(version);
        let id = language.id.clone();
        // `node/javascript` names the language of one package. A name without a slash stands for the language in all
        // packages that contain it.
        let (of_package, name) = match name.map(|name| name.split_once('/').ok_or(name)) {
            Some(Ok((package, name))) => (Some(package), Some(name)),
            Some(Err(name)) => (None, Some(name)),
            None => (None, None),
        };
        let packages = PACKAGES
            .iter()
            .filter(|package| of_package.is_none_or(|name| package.package == name))
            .filter(|package| package.languages.iter().any(|l| Some(&*l.language) == name));
        let (mut aliases, mut versions) = (Vec::new(), Vec::new());
        let mut first: Option<&Package> = None;
        for package in packages {
            versions.push(package.version.as_str());
            for listed in package.languages.iter().filter(|l| Some(&*l.language) == name) {
                aliases.extend(
                    listed.aliases.iter().filter(|alias| !aliases.contains(*alias)).cloned().collect::<Vec<_>>(),
                );
            }
            first = first.or(Some(package));
        }
        let Some(package) = first else {
            let aliases = language.aliases.iter().map(ToString::to_string).collect();
            let (package, language) = (id.as_str().to_owned(), id.as_str().to_owned());
            return Runtime { language, version, aliases, runtime: None, package, id, is_compiled: None, versions };
        };
        Runtime {
            language: name.unwrap_or_default().to_owned(),
            version,
            aliases,
            runtime: (package.languages.len() > 1).then(|| package.package.clone()),
            package: package.package.clone(),
            id,
            is_compiled: Some(package.compiled),
            versions,
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.language == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// The names of a language in `languages/*.toml`; `None`: the original does not know the language.
fn names(language: &Language) -> Vec<Option<&str>> {
    if language.id.image().is_some() {
        // Clients of Piston cannot name an image.
        return Vec::new();
    }
    match language.facades.get(PISTON) {
        Some(names) => names.iter().map(|name| Some(name.as_str())).collect(),
        None => vec![None],
    }
}

/// The runtimes of the installed languages.
pub(super) fn installed(registry: &Registry) -> Vec<Runtime> {
    let mut runtimes = Vec::new();
    for language in registry.iter() {
        let Some(version) = language.version_number() else { continue };
        // Another version of a language uses the names of the main version.
        let main = language.version_of.as_ref().and_then(|id| registry.get(id)).unwrap_or(language);
        runtimes.extend(names(main).into_iter().map(|name| Runtime::of(language, version, name)));
    }
    runtimes
}

/// Selects the runtime for a name and a range of versions, by the rules of the original: the highest version that the
/// range includes. If the range includes no installed version but a version of the original, the highest installed
/// version is selected. So a request for version 3.10.0 of Python runs with the version that is installed here.
pub(super) fn select(registry: &Registry, name: &str, range: &str) -> Option<Runtime> {
    let range = parse_range(range)?;
    let mut named: Vec<(Version, Runtime)> = installed(registry)
        .into_iter()
        .filter(|runtime| runtime.is_named(name))
        .filter_map(|runtime| Some((runtime.version.parse().ok()?, runtime)))
        .collect();
    // A stable sort: of equal versions, the first in the list is selected.
    named.sort_by(|(a, _), (b, _)| b.cmp(a));
    if let Some(at) = named.iter().position(|(version, _)| range.satisfies(version)) {
        return Some(named.swap_remove(at).1);
    }
    let includes = |version: &str| version.parse().is_ok_and(|version: Version| range.satisfies(&version));
    named.into_iter().map(|(_, runtime)| runtime).find(|runtime| runtime.versions.iter().any(|v| includes(v)))
}

/// An entry of `GET /packages`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct PackageView {
    pub(super) language: String,
    pub(super) language_version: String,
    pub(super) installed: bool,
    /// Cupel's language, if it can be installed with this version of the package.
    #[serde(skip)]
    pub(super) id: Option<LanguageId>,
}

/// The packages that are installed, those that Cupel could install, and the others of the original. A package that
/// Cupel could install has the newest version that the original has, because the version here is known only after the
/// installation.
pub(super) fn packages(registry: &Registry) -> Vec<PackageView> {
    let mut seen = BTreeSet::new();
    let mut packages = Vec::new();
    for language in registry.iter() {
        for name in names(language) {
            let (version, installed) = match &language.availability {
                Availability::Available { version } => (version.as_str(), true),
                Availability::Unprobed | Availability::Unavailable { .. } | Availability::Pulling(_) => ("", false),
            };
            let runtime = Runtime::of(language, version, name);
            let newest = || runtime.versions.iter().filter_map(|v| v.parse::<Version>().ok()).max();
            let version = if installed { Some(runtime.version.clone()) } else { newest().map(|v| v.to_string()) };
            let Some(language_version) = version else { continue };
            if seen.insert((runtime.package.clone(), language_version.clone())) {
                let (language, id) = (runtime.package, Some(runtime.id));
                packages.push(PackageView { language, language_version, installed, id });
            }
        }
    }
    for package in PACKAGES.iter() {
        if seen.insert((package.package.clone(), package.version.clone())) {
            let (language, language_version) = (package.package.clone(), package.version.clone());
            packages.push(PackageView { language, language_version, installed: false, id: None });
        }
    }
    packages
}

/// The package with this name and the highest version that the range includes. Installed versions come first, then
/// versions that could be installed, then all others. So `*` selects the version that Cupel has.
pub(super) fn find_package(registry: &Registry, name: &str, range: &str) -> Option<PackageView> {
    let range = parse_range(range)?;
    let versions = packages(registry).into_iter().filter(|package| package.language == name).filter_map(|package| {
        let version: Version = package.language_version.parse().ok()?;
        range.satisfies(&version).then_some(((package.installed, package.id.is_some(), version), package))
    });
    versions.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, package)| package)
}

/// The range, if node-semver accepts it. Corrects the ranges that the Rust crate parses differently.
fn parse_range(text: &str) -> Option<Range> {
    let mut alternatives = Vec::new();
    for alternative in text.split("||") {
        let words: Vec<&str> = alternative.split_whitespace().collect();
        let has_leading_zero = alternative.split(|c: char| !c.is_ascii_alphanumeric()).any(|number| {
            number.len() > 1 && number.starts_with('0') && number.bytes().all(|digit| digit.is_ascii_digit())
        });
        if has_leading_zero || words.contains(&"v") || words.last() == Some(&"-") {
            return None;
        }
        alternatives.push(match words.as_slice() {
            [] | ["^*" | "~*"] => "*".to_owned(),
            _ => alternative.replace("==", "="),
        });
    }
    Range::parse(alternatives.join("||")).ok()
}

/// The beginning of a version as three numbers, without leading zeros: `5.2.15(1)-release` as `5.2.15`, `12` as
/// `12.0.0`.
fn three_numbers(version: &str) -> String {
    let beginning: String = version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let mut numbers = beginning.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    format!("{}.{}.{}", next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_the_original_are_complete() {
        assert_eq!(PACKAGES.len(), 114);
        let languages: BTreeSet<&str> =
            PACKAGES.iter().flat_map(|p| p.languages.iter().map(|l| &*l.language)).collect();
        assert_eq!(languages.len(), 84);
    }

    #[test]
    fn a_version_has_three_numbers() {
        for (version, expected) in [
            ("3.11.2", "3.11.2"),
            ("5.2.15(1)-release", "5.2.15"),
            ("12", "12.0.0"),
            ("1.08", "1.8.0"),
            ("4.9.1.0", "4.9.1"),
            ("", "0.0.0"),
        ] {
            assert_eq!(three_numbers(version), expected);
        }
    }

    /// Every selection was observed on the original with node-semver 7.3.5.
    #[test]
    fn a_range_selects_the_version_that_node_semver_selects() {
        let four = ["1.0.0", "1.2.3", "1.10.0", "2.0.0"];
        let pre = ["3.9.4", "3.10.0-alpha.7", "3.10.0", "3.12.0-rc.1"];
        let betas = ["1.0.0-beta.2", "1.0.0-beta.11"];
        let zero = ["0.0.1", "0.0.3", "0.1.13", "0.3.3", "0.3.4"];
        let cases: &[(&[&str], &[&str], Option<&str>)] = &[
            (&four, &["*", "x", " ", "||", "^*", ">=0", ">1", "1.0.0 ||", "*.1"], Some("2.0.0")),
            (&four, &["1", "1.x", "^1.2", "==1", "1 - 1", "<2", ">1.2 <2"], Some("1.10.0")),
            (&four, &["1.2", "~1.2", "~> 1.2.3", "v1.2.3", "= 1.2.3", "1.0.0 - 1.2", ">=1.2 <1.10"], Some("1.2.3")),
            (
                &four,
                &["V1.2.3", "1.2.3.4", "01.2.3", "1-2", ">=1,<2", "latest", "=>1", "*-0", "<*", "1 -", "v 1"],
                None,
            ),
            (&pre, &["*", ">=3.9"], Some("3.10.0")),
            (&pre, &["3.12", "^3.12.0"], None),
            (&pre, &[">=3.12.0-0"], Some("3.12.0-rc.1")),
            (&pre, &[">=3.10.0-alpha.1 <3.10.0", "3.10.0-alpha.7"], Some("3.10.0-alpha.7")),
            (&betas, &["*", "1"], None),
            (&betas, &["^1.0.0-beta"], Some("1.0.0-beta.11")),
            (&zero, &["^0.3", "~0.3", "0.x"], Some("0.3.4")),
            (&zero, &["^0.0.1"], Some("0.0.1")),
        ];
        let mut wrong = Vec::new();
        for (installed, ranges, expected) in cases {
            for range in *ranges {
                let picked = parse_range(range).and_then(|range| {
                    let versions = installed.iter().map(|text| (text.parse::<Version>().unwrap(), *text));
                    versions.filter(|(version, _)| range.satisfies(version)).max().map(|(_, text)| text)
                });
                if picked != *expected {
                    wrong.push(format!("{range:?} selects {picked:?}, not {expected:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
