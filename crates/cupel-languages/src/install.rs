//! Installs the packages that languages name.
//!
//! Invariant: a toolchain whose version command succeeds is not installed again, regardless of its origin; for example,
//! an existing Node.js is not replaced by Debian's. Missing libraries of languages are installed only on request.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cupel_types::LanguageId;

use crate::{HostProbe, Language, LanguageSet, Library, LibraryPackage, Registry, library};

/// Install prefix of npm packages: below `/usr`, so that programs in the sandbox see it without a mount.
pub(crate) const NPM_PREFIX: &str = "/usr/local/lib/cupel/npm";

/// The languages that an operator selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The languages of this set.
    pub set: Option<LanguageSet>,
    /// The languages with these ids or aliases.
    pub names: Vec<String>,
}

impl Selection {
    /// Parses command-line words: `core`, `popular`, `all`, ids and aliases.
    pub fn from_words(words: &[String]) -> Selection {
        let mut selection = Selection::default();
        for word in words {
            let set = match word.as_str() {
                "all" => LanguageSet::All,
                "popular" => LanguageSet::Popular,
                "core" => LanguageSet::Core,
                _ => {
                    selection.names.push(word.clone());
                    continue;
                }
            };
            selection.set = selection.set.max(Some(set));
        }
        selection
    }
}

/// The missing packages of selected languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstallPlan {
    /// The languages that are not available yet.
    pub languages: Vec<LanguageId>,
    /// Debian packages to install.
    pub debian: Vec<String>,
    /// npm packages to install, with their version range.
    pub npm: Vec<String>,
}

/// Why packages cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// No language has this id or alias.
    #[error("there is no language `{name}`{}", suggestion.as_ref().map(|s| format!("; {s}")).unwrap_or_default())]
    UnknownLanguage {
        /// The requested name.
        name: String,
        /// A question that suggests the language with the most similar name.
        suggestion: Option<String>,
    },
    /// The user is not root, and `sudo` is not installed.
    #[error("installing packages requires root or `sudo`; run as root:\n{}", commands.join("\n"))]
    NeedsRoot {
        /// The commands to run as root, in shell syntax.
        commands: Vec<String>,
    },
    /// A package manager is not installed.
    #[error("the packages require `{program}`, but it is not installed; install it first")]
    NoProgram {
        /// The package manager.
        program: String,
    },
    /// A package manager could not be started.
    #[error("cannot run `{command}`")]
    Start {
        /// The command.
        command: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A package manager failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Failed {
        /// The command.
        command: String,
        /// The exit status.
        status: std::process::ExitStatus,
        /// The last lines of its output.
        output: String,
    },
}

impl InstallPlan {
    /// Determines the missing packages, including those of the languages' libraries if `with_libraries` is set. The
    /// registry must have been probed; the function also queries the machine's dpkg database. A set leaves out
    /// languages for which the operating system has no package.
    ///
    /// # Errors
    /// A name matches no language.
    pub fn new(registry: &Registry, selection: &Selection, with_libraries: bool) -> Result<InstallPlan, InstallError> {
        let in_set = |l: &&Language| selection.set.is_some_and(|set| l.packages.set <= set) && l.missing.is_none();
        let named = selection.names.iter().map(|name| named(registry, name));
        let wanted: Vec<&Language> = registry.iter().filter(in_set).map(Ok).chain(named).collect::<Result<_, _>>()?;
        let libraries = wanted.iter().filter(|_| with_libraries).flat_map(|language| &language.libraries);
        let libraries: Vec<&Library> = libraries.filter(|library| library.version.is_none()).collect();
        let rest = rest_of_available(&wanted);
        let npm_rest = npm_rest_of_available(&wanted, Path::new(NPM_PREFIX));
        let mut plan = missing(registry, wanted);
        plan.debian.extend(rest);
        plan.npm.extend(npm_rest);
        for library in libraries {
            match &library.package {
                LibraryPackage::Debian(name) => plan.debian.push(name.clone()),
                LibraryPackage::Npm(spec) => plan.npm.push(spec.clone()),
            }
        }
        for list in [&mut plan.debian, &mut plan.npm] {
            list.sort();
            list.dedup();
        }
        let host = HostProbe::default();
        if !plan.npm.is_empty() && host.find("npm").is_none() {
            let debians_node = library::debian_versions(&["nodejs"]).contains_key("nodejs");
            plan.debian.extend(debians_npm_fits(host.find("node").is_some(), debians_node).then(|| "npm".to_owned()));
        }
        let installed = library::debian_versions(&plan.debian.iter().map(String::as_str).collect::<Vec<_>>());
        plan.debian.retain(|package| !installed.contains_key(package));
        Ok(plan)
    }

    /// Whether all packages are installed.
    pub fn is_empty(&self) -> bool {
        self.debian.is_empty() && self.npm.is_empty()
    }

    /// The installation commands, in order, without `sudo`.
    pub fn commands(&self) -> Vec<Vec<String>> {
        let command = |fixed: &[&str], packages: &[String]| -> Vec<String> {
            fixed.iter().map(|s| (*s).to_owned()).chain(packages.iter().cloned()).collect()
        };
        let mut commands = Vec::new();
        if !self.debian.is_empty() {
            // Wait for a running apt-get, because a fresh machine is often still updating itself. With `--no-remove`,
            // apt-get never removes the operator's packages.
            let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"];
            commands.push(command(&[&apt[..], &["update"]].concat(), &[]));
            commands.push(command(
                &[&apt[..], &["install", "-y", "--no-remove", "--no-install-recommends"]].concat(),
                &self.debian,
            ));
        }
        if !self.npm.is_empty() {
            let npm = ["npm", "install", "--prefix", NPM_PREFIX, "--no-audit", "--no-fund", "--ignore-scripts"];
            commands.push(command(&npm, &self.npm));
        }
        commands
    }

    /// Runs the installation. `progress` receives progress messages for the operator, including each command before it
    /// runs. Blocks until all commands have finished.
    ///
    /// # Errors
    /// No permission to install, or a package manager is missing, cannot be started, or failed. Packages installed
    /// before the failure remain.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<(), InstallError> {
        let prefix = privilege(self)?;
        if !self.debian.is_empty() {
            progress(&format!("installing Debian packages: {}", self.debian.join(" ")));
        }
        if !self.npm.is_empty() {
            progress(&format!("installing npm packages into {NPM_PREFIX}: {}", self.npm.join(" ")));
        }
        for command in self.commands() {
            let command = [prefix.clone(), command].concat();
            let shown = command.join(" ");
            progress(&format!("+ {shown}"));
            let ended = Command::new(&command[0])
                .args(&command[1..])
                .stdin(Stdio::null())
                .output()
                .map_err(|source| InstallError::Start { command: shown.clone(), source })?;
            // A failed update of the package list is ignored: if the list is too old, the installation fails.
            if !ended.status.success() && command.last().is_none_or(|last| last != "update") {
                let output = last_lines(&[ended.stdout, ended.stderr].concat());
                return Err(InstallError::Failed { command: shown, status: ended.status, output });
            }
        }
        Ok(())
    }
}

/// The last lines of an installer's output, which contain the reason of a failure.
fn last_lines(output: &[u8]) -> String {
    let output = String::from_utf8_lossy(output);
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn named<'r>(registry: &'r Registry, name: &str) -> Result<&'r Language, InstallError> {
    registry
        .find(name)
        .ok_or_else(|| InstallError::UnknownLanguage { name: name.to_owned(), suggestion: registry.suggestion(name) })
}

/// The packages of the unavailable languages among `wanted`, and of the languages they require.
fn missing<'r>(registry: &'r Registry, mut wanted: Vec<&'r Language>) -> InstallPlan {
    let (mut debian, mut npm) = (BTreeSet::new(), BTreeSet::new());
    let mut seen = BTreeSet::new();
    while let Some(language) = wanted.pop() {
        if language.is_available() || !seen.insert(language.id.clone()) {
            continue;
        }
        debian.extend(language.packages.debian.iter().cloned());
        npm.extend(language.packages.npm.iter().cloned());
        wanted.extend(language.packages.requires.iter().filter_map(|id| registry.get(id)));
    }
    InstallPlan {
        languages: seen.into_iter().collect(),
        debian: debian.into_iter().collect(),
        npm: npm.into_iter().collect(),
    }
}

/// The packages of available languages whose first package, the toolchain itself, dpkg has installed. Other packages
/// may be missing: Debian's Python may be there without the shared library that warm starts need. A toolchain from
/// elsewhere stays as it is.
fn rest_of_available(wanted: &[&Language]) -> BTreeSet<String> {
    let available =
        || wanted.iter().filter(|language| language.is_available()).map(|language| &language.packages.debian);
    let toolchains: Vec<&str> = available().filter_map(|packages| packages.first()).map(String::as_str).collect();
    let installed = library::debian_versions(&toolchains);
    let is_debians = |packages: &&Vec<String>| packages.first().is_some_and(|first| installed.contains_key(first));
    available().filter(is_debians).flatten().cloned().collect()
}

/// The missing npm packages of available languages whose first npm package, the toolchain itself, is below `prefix`.
/// After an interrupted installation, the others may be missing.
fn npm_rest_of_available(wanted: &[&Language], prefix: &Path) -> BTreeSet<String> {
    let is_there = |spec: &&String| library::npm_version(prefix, library::npm_name(spec)).is_some();
    let available = wanted.iter().filter(|language| language.is_available()).map(|language| &language.packages.npm);
    let partial = available.filter(|packages| packages.first().as_ref().is_some_and(is_there));
    partial.flatten().filter(|spec| !is_there(spec)).cloned().collect()
}

/// Whether Debian's npm can be installed. It depends on Debian's Node.js, which Debian's other packages may bring
/// without npm, and which must not replace a Node.js from elsewhere.
fn debians_npm_fits(has_node: bool, debians_node: bool) -> bool {
    !has_node || debians_node
}

/// Prefix of the commands: nothing for root, `sudo` for other users.
fn privilege(plan: &InstallPlan) -> Result<Vec<String>, InstallError> {
    let host = HostProbe::default();
    let npm_comes = plan.debian.iter().any(|package| package == "npm");
    let programs = [("apt-get", !plan.debian.is_empty()), ("npm", !plan.npm.is_empty() && !npm_comes)];
    if let Some((program, _)) = programs.iter().find(|(program, needed)| *needed && host.find(program).is_none()) {
        return Err(InstallError::NoProgram { program: (*program).to_owned() });
    }
    // The owner of /proc/self is the effective user. Source: proc(5).
    if std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        Ok(Vec::new())
    } else if host.find("sudo").is_some() {
        Ok(vec!["sudo".to_owned()])
    } else {
        let commands = plan.commands().iter().map(|c| c.join(" ")).collect();
        Err(InstallError::NeedsRoot { commands })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Availability, Probe};

    fn of_set(set: LanguageSet) -> Selection {
        Selection { set: Some(set), names: Vec::new() }
    }

    /// A probe in which only these programs are installed.
    struct Only(&'static [&'static str]);

    impl Probe for Only {
        fn version(&self, command: &[String]) -> Result<String, String> {
            let there = self.0.contains(&command[0].as_str());
            if there { Ok("version 1.2.3".to_owned()) } else { Err("is not installed".to_owned()) }
        }
    }

    fn check(installed: &'static [&'static str], wanted: &[&str], debian: &[&str], npm: &[&str]) {
        let mut registry = Registry::load(None).unwrap();
        registry.probe(&Only(installed));
        let wanted = wanted.iter().map(|id| named(&registry, id).unwrap()).collect();
        let plan = missing(&registry, wanted);
        assert_eq!(
            (plan.debian.as_slice(), plan.npm.as_slice()),
            (strings(debian).as_slice(), strings(npm).as_slice())
        );
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn only_missing_toolchains_are_installed() {
        check(&["python3"], &["python", "ruby"], &["ruby"], &[]);
        check(&["python3", "ruby"], &["python", "rb"], &[], &[]);
    }

    #[test]
    fn an_existing_node_is_never_replaced() {
        check(&["node"], &["typescript"], &[], &["@types/node@20", "typescript@5"]);
        check(&[], &["typescript"], &["nodejs"], &["@types/node@20", "typescript@5"]);
    }

    #[test]
    fn debians_npm_is_installed_beside_debians_node_and_without_a_node() {
        for (has_node, debians_node, expected) in
            [(false, false, true), (false, true, true), (true, true, true), (true, false, false)]
        {
            assert_eq!(debians_npm_fits(has_node, debians_node), expected, "{has_node} {debians_node}");
        }
    }

    #[test]
    fn the_missing_npm_packages_of_an_available_language_are_installed_if_its_toolchain_is_from_npm() {
        let prefix = tempfile::tempdir().unwrap();
        let install = |name: &str| {
            let package = prefix.path().join("node_modules").join(name);
            std::fs::create_dir_all(&package).unwrap();
            std::fs::write(package.join("package.json"), "{ \"version\": \"5.9.2\" }").unwrap();
        };
        let mut typescript = Registry::load(None).unwrap().find("typescript").unwrap().clone();
        typescript.packages.npm = strings(&["typescript@5", "@types/node@20"]);
        typescript.availability = Availability::Available { version: "5.9.2".to_owned() };
        let rest = |language: &Language| npm_rest_of_available(&[language], prefix.path());
        assert!(rest(&typescript).is_empty(), "its toolchain is from elsewhere");
        install("typescript");
        assert!(rest(&typescript).iter().eq(&["@types/node@20"]));
        install("@types/node");
        assert!(rest(&typescript).is_empty());
        std::fs::remove_dir_all(prefix.path().join("node_modules/@types")).unwrap();
        typescript.availability = Availability::Unprobed;
        assert!(rest(&typescript).is_empty());
    }

    #[test]
    fn packages_shared_by_two_languages_are_listed_once() {
        check(&[], &["c", "cpp", "assembly"], &["g++", "gcc", "libc6-dev", "nasm"], &[]);
    }

    #[test]
    fn the_error_for_an_unknown_language_suggests_the_nearest() {
        let registry = Registry::load(None).unwrap();
        let error = InstallPlan::new(&registry, &Selection::from_words(&strings(&["pyhton"])), false).unwrap_err();
        assert_eq!(error.to_string(), "there is no language `pyhton`; did you mean `python`?");
    }

    #[test]
    fn a_selected_set_contains_the_smaller_sets() {
        let registry = Registry::load(None).unwrap();
        let plan = InstallPlan::new(&registry, &of_set(LanguageSet::Core), false).unwrap();
        assert!(plan.languages.iter().all(|id| registry.get(id).is_some_and(|l| l.packages.set == LanguageSet::Core)));
        assert_eq!(plan.languages.len(), 11);
        let number = |set| InstallPlan::new(&registry, &of_set(set), false).unwrap().languages.len();
        let packaged = registry.iter().filter(|language| language.missing.is_none()).count();
        assert!(number(LanguageSet::Popular) > 25 && number(LanguageSet::All) == packaged);
    }

    #[test]
    fn a_language_without_a_package_is_installed_only_by_name() {
        let registry = Registry::load(None).unwrap();
        let plan = |selection| InstallPlan::new(&registry, &selection, false).unwrap().languages;
        let python2 = registry.find("python2").unwrap().id.clone();
        assert!(!plan(of_set(LanguageSet::All)).contains(&python2));
        assert_eq!(plan(Selection::from_words(&strings(&["python2"]))), [python2]);
    }

    #[test]
    fn the_missing_packages_of_an_available_language_are_installed_if_it_is_debians() {
        // Every Debian system has dpkg.
        for (packages, expected) in
            [(["dpkg", "cupel-missing"], &["cupel-missing", "dpkg"][..]), (["cupel-missing", "cupel-missing-too"], &[])]
        {
            let mut registry = Registry::load(None).unwrap();
            registry.probe(&Only(&["python3"]));
            let mut python = registry.find("python").unwrap().clone();
            python.packages.debian = strings(&packages);
            assert!(python.is_available());
            assert!(rest_of_available(&[&python]).iter().eq(expected), "{packages:?}");
            python.availability = Availability::Unprobed;
            assert!(rest_of_available(&[&python]).is_empty(), "{packages:?}");
        }
    }

    #[test]
    fn libraries_are_installed_on_request_also_for_an_installed_language() {
        let mut registry = Registry::load(None).unwrap();
        registry.probe(&Only(&["python3"]));
        let python = Selection::from_words(&strings(&["python"]));
        let own = ["libpython3.11", "python3"];
        let there = library::debian_versions(&own);
        let rest = own.iter().filter(|package| there.contains_key("python3") && !there.contains_key(**package));
        let plan = InstallPlan::new(&registry, &python, false).unwrap();
        assert!(plan.debian.iter().eq(rest) && plan.npm.is_empty(), "{plan:?}");
        let lacking: Vec<&Library> =
            registry.find("python").unwrap().libraries.iter().filter(|library| library.version.is_none()).collect();
        assert!(lacking.iter().any(|library| library.name == "NumPy"), "this probe finds no library");
        let debian: Vec<&str> = ["python3-numpy", "python3-scipy"].to_vec();
        let there = library::debian_versions(&debian);
        let plan = InstallPlan::new(&registry, &python, true).unwrap();
        for package in debian {
            assert_eq!(plan.debian.contains(&package.to_owned()), !there.contains_key(package), "{package}");
        }
    }

    #[test]
    fn the_plan_becomes_package_manager_commands() {
        let plan =
            InstallPlan { languages: Vec::new(), debian: strings(&["ghc", "ruby"]), npm: strings(&["typescript@5"]) };
        let lines: Vec<_> = plan.commands().iter().map(|c| c.join(" ")).collect();
        let apt = "env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600";
        assert_eq!(
            lines,
            [
                format!("{apt} update"),
                format!("{apt} install -y --no-remove --no-install-recommends ghc ruby"),
                "npm install --prefix /usr/local/lib/cupel/npm --no-audit --no-fund --ignore-scripts typescript@5"
                    .to_owned(),
            ]
        );
        assert!(InstallPlan::default().is_empty() && InstallPlan::default().commands().is_empty());
    }

    #[test]
    fn command_line_words_select_languages() {
        let select = |words: &[&str]| Selection::from_words(&strings(words));
        for (word, set) in [("all", LanguageSet::All), ("popular", LanguageSet::Popular), ("core", LanguageSet::Core)] {
            assert_eq!(select(&[word]), of_set(set));
        }
        assert_eq!(select(&["c", "go"]), Selection { set: None, names: strings(&["c", "go"]) });
        let both = Selection { set: Some(LanguageSet::Popular), names: strings(&["cobol"]) };
        assert_eq!(select(&["core", "cobol", "popular"]), both);
    }
}
