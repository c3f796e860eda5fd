//! A language file: its TOML format, and the conversion to a [`Language`].
//!
//! Invariant: a converted language is complete and consistent; every fault names its key.

use std::collections::BTreeMap;

use cupel_types::{BoxPath, ImageName, LanguageId, LanguageIdError, Root, Verdict};
use regex_lite::Regex;
use serde::Deserialize;

use crate::exception::{self, ExceptionDto};
use crate::faults::Faults;
use crate::limits::{self, LimitsDto};
use crate::mount::check_mount;
use crate::prepare::{self, PrepareDto};
use crate::service::{self, ServiceDto};
use crate::{
    Availability, FacadeOptions, ImageExecutor, Language, LanguageFault, LanguageSet, Library, LibraryPackage,
    Packages, Sample, Template, VersionRule, place,
};

/// Default pattern: numbers joined by dots.
const VERSION_PATTERN: &str = r"\d+(?:\.\d+)+";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDto {
    name: String,
    #[serde(default = "yes")]
    listed: bool,
    #[serde(default)]
    aliases: Vec<String>,
    extensions: Vec<String>,
    source: String,
    #[serde(default)]
    compile: Vec<Vec<String>>,
    #[serde(default)]
    compilers: Vec<String>,
    execute: Vec<String>,
    #[serde(default)]
    check: Vec<String>,
    #[serde(default)]
    headers: Vec<String>,
    missing: Option<String>,
    version: VersionDto,
    image: Option<String>,
    image_source: Option<String>,
    executor: Option<ImageExecutor>,
    version_of: Option<String>,
    #[serde(default)]
    main_class: Vec<String>,
    #[serde(default)]
    named_by_type: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    mounts: Vec<String>,
    #[serde(default)]
    artifacts: Vec<String>,
    warm: Option<String>,
    driver: Option<String>,
    #[serde(default)]
    limits: LimitsDto,
    #[serde(default)]
    limits_max: LimitsDto,
    #[serde(default)]
    compile_limits: LimitsDto,
    /// If this table is missing, Cupel installs nothing, and the operator must provide the toolchain.
    packages: Option<PackagesDto>,
    #[serde(default)]
    libraries: BTreeMap<String, String>,
    #[serde(default)]
    prepare: Vec<PrepareDto>,
    service: Option<ServiceDto>,
    #[serde(default)]
    facades: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    facade_fallbacks: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    facade_options: BTreeMap<String, FacadeOptions>,
    #[serde(default)]
    exceptions: Vec<ExceptionDto>,
    samples: Vec<SampleDto>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionDto {
    command: Vec<String>,
    pattern: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackagesDto {
    #[serde(default)]
    debian: Vec<String>,
    #[serde(default)]
    npm: Vec<String>,
    #[serde(default)]
    requires: Vec<String>,
    size_mb: Option<u32>,
    #[serde(default)]
    set: SetDto,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SetDto {
    Core,
    Popular,
    #[default]
    All,
}

impl From<SetDto> for LanguageSet {
    fn from(dto: SetDto) -> LanguageSet {
        match dto {
            SetDto::Core => LanguageSet::Core,
            SetDto::Popular => LanguageSet::Popular,
            SetDto::All => LanguageSet::All,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleDto {
    name: String,
    file: Option<String>,
    #[serde(default)]
    libraries: Vec<String>,
    source: String,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    limits: LimitsDto,
    stdout: Option<String>,
    message: Option<String>,
    #[serde(default = "accepted")]
    verdict: String,
}

fn yes() -> bool {
    true
}

fn accepted() -> String {
    Verdict::Accepted.code().to_owned()
}

/// Parses the language file `name` (its stem is the id). `shown` is the file's name in messages.
///
/// # Errors
/// The first syntax or type error of the file, or else all its other faults.
pub(crate) fn parse(name: &str, shown: &str, text: &str) -> Result<Language, Vec<LanguageFault>> {
    let mut faults = Faults::new(shown, text);
    let dto = read(text).map_err(|fault| vec![LanguageFault { file: shown.to_owned(), ..fault }])?;
    let id = faults.check("(file name)", parse_id(name.strip_suffix(".toml").unwrap_or(name)));
    let language = id.and_then(|id| convert(id, dto, &mut faults));
    let faults = faults.into_list();
    match language {
        Some(language) if faults.is_empty() => Ok(language),
        _ => Err(faults),
    }
}

/// Deserializes the file. Returns the first syntax or type error; the caller adds the file name.
fn read(text: &str) -> Result<FileDto, LanguageFault> {
    let fault =
        |line, key: String, detail: &str| LanguageFault { file: String::new(), line, key, detail: detail.to_owned() };
    let syntax = |e: toml::de::Error| {
        let line = place::line_at(text, e.span().map_or(0, |span| span.start));
        fault(Some(line), place::key_in_line(text, line), e.message())
    };
    let deserializer = toml::Deserializer::parse(text).map_err(syntax)?;
    serde_path_to_error::deserialize(deserializer).map_err(|e| {
        let (key, span) = (e.path().to_string(), e.inner().span());
        let line = place::line_of_key(text, &key).or_else(|| span.map(|span| place::line_at(text, span.start)));
        fault(line, if key == "." { "(whole file)".to_owned() } else { key }, e.inner().message())
    })
}

fn convert(id: LanguageId, dto: FileDto, faults: &mut Faults<'_>) -> Option<Language> {
    if dto.name.trim().is_empty() {
        faults.add("name", "expected a display name");
    }
    for (i, extension) in dto.extensions.iter().enumerate() {
        if extension.is_empty() || extension.contains(['.', '/']) {
            faults.add(format!("extensions[{i}]"), format!("expected an extension without a dot, not {extension:?}"));
        }
    }
    for (i, mount) in dto.mounts.iter().enumerate() {
        if let Err(detail) = check_mount(mount) {
            faults.add(format!("mounts[{i}]"), detail);
        }
    }
    for (i, pattern) in dto.artifacts.iter().enumerate() {
        if let Err(error) = BoxPath::new(pattern) {
            faults.add(format!("artifacts[{i}]"), error.to_string());
        }
    }
    for name in dto.env.keys() {
        if !is_variable(name) {
            faults
                .add(format!("env.{name}"), "expected a variable name: A-Z, a-z, 0-9 and _, not starting with a digit");
        }
    }
    let (limits, limits_max, compile_limits) = limits::convert(dto.limits, dto.limits_max, dto.compile_limits, faults);
    for (i, alias) in dto.aliases.iter().enumerate() {
        faults.check(&format!("aliases[{i}]"), check_alias(alias));
    }
    let requires = match &dto.packages {
        Some(packages) => ids("packages.requires", &packages.requires, faults),
        None => Vec::new(),
    };
    let source = faults.check("source", BoxPath::new(&dto.source).map_err(|e| e.to_string()));
    let prepare = prepare::convert(dto.prepare, faults);
    let service = dto.service.and_then(|service| service::convert(service, &prepare, faults));
    if service.is_some() && dto.compile.len() != 1 {
        faults.add("service", "a language with `service` must have exactly one compile command");
    }
    let compile: Vec<Template> = (dto.compile.iter().enumerate())
        .filter_map(|(i, command)| faults.check(&format!("compile[{i}]"), Template::parse_with(command, &prepare)))
        .collect();
    if !dto.compilers.is_empty() && compile.is_empty() {
        faults.add("compilers", "names programs that `compile` starts, so it needs `compile`");
    }
    for (i, program) in dto.compilers.iter().enumerate() {
        if program.is_empty() || program.contains(char::is_whitespace) {
            faults.add(format!("compilers[{i}]"), format!("expected a program, or `*` for any, not {program:?}"));
        }
    }
    let execute = faults.check("execute", Template::parse_with(&dto.execute, &prepare));
    let check = match dto.check.is_empty() {
        true => None,
        false => faults.check("check", Template::parse_with(&dto.check, &prepare)),
    };
    if check.is_some() && !compile.is_empty() {
        faults.add("check", "is for languages without `compile`, because a compiler also checks the syntax");
    }
    if execute.as_ref().is_some_and(Template::names_main_class) == dto.main_class.is_empty() {
        faults.add(
            "main_class",
            "must list class names, such as `Main`, if and only if `execute` contains `{main_class}`",
        );
    }
    let exceptions = exception::convert(dto.exceptions, faults);
    let image = match &dto.image {
        Some(name) => faults.check("image", name.parse::<ImageName>().map_err(|e| e.to_string())),
        None => None,
    };
    if dto.image.is_none() && dto.image_source.is_some() {
        faults.add("image_source", "is where workers pull the image from, so it needs `image`, the name of the image");
    }
    if dto.image.is_none() && dto.executor.is_some() {
        faults.add("executor", "selects the executor of an image, so it needs `image`");
    }
    if dto.image.is_some() {
        let of_machine = [
            ("mounts", !dto.mounts.is_empty()),
            ("prepare", !prepare.is_empty()),
            ("service", service.is_some()),
            ("packages", dto.packages.is_some()),
            ("libraries", !dto.libraries.is_empty()),
        ];
        for (key, _) in of_machine.into_iter().filter(|(_, is_set)| *is_set) {
            faults
                .add(key, "belongs to a toolchain of the machine; a language with `image` has everything in its image");
        }
        if dto.warm.is_some() {
            // The process that keeps a warm interpreter runs outside every cell, so it must not load code of an
            // image.
            faults.add("warm", "keeps an interpreter of the machine; programs of a language with `image` start cold");
        }
    }
    let version_of = match &dto.version_of {
        Some(text) => faults.check("version_of", parse_id(text)),
        None => None,
    };
    let mut libraries = Vec::new();
    for (name, package) in dto.libraries {
        if let Some(package) = faults.check(&format!("libraries.{name}"), LibraryPackage::parse(&package)) {
            libraries.push(Library { name, package, version: None });
        }
    }
    let packages = dto.packages.unwrap_or_default();
    let version = version(dto.version, faults);
    for (i, sample) in dto.samples.iter().enumerate() {
        for name in sample.libraries.iter().filter(|name| libraries.iter().all(|library| library.name != **name)) {
            faults.add(format!("samples[{i}].libraries"), format!("`{name}` is not in `[libraries]`"));
        }
    }
    let samples = dto.samples.into_iter().enumerate().filter_map(|(i, s)| sample(i, s, faults)).collect();
    Some(Language {
        id,
        name: dto.name,
        listed: dto.listed,
        aliases: dto.aliases,
        facades: dto.facades,
        facade_fallbacks: dto.facade_fallbacks,
        facade_options: dto.facade_options,
        extensions: dto.extensions,
        source: source?,
        prepare,
        service,
        compile,
        compilers: dto.compilers,
        compile_programs: Vec::new(),
        main_class: dto.main_class,
        named_by_type: dto.named_by_type,
        execute: execute?,
        check,
        headers: dto.headers,
        missing: dto.missing,
        env: dto.env.into_iter().collect(),
        image,
        image_source: dto.image_source,
        executor: dto.executor,
        found_image: None,
        root: Root::System,
        version_of,
        mounts: dto.mounts,
        artifacts: dto.artifacts,
        warm: dto.warm,
        driver: dto.driver,
        exceptions,
        limits,
        limits_max,
        compile_limits,
        version: version?,
        packages: Packages {
            debian: packages.debian,
            npm: packages.npm,
            requires,
            size_mb: packages.size_mb,
            set: packages.set.into(),
        },
        libraries,
        samples,
        availability: Availability::Unprobed,
    })
}

fn ids(key: &str, texts: &[String], faults: &mut Faults<'_>) -> Vec<LanguageId> {
    let mut ids = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        ids.extend(faults.check(&format!("{key}[{i}]"), parse_id(text)));
    }
    ids
}

fn parse_id(text: &str) -> Result<LanguageId, String> {
    let id: LanguageId = text.parse().map_err(|e: LanguageIdError| e.to_string())?;
    id.image().is_none().then_some(id).ok_or_else(|| LanguageIdError.to_string())
}

/// An alias may contain `#`; an id may not, because ids become names of files and queues.
fn check_alias(text: &str) -> Result<(), String> {
    let id = parse_id(&text.replace('#', "-"));
    id.map(drop).map_err(|_| {
        "an alias is 1 to 32 characters from a-z 0-9 - _ + . # and starts with a letter or digit".to_owned()
    })
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

fn version(dto: VersionDto, faults: &mut Faults<'_>) -> Option<VersionRule> {
    if dto.command.first().is_none_or(String::is_empty) {
        faults.add("version.command", "expected a program and its arguments");
    }
    let pattern = Regex::new(dto.pattern.as_deref().unwrap_or(VERSION_PATTERN))
        .map_err(|e| format!("expected a regular expression: {e}"));
    Some(VersionRule { command: dto.command, pattern: faults.check("version.pattern", pattern)? })
}

fn sample(i: usize, dto: SampleDto, faults: &mut Faults<'_>) -> Option<Sample> {
    let key = |field: &str| format!("samples[{i}].{field}");
    if dto.name.is_empty() {
        faults.add(key("name"), "expected a name such as `hello`");
    }
    dto.limits.check(&key("limits"), faults);
    let file = dto.file.map(|file| faults.check(&key("file"), BoxPath::new(&file).map_err(|e| e.to_string())));
    let verdict = Verdict::from_code(&dto.verdict).ok_or_else(|| {
        let codes: Vec<_> = Verdict::ALL.iter().map(|v| v.code()).collect();
        format!("expected one of {}, not {:?}", codes.join(", "), dto.verdict)
    });
    Some(Sample {
        name: dto.name,
        file: match file {
            Some(checked) => Some(checked?),
            None => None,
        },
        libraries: dto.libraries,
        source: dto.source,
        stdin: dto.stdin,
        args: dto.args,
        limits: dto.limits.into(),
        stdout: dto.stdout,
        message: dto.message,
        verdict: faults.check(&key("verdict"), verdict)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cupel_types::Limits;

    use super::*;

    const GOOD: &str = r#"
        name = "Zig"
        aliases = ["ziglang"]
        extensions = ["zig"]
        source = "main.zig"
        compile = [["zig", "build-exe", "{source}"]]
        execute = ["./main"]
        version = { command = ["zig", "version"] }
        artifacts = ["main"]
        [limits]
        cpu_time_ms = 2_000
        [packages]
        debian = ["zig"]
        [[samples]]
        name = "hello"
        source = "…"
    "#;

    /// Asserts that the file with `from` replaced by `to` is rejected with a fault at `key` whose detail contains
    /// `detail`.
    fn check(from: &str, to: &str, key: &str, detail: &str) {
        assert!(GOOD.contains(from), "{from}");
        let faults = parse("zig.toml", "zig.toml", &GOOD.replacen(from, to, 1)).unwrap_err();
        let fault = faults.iter().find(|f| f.key == key).unwrap_or_else(|| panic!("no fault at {key}: {faults:?}"));
        assert_eq!(fault.file, "zig.toml");
        assert!(fault.detail.contains(detail), "{fault}");
    }

    #[test]
    fn a_language_file_becomes_a_language() {
        let zig = parse("zig.toml", "zig.toml", GOOD).unwrap();
        assert_eq!(zig.id.as_str(), "zig");
        assert_eq!(zig.limits.cpu_time, Duration::from_secs(2));
        assert_eq!(zig.limits.wall_time, Duration::from_secs(22), "wall time limit shifts with the CPU time limit");
        assert_eq!(zig.limits.memory, Limits::default().memory);
        assert_eq!(zig.samples[0].verdict, Verdict::Accepted);
        assert_eq!(zig.version.find("zig version 0.11.0-dev"), Some("0.11.0"));
        assert_eq!(zig.availability, Availability::Unprobed);
    }

    #[test]
    fn a_fault_names_its_key_and_what_was_expected() {
        check("name = \"Zig\"", "nmae = \"Zig\"", "nmae", "expected one of");
        check("name = \"Zig\"", "name = 3", "name", "expected a string");
        check("extensions = [\"zig\"]", "extensions = [\".zig\"]", "extensions[0]", "without a dot");
        check("execute", "compilers = [\"gcc\", \"gcc -O2\"]\nexecute", "compilers[1]", "a program, or `*`");
        let not_compiled = ("compile = [[\"zig\", \"build-exe\", \"{source}\"]]", "compilers = [\"gcc\"]");
        check(not_compiled.0, not_compiled.1, "compilers", "it needs `compile`");
        check("\"ziglang\"", "\"Zig Lang\"", "aliases[0]", "1 to 32 characters");
        check("\"main.zig\"", "\"../main.zig\"", "source", "`..`");
        check("{source}", "{sauce}", "compile[0]", "unknown placeholder `{sauce}`");
        check("[\"./main\"]", "[]", "execute", "expected a program");
        check("[\"zig\", \"version\"]", "[]", "version.command", "expected a program");
        check("\"version\"] }", "\"version\"], pattern = '(' }", "version.pattern", "regular expression");
        check("artifacts = [\"main\"]", "image = \"Zig\"", "image", "components of lower-case letters");
        check("artifacts = [\"main\"]", "image = \"zig:1\"", "packages", "has everything in its image");
        check("artifacts = [\"main\"]", "executor = \"docker\"", "executor", "needs `image`");
        check("artifacts = [\"main\"]", "image_source = \"docker://a/b:1\"", "image_source", "needs `image`");
        check("artifacts = [\"main\"]", "image = \"zig:1\"\nwarm = \"python\"", "warm", "start cold");
        check(
            "name = \"hello\"",
            "name = \"hello\"\nlibraries = ['Y']",
            "samples[0].libraries",
            "`Y` is not in `[libraries]`",
        );
        check("[packages]", "[libraries]\nX = 'x'\n[packages]", "libraries.X", "expected `debian:PACKAGE`");
        check("artifacts = [\"main\"]", "version_of = \"Z Z\"", "version_of", "1 to 32 characters");
        check("artifacts = [\"main\"]", "mounts = [\"/etc\"]", "mounts[0]", "never visible");
        check("artifacts = [\"main\"]", "mounts = [\"/usr/../root\"]", "mounts[0]", "absolute path");
        check("artifacts = [\"main\"]", "artifacts = [\"/main\"]", "artifacts[0]", "relative");
        check("artifacts = [\"main\"]", "env = { \"A B\" = \"c\" }", "env.A B", "A-Z");
        check("cpu_time_ms = 2_000", "cpu_time_ms = 0", "limits.cpu_time_ms", "from 1 to");
        check("cpu_time_ms = 2_000", "cpu_time_ms = 90_000", "limits.cpu_time_ms", "above limits_max.cpu_time_ms");
        check("cpu_time_ms = 2_000", "cpu_time_ms = -1", "limits.cpu_time_ms", "expected u64");
        check("cpu_time_ms = 2_000", "cpu_time = 2", "limits.cpu_time", "expected one of");
        check("[packages]", "[package]", "package", "expected one of");
        let service = |table: &str| format!("[service]\n{table}\n[packages]");
        let zig = "command = [\"zig\"]\nmemory_mb = 1\nrequests = 1\nwarm_up = 1";
        check("[packages]", &service(&format!("program = \"x.zig\"\n{zig}")), "service.program", "expected one of ");
        check(
            "[packages]",
            &service(&format!("program = \"x.zig\"\n{}", zig.replace('1', "0"))),
            "service.requests",
            "from 1",
        );
        check("source = \"…\"", "source = \"\"\nverdict = \"OK\"", "samples[0].verdict", "expected one of AC, ");
        check("source = \"…\"", "source = \"\"\nstdn = \"\"", "samples[0].stdn", "expected one of");
    }

    #[test]
    fn the_example_in_the_readme_is_a_valid_language_file() {
        let readme = include_str!("../README.md");
        let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let zig = parse("zig.toml", "README.md", example).unwrap();
        let silent = parse("zig.toml", "zig.toml", &GOOD.replace("[limits]\n        cpu_time_ms = 2_000", "")).unwrap();
        assert_eq!(zig.limits, silent.limits, "the README shows the defaults");
        assert_eq!(zig.limits_max, silent.limits_max);
        assert_eq!(zig.compile_limits, silent.compile_limits);
    }

    #[test]
    fn a_syntax_error_names_its_key() {
        check("name = \"Zig\"", "name = ", "name", "");
    }

    #[test]
    fn every_fault_names_its_line() {
        for (from, to, line) in [
            ("name = \"Zig\"", "name = ", 2),
            ("name = \"Zig\"", "name = 3", 2),
            ("cpu_time_ms = 2_000", "cpu_time_ms = 0", 11),
            ("source = \"…\"", "source = \"\"\nverdict = \"OK\"", 17),
            ("name = \"hello\"", "nome = \"hello\"", 15),
        ] {
            let faults = parse("zig.toml", "/etc/zig.toml", &GOOD.replacen(from, to, 1)).unwrap_err();
            assert_eq!(faults[0].line, Some(line), "{}", faults[0]);
            assert!(faults[0].to_string().starts_with(&format!("/etc/zig.toml:{line}: `")), "{}", faults[0]);
        }
    }

    #[test]
    fn packages_are_optional() {
        let zig = parse("zig.toml", "zig.toml", &GOOD.replace("[packages]\n        debian = [\"zig\"]\n", "")).unwrap();
        assert!(zig.packages.debian.is_empty() && zig.packages.set == LanguageSet::All);
    }

    #[test]
    fn all_faults_of_a_file_are_reported_together() {
        let text = GOOD.replace("{source}", "{sauce}").replace("\"main.zig\"", "\"/main.zig\"").replace("2_000", "0");
        let keys: Vec<_> = parse("zig.toml", "zig.toml", &text).unwrap_err().into_iter().map(|f| f.key).collect();
        assert_eq!(keys, ["limits.cpu_time_ms", "source", "compile[0]"]);
    }
}
