//! Records which languages are available: probes their toolchains, and applies the requirements between languages.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use cupel_types::Root;

use super::Registry;
use crate::{ANY_PROGRAM, Availability, FoundImage, Language, Probe, Template};

/// Maximum number of version commands run in parallel; most of them wait for the disk.
const PROBES_AT_A_TIME_MAX: usize = 8;

impl Registry {
    /// Probes which toolchains and which of their libraries are installed. Blocks until every version command has
    /// finished or timed out; several run in parallel.
    pub fn probe(&mut self, probe: &dyn Probe) {
        self.probe_toolchains(probe);
        let packages =
            self.languages.iter().flat_map(|l| &l.libraries).map(|library| library.package.clone()).collect();
        let found = probe.libraries(&packages);
        for library in self.languages.iter_mut().flat_map(|language| &mut language.libraries) {
            library.version = found.get(&library.package).cloned();
        }
    }

    /// Like [`Registry::probe`], without the libraries. For commands that only run programs.
    pub fn probe_toolchains(&mut self, probe: &dyn Probe) {
        let found = self.probe_all(|language| probed(language, probe));
        for (at, found) in found {
            self.languages[at].accept(found);
        }
        self.settle_requirements();
    }

    /// Probes the languages that have an image. A language of the machine keeps its availability from `before` if its
    /// version command is unchanged and it uses no new program, and it keeps the prepared artefacts whose
    /// specification is unchanged. Otherwise, the probe reports why the language is unavailable.
    pub fn probe_beside(&mut self, before: &Registry, probe: &dyn Probe) {
        let known_of = |language: &Language| {
            before.get(&language.id).filter(|known| {
                language.image.is_none()
                    && known.image.is_none()
                    && known.version == language.version
                    && language.programs().all(|program| known.programs().any(|other| other == program))
                    && known.availability != Availability::Unprobed
            })
        };
        let found = self.probe_all(|language| match known_of(language) {
            Some(known) => {
                let checks = || known.check.as_ref().and_then(Template::program);
                let program = language.check.as_ref().and_then(Template::program);
                let has_check = program.is_some_and(|p| known.programs().chain(checks()).any(|other| other == p));
                let compile_programs = compile_programs(language, probe);
                Probed { availability: known.availability.clone(), image: None, has_check, compile_programs }
            }
            None => probed(language, probe),
        });
        for (at, found) in found {
            let language = &mut self.languages[at];
            let known = known_of(language);
            for library in &mut language.libraries {
                let before = known.iter().flat_map(|known| &known.libraries);
                let same =
                    before.filter(|before| before.package == library.package).find_map(|same| same.version.clone());
                library.version = same;
            }
            language.accept(found);
            if let Some(known) = known {
                language.take_over_prepared(known);
            }
        }
        self.settle_requirements();
    }

    /// Probes every language. Several are probed in parallel.
    fn probe_all(&self, probe_one: impl Fn(&Language) -> Probed + Sync) -> Vec<(usize, Probed)> {
        let next = AtomicUsize::new(0);
        let languages = &self.languages;
        std::thread::scope(|scope| {
            let probe_next = || {
                let mut mine = Vec::new();
                while let Some((at, language)) = take(&next, languages) {
                    mine.push((at, probe_one(language)));
                }
                mine
            };
            let threads: Vec<_> =
                (0..languages.len().min(PROBES_AT_A_TIME_MAX)).map(|_| scope.spawn(probe_next)).collect();
            threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
        })
    }

    /// Marks a language as unavailable if a language that it requires is unavailable.
    fn settle_requirements(&mut self) {
        // Each round resolves one more link of a chain, so there are at most as many rounds as languages.
        for _ in 0..self.languages.len() {
            let lacking: Vec<(usize, String)> =
                self.languages.iter().enumerate().filter_map(|l| self.lacks(l)).collect();
            if lacking.is_empty() {
                return;
            }
            for (at, reason) in lacking {
                self.languages[at].availability = Availability::Unavailable { reason };
            }
        }
    }

    /// The reason why an otherwise available language cannot be used.
    fn lacks(&self, (at, language): (usize, &Language)) -> Option<(usize, String)> {
        let required = language.packages.requires.iter().filter_map(|id| self.get(id));
        let missing = required.filter(|_| language.is_available()).find(|required| !required.is_available())?;
        let why = missing.availability.reason().unwrap_or("it was not probed");
        Some((at, format!("it requires {}: {why}", missing.name)))
    }
}

/// The next language that no thread has taken.
fn take<'a>(next: &AtomicUsize, languages: &'a [Language]) -> Option<(usize, &'a Language)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    languages.get(at).map(|language| (at, language))
}

impl Language {
    /// The programs of the toolchain that compile and execute.
    fn programs(&self) -> impl Iterator<Item = &str> {
        self.compile.iter().chain([&self.execute]).filter_map(Template::program)
    }

    /// Records the result of a probe.
    fn accept(&mut self, Probed { availability, image, has_check, compile_programs }: Probed) {
        if !has_check {
            self.check = None;
        }
        self.availability = availability;
        self.compile_programs = compile_programs;
        self.root = image.as_ref().map_or(Root::System, |image| image.root.clone());
        self.found_image = image;
    }
}

/// Result of a probe.
struct Probed {
    availability: Availability,
    image: Option<FoundImage>,
    /// Whether the program that checks the syntax is installed. The language can be used without it.
    has_check: bool,
    /// See [`Language::compile_programs`].
    compile_programs: Vec<String>,
}

fn probed(language: &Language, probe: &dyn Probe) -> Probed {
    let mut pulling = None;
    let (image, version) = match &language.image {
        None => (None, installed_version(language, probe)),
        Some(name) => match probe.image(name, language) {
            Ok(image) => {
                let version = version_in(language, &image, probe);
                (Some(image), version)
            }
            Err(reason) => {
                pulling = probe.pulling(name);
                (None, Err(reason))
            }
        },
    };
    let availability = match (version, pulling, &language.missing) {
        (Ok(version), ..) => Availability::Available { version },
        (Err(_), Some(pulling), _) => Availability::Pulling(pulling),
        (Err(reason), None, None) => Availability::Unavailable { reason },
        (Err(reason), None, Some(missing)) => Availability::Unavailable { reason: format!("{reason}: {missing}") },
    };
    let has_check = language.check.as_ref().and_then(Template::program).is_some_and(|program| match &image {
        None => probe.is_installed(program),
        Some(image) => probe.is_installed_in(image, program).unwrap_or(false),
    });
    let compile_programs = if image.is_some() { Vec::new() } else { compile_programs(language, probe) };
    Probed { availability, image, has_check, compile_programs }
}

/// See [`Language::compile_programs`]. The version of the version command's program is known, so it is left out.
fn compile_programs(language: &Language, probe: &dyn Probe) -> Vec<String> {
    let commands = language.compile.iter().chain(&language.check).filter_map(Template::program);
    let mut programs: BTreeSet<&str> = commands.chain(language.compilers.iter().map(String::as_str)).collect();
    programs.remove(ANY_PROGRAM);
    language.version.command.first().map(|program| programs.remove(program.as_str()));
    let described = |program| format!("{program} {}", probe.fingerprint(program).unwrap_or_default());
    programs.into_iter().map(described).collect()
}

/// The version of a language whose toolchain is in an image. It contains the image's digest, so data that are cached
/// per version, such as compiled programs, are never used with another image.
fn version_in(language: &Language, image: &FoundImage, probe: &dyn Probe) -> Result<String, String> {
    let command = &language.version.command;
    // This check comes first, because it starts no program.
    for program in language.programs().chain(command.first().map(String::as_str)) {
        if !probe.is_installed_in(image, program)? {
            return Err(format!("`{program}` is not in the image"));
        }
    }
    let printed = probe.version_in(image, command)?;
    let version = language.version.find(&printed);
    let version = version.ok_or_else(|| format!("`{}` printed no version", command.join(" ")))?;
    Ok(format!("{version} (sha256:{})", image.digest))
}

fn installed_version(language: &Language, probe: &dyn Probe) -> Result<String, String> {
    let command = &language.version.command;
    let printed = probe.version(command)?;
    let version = language.version.find(&printed);
    let version = version.ok_or_else(|| format!("`{}` printed no version", command.join(" ")))?;
    // The version command may use a different program than the compile and execute commands.
    match language.programs().find(|program| !probe.is_installed(program)) {
        Some(missing) => Err(format!("`{missing}` is not installed")),
        None => Ok(version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use cupel_types::ImageName;

    use super::super::test_support::{OneImage, in_image, registry};
    use super::*;
    use crate::Pulling;

    struct Fake;

    impl Probe for Fake {
        fn version(&self, command: &[String]) -> Result<String, String> {
            match command[0].as_str() {
                "half" | "old" => Ok("old (build 7), version 1.2.3".to_owned()),
                "mute" => Ok("hello".to_owned()),
                other => Err(format!("`{other}` is not installed")),
            }
        }

        fn is_installed(&self, program: &str) -> bool {
            program != "half"
        }
    }

    #[test]
    fn probing_determines_the_availability_of_every_language() {
        let mut registry = registry(&[("gone", "", ""), ("half", "", ""), ("mute", "", ""), ("old", "", "")]).unwrap();
        registry.probe(&Fake);
        let found: Vec<_> = registry.iter().map(|l| l.availability.clone()).collect();
        assert_eq!(
            found,
            [
                Availability::Unavailable { reason: "`gone` is not installed".to_owned() },
                Availability::Unavailable { reason: "`half` is not installed".to_owned() },
                Availability::Unavailable { reason: "`mute --version` printed no version".to_owned() },
                Availability::Available { version: "1.2.3".to_owned() },
            ]
        );
    }

    #[test]
    fn a_language_is_available_without_the_program_that_checks_its_syntax() {
        struct Only(&'static [&'static str]);
        impl Probe for Only {
            fn version(&self, command: &[String]) -> Result<String, String> {
                let program = command[0].as_str();
                self.is_installed(program).then(|| "5.4.1".to_owned()).ok_or(format!("`{program}` is not installed"))
            }
            fn is_installed(&self, program: &str) -> bool {
                self.0.contains(&program)
            }
        }
        for (installed, has_check) in [(&["lua5.4"][..], false), (&["lua5.4", "luac5.4"], true)] {
            let mut registry = Registry::load(None).unwrap();
            registry.probe(&Only(installed));
            let lua = registry.find("lua").unwrap();
            assert_eq!((lua.is_available(), lua.check.is_some()), (true, has_check), "{installed:?}");
            let python = &registry.find("python2").unwrap().availability;
            let Availability::Unavailable { reason } = python else { panic!("{python:?}") };
            assert!(reason.starts_with("`python2` is not installed: Debian 12 has no Python 2"), "{reason}");
        }
    }

    /// Regression: a program was not compiled again after an upgrade of a compiler that the version command does not
    /// name.
    #[test]
    fn a_probe_describes_the_compilers_that_the_version_command_does_not_name() {
        struct Host(&'static str);
        impl Probe for Host {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Ok("1.2.3".to_owned())
            }
            fn fingerprint(&self, program: &str) -> Option<String> {
                (program != "absent").then(|| format!("of {program}: {}", self.0))
            }
        }
        let of = |keys: &str| {
            let text = format!(
                "name = 'X'\nextensions = []\nsource = 'main.x'\nexecute = ['./main']\n{keys}\nsamples = []\n[packages]\n\
                 [version]\ncommand = ['xc', '--version']\n"
            );
            Registry::new(vec![crate::file::parse("x.toml", "x.toml", &text).unwrap()]).unwrap()
        };
        for (keys, expected) in [
            ("compile = [['xc', '{source}']]", &[][..]),
            ("compile = [['xc', '{source}'], ['ld'], ['ld', 'x']]", &["ld of ld: 1"][..]),
            ("compile = [['xc', '{source}']]\ncompilers = ['gcc', 'absent']", &["absent ", "gcc of gcc: 1"][..]),
            ("compile = [['xc', '{source}']]\ncompilers = ['*']", &[][..]),
            ("check = ['lint', '{source}']", &["lint of lint: 1"][..]),
        ] {
            let mut before = of(keys);
            before.probe(&Host("1"));
            let language = before.find("x").unwrap();
            assert_eq!(language.compile_programs, expected, "{keys}");
            assert_eq!(language.is_compilation_repeatable(), !keys.contains('*'), "{keys}");
            let mut after = of(keys);
            after.probe_beside(&before, &Host("2"));
            let after = &after.find("x").unwrap().compile_programs;
            assert_eq!((after.len(), after == expected), (expected.len(), expected.iter().all(|l| !l.contains('1'))));
        }
        let shipped = Registry::load(None).unwrap();
        let others = shipped.iter().filter(|language| !language.is_compilation_repeatable());
        assert_eq!(others.map(|language| language.id.as_str()).collect::<Vec<_>>(), ["multi-file"]);
    }

    #[test]
    fn a_language_is_unavailable_without_the_language_it_requires() {
        let mut registry = registry(&[("gone", "", ""), ("old", "", "")]).unwrap();
        registry.languages[1].packages.requires.push("gone".parse().unwrap());
        registry.probe(&Fake);
        let reason = "it requires Name of gone: `gone` is not installed".to_owned();
        assert_eq!(registry.find("old").unwrap().availability, Availability::Unavailable { reason });
    }

    #[test]
    fn a_language_in_an_image_has_its_version_with_the_digest() {
        let mut of_absent_compiler = in_image("d", "there", "run", None);
        of_absent_compiler.version.command = vec!["missing".to_owned()];
        let languages = vec![
            in_image("a", "there", "run", None),
            in_image("b", "elsewhere", "run", None),
            in_image("c", "there", "missing", None),
            of_absent_compiler,
        ];
        let mut registry = Registry::new(languages).unwrap();
        registry.probe(&OneImage("x 4.5.6"));
        let digest = "ab".repeat(32);
        let language = registry.find("a").unwrap();
        assert_eq!(language.installed_version(), Some(&*format!("4.5.6 (sha256:{digest})")));
        assert_eq!(language.version_number(), Some("4.5.6"));
        assert_eq!(language.image_digest(), Some(&*format!("sha256:{digest}")));
        let env = language.environment(&[]);
        let value = |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!((value("A"), value("PATH"), value("HOME")), (Some("language"), Some("/image"), Some("/tmp")));
        let reason = |id: &str| match &registry.find(id).unwrap().availability {
            Availability::Unavailable { reason } => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason("b"), "no image elsewhere:latest");
        assert_eq!(reason("c"), "`missing` is not in the image");
        assert_eq!(reason("d"), "`missing` is not in the image");
    }

    #[test]
    fn a_language_whose_image_is_being_pulled_is_unavailable_without_details_for_clients() {
        struct Pulls(Option<&'static str>);
        impl Probe for Pulls {
            fn version(&self, command: &[String]) -> Result<String, String> {
                OneImage("").version(command)
            }
            fn image(&self, name: &ImageName, language: &Language) -> Result<FoundImage, String> {
                OneImage("").image(name, language)
            }
            fn version_in(&self, image: &FoundImage, command: &[String]) -> Result<String, String> {
                OneImage("7.8").version_in(image, command)
            }
            fn pulling(&self, _: &ImageName) -> Option<Pulling> {
                Some(Pulling { failure: self.0.map(str::to_owned) })
            }
        }
        let reasons = [
            (None, "its image is being pulled"),
            (
                Some("the registry `internal:5000` failed"),
                "its image could not be pulled so far; the attempts continue",
            ),
        ];
        for (failure, reason) in reasons {
            let languages = vec![in_image("a", "there", "run", None), in_image("b", "elsewhere", "run", None)];
            let mut registry = Registry::new(languages).unwrap();
            registry.probe(&Pulls(failure));
            assert_eq!(registry.find("a").unwrap().version_number(), Some("7.8"), "the image is there");
            let missing = registry.find("b").unwrap();
            assert_eq!(missing.availability.reason(), Some(reason));
            assert!(!missing.is_available());
            let pulling = Pulling { failure: failure.map(str::to_owned) };
            assert_eq!(registry.pulling(), [(missing.id.clone(), pulling)].into());
        }
    }

    #[test]
    fn a_reload_keeps_the_machines_toolchains_and_probes_images() {
        let mut before = registry(&[("gone", "", ""), ("old", "", "")]).unwrap();
        before.probe(&Fake);
        let mut languages = registry(&[("gone", "", ""), ("old", "", ""), ("new", "", "")]).unwrap().languages;
        languages.push(in_image("z", "there", "run", None));
        let mut after = Registry::new(languages).unwrap();
        struct Reload;
        impl Probe for Reload {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Err("restart".to_owned())
            }
            fn image(&self, name: &ImageName, language: &Language) -> Result<FoundImage, String> {
                OneImage("").image(name, language)
            }
            fn version_in(&self, _: &FoundImage, _: &[String]) -> Result<String, String> {
                Ok("7.8".to_owned())
            }
        }
        after.probe_beside(&before, &Reload);
        let version = |id: &str| after.find(id).unwrap().version_number();
        assert_eq!(
            (version("gone"), version("old"), version("new"), version("z")),
            (None, Some("1.2.3"), None, Some("7.8"))
        );
    }

    #[test]
    fn a_reload_keeps_a_toolchain_only_if_its_programs_and_its_version_are_found_as_before() {
        struct Host;
        impl Probe for Host {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Ok("1.2.3".to_owned())
            }
            fn is_installed(&self, program: &str) -> bool {
                program != "absent"
            }
        }
        struct Reload;
        impl Probe for Reload {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Err("restart".to_owned())
            }
        }
        let of = |keys: &str, pattern: &str| {
            let text = format!(
                "name = 'X'\nextensions = []\nsource = 'main.x'\n{keys}\nsamples = []\n[packages]\n\
                 [version]\ncommand = ['x', '--version']\npattern = '{pattern}'\n"
            );
            Registry::new(vec![crate::file::parse("x.toml", "x.toml", &text).unwrap()]).unwrap()
        };
        let numbers = r"\d+(?:\.\d+)+";
        let interpreted = "execute = ['x', '{source}']";
        let with_check = |program: &str| format!("{interpreted}\ncheck = ['{program}', '-c', '{{source}}']");
        for (before, after, pattern, expected) in [
            (interpreted.to_owned(), interpreted.to_owned(), numbers, Some(false)),
            (interpreted.to_owned(), "execute = ['x', '-O', '{source}']".to_owned(), numbers, Some(false)),
            (interpreted.to_owned(), interpreted.to_owned(), r"\d+", None),
            (interpreted.to_owned(), "execute = ['y', '{source}']".to_owned(), numbers, None),
            (interpreted.to_owned(), format!("{interpreted}\ncompile = [['y', '{{source}}']]"), numbers, None),
            // Its own program can check the syntax, too.
            (interpreted.to_owned(), with_check("x"), numbers, Some(true)),
            (interpreted.to_owned(), with_check("y"), numbers, Some(false)),
            (with_check("y"), with_check("y"), numbers, Some(true)),
            (with_check("absent"), with_check("absent"), numbers, Some(false)),
            (with_check("y"), interpreted.to_owned(), numbers, Some(false)),
        ] {
            let mut known = of(&before, numbers);
            known.probe(&Host);
            assert!(known.find("x").unwrap().is_available(), "{before}");
            let mut reloaded = of(&after, pattern);
            reloaded.probe_beside(&known, &Reload);
            let language = reloaded.find("x").unwrap();
            let found = language.is_available().then_some(language.check.is_some());
            assert_eq!(found, expected, "{before}\n{after}\n{pattern}");
        }
    }
}
