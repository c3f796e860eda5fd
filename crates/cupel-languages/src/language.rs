//! One language: what its file says, and whether its toolchain is there.

use cupel_types::{BoxPath, LanguageId, Limits, LimitsRequest, Verdict};
use regex_lite::Regex;

use crate::{CompileService, ExceptionRule, Placeholders, Prepare, Template};

/// What every program finds in its environment unless its language or its submission says otherwise.
const BASE_ENV: [(&str, &str); 3] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];

/// A language as the registry knows it.
#[derive(Clone, Debug)]
pub struct Language {
    /// Stable id: the stem of the file.
    pub id: LanguageId,
    /// Name for people, with the version line it promises: `Python 3.11`, `C++17`.
    pub name: String,
    /// Other names that mean this language: as ids, but `#` is allowed, too.
    pub aliases: Vec<String>,
    /// File-name extensions, without the dot, by which `cupel run` recognises it.
    pub extensions: Vec<String>,
    /// What the main source is called in the box when the client does not name it.
    pub source: BoxPath,
    /// What is made once per toolchain, in order.
    pub prepare: Vec<Prepare>,
    /// Compile commands, run one after another in one cell; none for interpreted languages.
    pub compile: Vec<Template>,
    /// The compiler that stays, if there is one; then there is exactly one compile command.
    pub service: Option<CompileService>,
    /// The command that runs the program; the program's arguments go after it.
    pub execute: Template,
    /// Names of the class that is started, in order of preference, where commands say `{main_class}`; `{stem}` in one is the
    /// main source's file name without its extension. See [`Language::main_class`].
    pub main_class: Vec<String>,
    /// The words before a type's name, where a public type must be in a file of its name. See
    /// [`Language::files_named_by_type`].
    pub named_by_type: Vec<String>,
    /// Environment of both steps, beside the base; see [`Language::environment`].
    pub env: Vec<(String, String)>,
    /// Directories and files of the host that the toolchain needs, beside `/usr` and its links.
    pub mounts: Vec<String>,
    /// Which files of the box the compile step hands on; empty: all of them. See [`Language::is_artifact`].
    pub artifacts: Vec<String>,
    /// The interpreter of which a copy is kept ready to be forked, by the name that the sandbox has for it; programs that
    /// it cannot stand in for are started as ever.
    pub warm: Option<String>,
    /// The driver that calls functions in it, by the name that `cupel-function` has for it.
    pub driver: Option<String>,
    /// How it reports an exception that ends a program, in order of preference. See [`Language::exception`].
    pub exceptions: Vec<ExceptionRule>,
    /// Limits of a run for which nothing else was asked.
    pub limits: Limits,
    /// The most that may be asked for.
    pub limits_max: Limits,
    /// Limits of the compile step, for all its commands together.
    pub compile_limits: Limits,
    /// How to learn which version is installed.
    pub version: VersionRule,
    /// What provides it.
    pub packages: Packages,
    /// Small programs that prove it works.
    pub samples: Vec<Sample>,
    /// Whether it can be used here.
    pub availability: Availability,
}

impl Language {
    /// The compile commands of one step; empty for interpreted languages.
    pub fn compile_commands(&self, values: &Placeholders) -> Vec<Vec<String>> {
        self.compile.iter().map(|template| template.fill(values)).collect()
    }

    /// The command that runs the program, to which its arguments are appended.
    pub fn execute_command(&self, values: &Placeholders) -> Vec<String> {
        self.execute.fill(values)
    }

    /// The whole environment of a step: the base (`PATH`, `HOME`, `LANG`), the language's, then `extra`;
    /// a later value of a name replaces an earlier one.
    pub fn environment(&self, extra: &[(String, String)]) -> Vec<(String, String)> {
        let base = BASE_ENV.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in base.iter().chain(&self.env).chain(extra) {
            match all.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1.clone_from(value),
                None => all.push((name.clone(), value.clone())),
            }
        }
        all
    }

    /// Whether the compile step hands this file on to the program.
    ///
    /// A pattern with a `/` describes the whole path, one without describes the file name in any
    /// directory; `*` stands for any characters but `/`.
    pub fn is_artifact(&self, path: &BoxPath) -> bool {
        self.artifacts.is_empty() || self.artifacts.iter().any(|pattern| glob_path(pattern, path))
    }

    /// Whether programs in it can be run here.
    pub fn is_available(&self) -> bool {
        matches!(self.availability, Availability::Available { .. })
    }

    /// The version found, if it was found.
    pub fn installed_version(&self) -> Option<&str> {
        match &self.availability {
            Availability::Available { version } => Some(version),
            Availability::Unprobed | Availability::Unavailable { .. } => None,
        }
    }
}

/// Whether a pattern fits a path, or its last component if the pattern has no `/`.
pub(crate) fn glob_path(pattern: &str, path: &BoxPath) -> bool {
    let path = path.as_str();
    let name = path.rsplit('/').next().unwrap_or(path);
    glob(pattern.as_bytes(), if pattern.contains('/') { path } else { name }.as_bytes())
}

/// Matches with backtracking to the last `*` only: linear in pattern times text.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((sp, st)) = star.filter(|&(_, st)| text[st] != b'/') {
            star = Some((sp, st + 1));
            p = sp + 1;
            t = st + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// How to learn which version of a toolchain is installed.
#[derive(Clone, Debug)]
pub struct VersionRule {
    /// The command that tells it.
    pub command: Vec<String>,
    /// Finds the version in what the command prints: the first group, or else the whole match.
    pub(crate) pattern: Regex,
}

impl VersionRule {
    /// The version in what the command printed.
    pub fn find<'t>(&self, printed: &'t str) -> Option<&'t str> {
        let found = self.pattern.captures(printed)?;
        found.get(1).or_else(|| found.get(0)).map(|m| m.as_str())
    }
}

/// What an operator installs to have the language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    /// Debian packages.
    pub debian: Vec<String>,
    /// npm packages with their version range.
    pub npm: Vec<String>,
    /// Languages whose toolchains this one needs as well.
    pub requires: Vec<LanguageId>,
    /// Whether `make run` installs it without being asked.
    pub core: bool,
}

/// Whether a language can be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Nobody has looked yet.
    Unprobed,
    /// Its version command answered.
    Available {
        /// The version it told, such as `3.11.2`.
        version: String,
    },
    /// It cannot be used.
    Unavailable {
        /// Why, for people.
        reason: String,
    },
}

/// A program with a known result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `hello`, `echo`, `args`, `compile_error`, `runtime_error`, `time_limit`, …
    pub name: String,
    /// What the main source is called, where the language's own name for it does not fit.
    pub file: Option<BoxPath>,
    /// The source.
    pub source: String,
    /// Standard input.
    pub stdin: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Limits beside the language's own.
    pub limits: LimitsRequest,
    /// What must come out on standard output, if it matters.
    pub stdout: Option<String>,
    /// What the message must be, if it matters.
    pub message: Option<String>,
    /// The verdict that must follow.
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stops_at_a_slash() {
        for (pattern, text, expected) in [
            ("main", "main", true),
            ("main", "main.c", false),
            ("*.class", "Main$1.class", true),
            ("*.class", "Main.java", false),
            ("out/*.js", "out/a.js", true),
            ("out/*.js", "out/a/b.js", false),
            ("*", "", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbX", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
