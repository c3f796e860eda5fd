//! Libraries that programs of a language can use in addition to those of its toolchain, and their installed
//! versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use regex_lite::Regex;

use crate::install::NPM_PREFIX;

/// A library that an operator may install for a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Name for people, such as `NumPy`.
    pub name: String,
    /// The package that contains it.
    pub package: LibraryPackage,
    /// The installed version; `None` if it is not installed, or before a probe.
    pub version: Option<String>,
}

/// A package that contains a library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LibraryPackage {
    /// A Debian package; written `debian:NAME`.
    Debian(String),
    /// An npm package with a version range, such as `lodash@4`; written `npm:NAME@RANGE`.
    Npm(String),
}

impl LibraryPackage {
    /// Parses the notation of language files.
    ///
    /// # Errors
    /// The fault, as a message.
    pub(crate) fn parse(text: &str) -> Result<LibraryPackage, String> {
        let is_plain = |name: &str| {
            let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@');
            starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_+.@/^~".contains(c))
        };
        match text.split_once(':') {
            Some(("debian", name)) if is_plain(name) && !name.starts_with('@') => {
                Ok(LibraryPackage::Debian(name.to_owned()))
            }
            Some(("npm", spec)) if is_plain(spec) => Ok(LibraryPackage::Npm(spec.to_owned())),
            _ => Err(format!("expected `debian:PACKAGE` or `npm:PACKAGE@VERSION`, not {text:?}")),
        }
    }
}

/// The versions of those packages that are installed on this machine.
pub(crate) fn installed(packages: &BTreeSet<LibraryPackage>) -> BTreeMap<LibraryPackage, String> {
    let debian: Vec<&str> = packages
        .iter()
        .filter_map(|package| match package {
            LibraryPackage::Debian(name) => Some(name.as_str()),
            LibraryPackage::Npm(_) => None,
        })
        .collect();
    let debian = debian_versions(&debian);
    let version = |package: &LibraryPackage| match package {
        LibraryPackage::Debian(name) => debian.get(name).cloned(),
        LibraryPackage::Npm(spec) => npm_version(Path::new(NPM_PREFIX), npm_name(spec)),
    };
    packages.iter().filter_map(|package| Some((package.clone(), version(package)?))).collect()
}

/// The upstream versions of the packages that dpkg reports as installed; empty if dpkg is missing.
pub(crate) fn debian_versions(packages: &[&str]) -> BTreeMap<String, String> {
    if packages.is_empty() {
        return BTreeMap::new();
    }
    // dpkg-query(1) reports unknown names on standard error and in the exit code. Both are ignored here.
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n"])
        .args(packages)
        .stdin(Stdio::null())
        .output();
    let printed = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let package = |line: &str| {
        let (name, version) = line.strip_prefix("installed ")?.split_once(' ')?;
        Some((name.to_owned(), upstream(version).to_owned()))
    };
    printed.lines().filter_map(package).collect()
}

/// The upstream part of a Debian version, without epoch, revision and repacking suffix. Source: deb-version(7).
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    version.split_once('+').map_or(version, |(upstream, _)| upstream)
}

/// The name in `NAME@RANGE`; a scope also begins with `@`.
pub(crate) fn npm_name(spec: &str) -> &str {
    match spec.get(1..).and_then(|rest| rest.find('@')) {
        Some(at) => &spec[..at + 1],
        None => spec,
    }
}

/// The version of an npm package below a prefix; `None` if it is not installed.
pub(crate) fn npm_version(prefix: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(prefix.join("node_modules").join(name).join("package.json")).ok()?;
    let pattern = Regex::new(r#""version"\s*:\s*"([^"]+)""#).ok()?;
    Some(pattern.captures(&text)?.get(1)?.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_written_with_its_kind() {
        assert_eq!(
            LibraryPackage::parse("debian:python3-numpy"),
            Ok(LibraryPackage::Debian("python3-numpy".to_owned()))
        );
        assert_eq!(LibraryPackage::parse("npm:@types/node@20"), Ok(LibraryPackage::Npm("@types/node@20".to_owned())));
        for bad in
            ["python3-numpy", "debian:", "debian:-y", "debian:a b", "npm:", "npm:--global", "pypi:numpy", "debian:a;b"]
        {
            assert!(LibraryPackage::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_version_of_a_library_is_that_of_its_authors() {
        for (version, expected) in [
            ("1:1.24.2-1+deb12u1", "1.24.2"),
            ("1.5.3+dfsg-2", "1.5.3"),
            ("2:6.2.1+dfsg1-1.1", "6.2.1"),
            ("1.74.0.3", "1.74.0.3"),
        ] {
            assert_eq!(upstream(version), expected);
        }
        assert_eq!(
            [npm_name("lodash@4"), npm_name("@types/node@20"), npm_name("left-pad")],
            ["lodash", "@types/node", "left-pad"]
        );
    }

    #[test]
    fn installed_packages_are_found() {
        let place = tempfile::tempdir().unwrap();
        let package = place.path().join("node_modules/lodash");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("package.json"), r#"{ "name": "lodash", "version": "4.17.21" }"#).unwrap();
        assert_eq!(npm_version(place.path(), "lodash").as_deref(), Some("4.17.21"));
        assert_eq!(npm_version(place.path(), "other"), None);
        // Every Debian system has dpkg.
        let dpkg = LibraryPackage::Debian("dpkg".to_owned());
        let missing = LibraryPackage::Debian("cupel-no-such-package".to_owned());
        let found = installed(&[dpkg.clone(), missing.clone()].into());
        assert!(found.get(&dpkg).is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())), "{found:?}");
        assert_eq!(found.get(&missing), None);
    }
}
