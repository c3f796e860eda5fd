//! A language: the contents of its file, and whether its toolchain is installed.

use std::collections::BTreeMap;

use cupel_types::{BoxPath, ContentHash, ImageName, LanguageId, Limits, LimitsRequest, Root, ToolOptions, Verdict};
use regex_lite::Regex;
use serde::Deserialize;

use crate::{CompileService, ExceptionRule, FacadeOptions, Library, Placeholders, Prepare, Template};

/// Base environment of every program; the image, the language and the submission can override it.
const BASE_ENV: [(&str, &str); 3] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];

/// Entry of [`Language::compilers`] for compile commands that may start every program.
pub const ANY_PROGRAM: &str = "*";

/// A language in the registry.
#[derive(Clone, Debug)]
pub struct Language {
    /// Stable id: the stem of the file name.
    pub id: LanguageId,
    /// Display name, including the version that the language guarantees: `Python 3.11`, `C++17`.
    pub name: String,
    /// Whether lists for users contain the language. A language that exists only for clients of other products, or in
    /// an image that requests name, is not listed, but its id is valid.
    pub listed: bool,
    /// Alternative names. Same syntax as ids, plus `#`.
    pub aliases: Vec<String>,
    /// File-name extensions, without the dot, by which the language of a source is recognized.
    pub extensions: Vec<String>,
    /// Default path of the main source in the box, used if the client does not specify one.
    pub source: BoxPath,
    /// Artefacts prepared once per toolchain, in order.
    pub prepare: Vec<Prepare>,
    /// Compile commands, run one after another, each in a fresh cell with the files that the previous command left;
    /// empty for interpreted languages.
    pub compile: Vec<Template>,
    /// Programs that the compile commands start without naming them, such as the C compiler of a compiler that
    /// generates C. [`ANY_PROGRAM`] stands for every program.
    pub compilers: Vec<String>,
    /// The installed programs that determine the result of a compilation beside the version: a line for each, which
    /// changes with the program. Empty before a probe, and if the toolchain is in an image, whose digest is a part of
    /// the version.
    pub compile_programs: Vec<String>,
    /// The compile service, if there is one; the language then has exactly one compile command.
    pub service: Option<CompileService>,
    /// The command that runs the program; the program's arguments are appended.
    pub execute: Template,
    /// The command that checks the syntax of a submission to a problem without running the program. `None` for
    /// languages with a compiler, for those whose interpreter has no such command, and after a probe that did not find
    /// the command's program.
    pub check: Option<Template>,
    /// Extensions of headers, without the dot. They determine the language of files among which no file has the
    /// extension of a source.
    pub headers: Vec<String>,
    /// Why the operating system has no package for the language; shown if its toolchain is not installed.
    pub missing: Option<String>,
    /// Names of the class to start, in order of preference, if commands contain `{main_class}`. `{stem}` in a name is
    /// the main source's file name without its extension. See [`Language::main_class`].
    pub main_class: Vec<String>,
    /// Keywords that introduce a type, if a public type must be in a file with its name. See
    /// [`Language::files_named_by_type`].
    pub named_by_type: Vec<String>,
    /// Environment of the compile and execute steps, added to the base; see [`Language::environment`].
    pub env: Vec<(String, String)>,
    /// The container image that contains the toolchain; `None` if the toolchain is installed on the machine.
    pub image: Option<ImageName>,
    /// Where a process that runs programs pulls the image from, written as for `cupel images add`. `None`: an operator
    /// adds the image.
    pub image_source: Option<String>,
    /// Executor of the image's programs. `None` for a language without an image and, if the language file does not name
    /// it, before [`Registry::run_images_in`](crate::Registry::run_images_in).
    pub executor: Option<ImageExecutor>,
    /// Digest, environment and files of the image, once the image is found.
    pub found_image: Option<FoundImage>,
    /// The directory that the language's programs see as `/`. [`Root::System`] until the image is found.
    pub root: Root,
    /// The language of which this is another version: `python` for a file that provides `python@3.13`.
    pub version_of: Option<LanguageId>,
    /// Host directories and files that the toolchain needs, in addition to `/usr` and the links into it.
    pub mounts: Vec<String>,
    /// Patterns of the files that the compile step passes on to the program; if empty, all files. See
    /// [`Language::is_artifact`].
    pub artifacts: Vec<String>,
    /// Interpreter that is kept initialised and ready to be forked, by its name in the sandbox. Programs that cannot be
    /// started from it are executed normally.
    pub warm: Option<String>,
    /// Name of the driver in `cupel-function` that calls functions in this language.
    pub driver: Option<String>,
    /// Names that other products' clients use for the language, by facade.
    pub facades: BTreeMap<String, Vec<String>>,
    /// By facade: names that other languages have under `facades`, and that stand for this language while those
    /// languages are not installed.
    pub facade_fallbacks: BTreeMap<String, Vec<String>>,
    /// How programs of other products' clients differ from those of the native API, by facade.
    pub facade_options: BTreeMap<String, FacadeOptions>,
    /// Rules that find the exception that ended a program, in order of preference. See [`Language::exception`].
    pub exceptions: Vec<ExceptionRule>,
    /// Default limits of a run.
    pub limits: Limits,
    /// Maximum limits that a submission may request.
    pub limits_max: Limits,
    /// Limits of the compile step. CPU and wall-clock time are counted for all its commands together.
    pub compile_limits: Limits,
    /// The rule that finds the installed version.
    pub version: VersionRule,
    /// Packages that provide the language.
    pub packages: Packages,
    /// Libraries that an operator may install for the language.
    pub libraries: Vec<Library>,
    /// Small programs that test the language.
    pub samples: Vec<Sample>,
    /// Whether the language can be used on this machine.
    pub availability: Availability,
}

impl Language {
    /// The compile commands of one step; empty for interpreted languages. The first command that names a source gets
    /// the additional arguments: those for the compiler before the sources, those for the linker after them.
    pub fn compile_commands(&self, values: &Placeholders) -> Vec<Vec<String>> {
        let compiler = self.compile.iter().position(Template::names_source);
        let ToolOptions { compiler_args, linker_args, .. } = &values.tools;
        let fill = |(at, template): (usize, &Template)| match Some(at) == compiler {
            true => template.fill_with(values, compiler_args, linker_args),
            false => template.fill(values),
        };
        self.compile.iter().enumerate().map(fill).collect()
    }

    /// A copy for submissions to problems. If the language has no compiler, its compile step checks the syntax and
    /// passes all files on.
    #[must_use]
    pub fn with_check(&self) -> Language {
        let mut language = self.clone();
        if language.compile.is_empty() {
            language.compile.extend(language.check.take());
        }
        language
    }

    /// The command that runs the program, without the program's arguments. Additional arguments for the interpreter or
    /// the virtual machine are placed before the source or the class to start.
    pub fn execute_command(&self, values: &Placeholders) -> Vec<String> {
        self.execute.fill_with(values, &values.tools.interpreter_args, &[])
    }

    /// The id of the language of which this is a version, or in a container image; otherwise its own id.
    pub fn main_id(&self) -> &str {
        self.version_of.as_ref().unwrap_or(&self.id).without_image()
    }

    /// The complete environment of a step: the base (`PATH`, `HOME`, `LANG`), the image's variables, the language's,
    /// then `extra`. If a name occurs twice, the last value is used.
    pub fn environment(&self, extra: &[(String, String)]) -> Vec<(String, String)> {
        let base = BASE_ENV.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all: Vec<(String, String)> = Vec::new();
        let of_image = self.found_image.iter().flat_map(|image| &image.env);
        for (name, value) in base.iter().chain(of_image).chain(&self.env).chain(extra) {
            match all.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1.clone_from(value),
                None => all.push((name.clone(), value.clone())),
            }
        }
        all
    }

    /// This language with its toolchain in a container image, for requests that name the image. The copy has the
    /// commands and limits of this language, but nothing that depends on the machine: no prepared artefacts, no warm
    /// interpreter, no compile service. `None` for a language that already has an image, or that exists only for
    /// clients of other products.
    pub fn in_image(&self, image: &ImageName) -> Option<Language> {
        if self.image.is_some() || !self.listed {
            return None;
        }
        Some(Language {
            id: self.id.in_image(image),
            listed: false,
            aliases: Vec::new(),
            extensions: Vec::new(),
            prepare: Vec::new(),
            compile: self.compile.iter().map(Template::without_prepared).collect(),
            compile_programs: Vec::new(),
            service: None,
            execute: self.execute.without_prepared(),
            check: self.check.as_ref().map(Template::without_prepared),
            image: Some(image.clone()),
            image_source: None,
            executor: Some(ImageExecutor::Native),
            found_image: None,
            root: Root::System,
            version_of: None,
            mounts: Vec::new(),
            warm: None,
            facades: BTreeMap::new(),
            facade_fallbacks: BTreeMap::new(),
            facade_options: BTreeMap::new(),
            packages: Packages::default(),
            libraries: Vec::new(),
            samples: Vec::new(),
            availability: Availability::Unprobed,
            ..self.clone()
        })
    }

    /// Whether the result of a compilation may be used again. If the compile commands may start every program, no
    /// version describes what they depend on.
    pub fn is_compilation_repeatable(&self) -> bool {
        self.compilers.iter().all(|program| program != ANY_PROGRAM)
    }

    /// Whether the compile step passes this file on to the program.
    ///
    /// [`cupel_glob::matches`] describes the patterns.
    pub fn is_artifact(&self, path: &BoxPath) -> bool {
        self.artifacts.is_empty() || self.artifacts.iter().any(|pattern| cupel_glob::matches(pattern, path.as_str()))
    }

    /// The samples whose libraries are installed.
    pub fn usable_samples(&self) -> impl Iterator<Item = &Sample> {
        let is_there = |name: &String| self.libraries.iter().any(|one| one.name == *name && one.version.is_some());
        self.samples.iter().filter(move |sample| sample.libraries.iter().all(is_there))
    }

    /// Whether programs in this language can run on this machine.
    pub fn is_available(&self) -> bool {
        matches!(self.availability, Availability::Available { .. })
    }

    /// Whether workers are pulling its image, and have not failed so far.
    pub fn is_being_pulled(&self) -> bool {
        matches!(self.availability, Availability::Pulling(Pulling { failure: None }))
    }

    /// The number of the installed version, without the digest of an image.
    pub fn version_number(&self) -> Option<&str> {
        self.installed_version().map(|version| version.split_once(" (sha256:").map_or(version, |(number, _)| number))
    }

    /// The digest of the image that contains the toolchain, if there is one: `sha256:` and 64 hexadecimal digits.
    pub fn image_digest(&self) -> Option<&str> {
        let (_, digest) = self.installed_version()?.split_once(" (")?;
        digest.strip_suffix(')').filter(|digest| digest.starts_with("sha256:"))
    }

    /// The installed version, if it was found. The version in an image is followed by the image's digest.
    pub fn installed_version(&self) -> Option<&str> {
        match &self.availability {
            Availability::Available { version } => Some(version),
            Availability::Unprobed | Availability::Unavailable { .. } | Availability::Pulling(_) => None,
        }
    }
}

/// Rule that finds the installed version of a toolchain.
#[derive(Clone, Debug)]
pub struct VersionRule {
    /// The command that prints the version.
    pub command: Vec<String>,
    /// Finds the version in the command's output: the first group, or the whole match if there is no group.
    pub(crate) pattern: Regex,
}

impl PartialEq for VersionRule {
    fn eq(&self, other: &VersionRule) -> bool {
        self.command == other.command && self.pattern.as_str() == other.pattern.as_str()
    }
}

impl VersionRule {
    /// The version in the output of the command.
    pub fn find<'t>(&self, printed: &'t str) -> Option<&'t str> {
        let found = self.pattern.captures(printed)?;
        found.get(1).or_else(|| found.get(0)).map(|m| m.as_str())
    }
}

/// Packages that an operator installs to get the language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    /// Debian package names.
    pub debian: Vec<String>,
    /// npm packages, each with a version range.
    pub npm: Vec<String>,
    /// Languages whose toolchains are also required.
    pub requires: Vec<LanguageId>,
    /// Disk space of the packages and of all packages that they depend on, in MB (10^6 bytes), on a machine that has
    /// none of them.
    pub size_mb: Option<u32>,
    /// The smallest set of languages that contains the language.
    pub set: LanguageSet,
}

/// Sets of languages that are installed together. Each set contains the previous set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LanguageSet {
    /// The languages that `make run` installs.
    Core,
    /// The languages that are most used on practice sites.
    Popular,
    /// All languages.
    #[default]
    All,
}

/// Executor of an image's programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageExecutor {
    /// In the sandbox, with an image of Cupel's own store (`cupel images`).
    #[default]
    Native,
    /// In Docker Engine, with an image of that engine.
    Docker,
}

impl ImageExecutor {
    /// The name in language files.
    pub fn as_str(self) -> &'static str {
        match self {
            ImageExecutor::Native => "native",
            ImageExecutor::Docker => "docker",
        }
    }
}

/// The properties of a container image that a language uses: digest, environment and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImage {
    /// Digest of the image's manifest, or the image's id if it has no manifest.
    pub digest: ContentHash,
    /// Environment variables of the image.
    pub env: Vec<(String, String)>,
    /// Files of the image.
    pub root: Root,
}

/// Whether a language can be used on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Not probed yet.
    Unprobed,
    /// The version command succeeded.
    Available {
        /// Installed version, such as `3.11.2`. The version in an image is followed by the image's digest: `3.13.1
        /// (sha256:…)`.
        version: String,
    },
    /// The language cannot be used.
    Unavailable {
        /// The reason, as a message for people.
        reason: String,
    },
    /// The language cannot be used yet: its image is being pulled.
    Pulling(Pulling),
}

/// State of an image that is being pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulling {
    /// Why the last attempt failed, for operators: the text may name hosts and paths. `None` before the first failure.
    pub failure: Option<String>,
}

impl Availability {
    /// Why the language cannot be used, for clients. `None` if it can be used or was not probed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Availability::Unprobed | Availability::Available { .. } => None,
            Availability::Unavailable { reason } => Some(reason),
            Availability::Pulling(Pulling { failure: None }) => Some("its image is being pulled"),
            Availability::Pulling(Pulling { failure: Some(_) }) => {
                Some("its image could not be pulled so far; the attempts continue")
            }
        }
    }
}

/// A program with a known result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `hello`, `echo`, `args`, `compile_error`, `runtime_error`, `time_limit`, …
    pub name: String,
    /// Path of the main source, if it differs from the language's default.
    pub file: Option<BoxPath>,
    /// Libraries of the language that the program needs.
    pub libraries: Vec<String>,
    /// The source.
    pub source: String,
    /// Standard input.
    pub stdin: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Requested limits. Unset limits default to the language's limits.
    pub limits: LimitsRequest,
    /// Expected standard output; `None` accepts any.
    pub stdout: Option<String>,
    /// Expected message; `None` accepts any.
    pub message: Option<String>,
    /// Expected verdict.
    pub verdict: Verdict,
}
