//! Commands with placeholders.
//!
//! Invariant: a [`Template`] contains only known placeholders. The parser rejects unknown ones, so filling in a
//! template cannot fail. The result is never passed to a shell.

use std::sync::Arc;

use cupel_types::{BoxFiles, BoxPath, Bytes, ToolOptions};

use crate::{Language, Prepare, PreparedDir};

/// An argument list with placeholders. Not a shell string.
///
/// | placeholder | value |
/// |---|---|
/// | `{source}` | path of the main source in the box |
/// | `{sources}` | the main source and every other source of the language; must be a whole argument |
/// | `{base}` | path of the main source without its extension |
/// | `{stem}` | file name of the main source without its extension |
/// | `{main_class}` | the class to start, chosen from the class files of the compilation; `{stem}` if there is none |
/// | `{memory_mb}` | memory limit of the step in MiB |
/// | `{heap_mb}` | three quarters of `{memory_mb}` |
/// | `{prepared:NAME}` | directory of a prepared artefact; while the artefact does not exist, the whole argument is omitted |
/// | `{{`, `}}` | a literal brace |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Vec<Part>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Source,
    Sources,
    Base,
    Stem,
    MainClass,
    MemoryMb,
    HeapMb,
    Prepared(PreparedDir),
}

impl Part {
    /// The directory of a prepared artefact, or `None` if it does not exist. For any other part, an empty string.
    fn place(&self) -> Option<Arc<str>> {
        match self {
            Part::Prepared(place) => place.get(),
            _ => Some(Arc::from("")),
        }
    }
}

const NAMES: &str = "`{source}`, `{sources}`, `{base}`, `{stem}`, `{main_class}`, `{memory_mb}`, `{heap_mb}` or `{prepared:NAME}` (write `{{` or `}}` for a literal brace)";

impl Template {
    /// Parses an argument list.
    ///
    /// # Errors
    /// The fault, as a message: no program, an unknown placeholder, or an unclosed brace.
    pub fn parse<S: AsRef<str>>(args: &[S]) -> Result<Template, String> {
        Template::parse_with(args, &[])
    }

    /// Parses an argument list that may refer to these artefacts.
    pub(crate) fn parse_with<S: AsRef<str>>(args: &[S], prepared: &[Prepare]) -> Result<Template, String> {
        if args.first().is_none_or(|program| program.as_ref().is_empty()) {
            return Err("expected a program and its arguments".to_owned());
        }
        args.iter().map(|arg| parse_arg(arg.as_ref(), prepared)).collect::<Result<_, _>>().map(Template)
    }

    /// The program, if it belongs to the toolchain: a name or an absolute path, not `./main`.
    pub fn program(&self) -> Option<&str> {
        match self.0.first().map(Vec::as_slice) {
            Some([Part::Text(program)]) if program.starts_with('/') || !program.contains('/') => Some(program),
            _ => None,
        }
    }

    /// The command without the arguments that refer to prepared artefacts.
    #[must_use]
    pub(crate) fn without_prepared(&self) -> Template {
        let is_kept = |parts: &&Vec<Part>| !parts.iter().any(|part| matches!(part, Part::Prepared(_)));
        Template(self.0.iter().filter(is_kept).cloned().collect())
    }

    /// Uses other directories of prepared artefacts: for each pair, the second in place of the first.
    pub(crate) fn replace_places(&mut self, pairs: &[(PreparedDir, PreparedDir)]) {
        for part in self.0.iter_mut().flatten() {
            if let Part::Prepared(place) = part
                && let Some((_, other)) = pairs.iter().find(|(one, _)| one == place)
            {
                *place = other.clone();
            }
        }
    }

    /// Whether the command contains `{main_class}`.
    pub(crate) fn names_main_class(&self) -> bool {
        self.0.iter().flatten().any(|part| *part == Part::MainClass)
    }

    /// Whether the command names the main source.
    pub(crate) fn names_source(&self) -> bool {
        self.0.iter().any(|parts| is_source(parts))
    }

    /// The command with all placeholders filled in.
    #[must_use]
    pub fn fill(&self, values: &Placeholders) -> Vec<String> {
        self.fill_with(values, &[], &[])
    }

    /// Like [`Template::fill`], with additional arguments before and after the first argument that names a source or
    /// the class to start.
    #[must_use]
    pub(crate) fn fill_with(&self, values: &Placeholders, before: &[String], after: &[String]) -> Vec<String> {
        let place = self.0.iter().position(|parts| is_source(parts) || matches!(parts[..], [Part::MainClass]));
        let mut command = Vec::with_capacity(self.0.len() + before.len() + after.len());
        for (at, parts) in self.0.iter().enumerate() {
            if Some(at) == place {
                command.extend_from_slice(before);
            }
            Template::fill_arg(values, parts, &mut command);
            if Some(at) == place {
                command.extend_from_slice(after);
            }
        }
        command
    }

    /// Appends an argument with its placeholders filled in: one argument, several sources, or none.
    fn fill_arg(values: &Placeholders, parts: &[Part], command: &mut Vec<String>) {
        if matches!(parts, [Part::Sources]) {
            command.extend(values.sources.iter().map(|s| as_argument(s)));
            return;
        }
        // An argument is omitted if any artefact it refers to does not exist.
        let Some(places) = parts.iter().map(Part::place).collect::<Option<Vec<_>>>() else { return };
        let mut arg = String::new();
        for (at, (part, place)) in parts.iter().zip(places).enumerate() {
            match part {
                Part::Text(text) => arg.push_str(text),
                Part::Source if at == 0 => arg.push_str(&as_argument(&values.sources[0])),
                Part::Source | Part::Sources => arg.push_str(&values.sources[0]),
                Part::Base if at == 0 => arg.push_str(&as_argument(values.base())),
                Part::Base => arg.push_str(values.base()),
                Part::Stem => arg.push_str(values.stem()),
                Part::MainClass => arg.push_str(values.main_class.as_deref().unwrap_or(values.stem())),
                Part::MemoryMb => arg.push_str(&values.memory_mb().to_string()),
                Part::HeapMb => arg.push_str(&values.heap_mb().to_string()),
                Part::Prepared(_) => arg.push_str(&place),
            }
        }
        command.push(arg);
    }
}

/// Whether an argument is the path of the main source, or of all sources.
fn is_source(parts: &[Part]) -> bool {
    matches!(parts, [Part::Source | Part::Sources])
}

/// A path as an argument that no program can mistake for an option (`-x.c`) or a response file (`@x.c`).
fn as_argument(path: &str) -> String {
    if path.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

fn parse_arg(arg: &str, prepared: &[Prepare]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = arg;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("{{") || rest.starts_with("}}") {
            text.push(c);
            rest = &rest[2..];
        } else if c == '}' {
            return Err(format!("a `}}` without `{{` in {arg:?}; expected {NAMES}"));
        } else if c == '{' {
            let Some(end) = rest.find('}') else {
                return Err(format!("a `{{` without `}}` in {arg:?}; expected {NAMES}"));
            };
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(match &rest[1..end] {
                "source" => Part::Source,
                "sources" if rest.len() == arg.len() && end + 1 == rest.len() => Part::Sources,
                "sources" => return Err(format!("`{{sources}}` must be a whole argument, not part of {arg:?}")),
                "base" => Part::Base,
                "stem" => Part::Stem,
                "main_class" => Part::MainClass,
                "memory_mb" => Part::MemoryMb,
                "heap_mb" => Part::HeapMb,
                name if name.starts_with("prepared:") => {
                    let name = name.trim_start_matches("prepared:");
                    let step = prepared.iter().find(|step| step.name == name);
                    let step = step.ok_or_else(|| format!("no `prepare` entry named `{name}` precedes {arg:?}"))?;
                    Part::Prepared(step.place.clone())
                }
                _ => return Err(format!("unknown placeholder `{}`; expected {NAMES}", &rest[..=end])),
            });
            rest = &rest[end + 1..];
        } else {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// Values for the placeholders of a [`Template`] in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholders {
    /// The sources, main source first. Never empty.
    sources: Vec<String>,
    main_class: Option<String>,
    memory: Bytes,
    /// Arguments in addition to the language's own.
    pub(crate) tools: ToolOptions,
}

impl Placeholders {
    /// Values for a step with one source and this memory limit.
    pub fn new(main_source: &BoxPath, memory: Bytes) -> Placeholders {
        Placeholders {
            sources: vec![main_source.as_str().to_owned()],
            main_class: None,
            memory,
            tools: ToolOptions::NONE,
        }
    }

    /// Values for a step on these files. The first is the main source; other files with its extension are also sources.
    /// `None` if there are no files.
    pub fn for_files(files: &BoxFiles, memory: Bytes) -> Option<Placeholders> {
        let mut files = files.iter();
        let main = &files.next()?.path;
        let mut all = Placeholders::new(main, memory);
        let extension = extension(main.as_str());
        let others = files.filter(|f| extension.is_some() && self::extension(f.path.as_str()) == extension);
        all.sources.extend(others.map(|f| f.path.as_str().to_owned()));
        Some(all)
    }

    /// Like [`Placeholders::for_files`]. If the main source has an extension of the language, the files with any of the
    /// language's extensions are sources.
    pub fn for_files_of(language: &Language, files: &BoxFiles, memory: Bytes) -> Option<Placeholders> {
        let is_of_language = |path: &BoxPath| {
            let extension = extension(path.as_str());
            extension.is_some_and(|extension| language.extensions.iter().any(|known| known == extension))
        };
        let mut all = Placeholders::for_files(files, memory)?;
        if files.iter().next().is_some_and(|main| is_of_language(&main.path)) {
            let sources = files.iter().filter(|file| is_of_language(&file.path));
            all.sources = sources.map(|file| file.path.as_str().to_owned()).collect();
        }
        Some(all)
    }

    /// Sets the class to start.
    #[must_use]
    pub fn starting(self, main_class: Option<String>) -> Placeholders {
        Placeholders { main_class, ..self }
    }

    /// Sets arguments in addition to the language's own. See [`Language::compile_commands`] and
    /// [`Language::execute_command`].
    ///
    /// [`Language::compile_commands`]: crate::Language::compile_commands
    /// [`Language::execute_command`]: crate::Language::execute_command
    #[must_use]
    pub fn with_tools(self, tools: &ToolOptions) -> Placeholders {
        Placeholders { tools: tools.clone(), ..self }
    }

    fn base(&self) -> &str {
        let path = &self.sources[0];
        extension(path).map_or(path, |extension| &path[..path.len() - extension.len() - 1])
    }

    fn stem(&self) -> &str {
        file_name(self.base())
    }

    fn memory_mb(&self) -> u64 {
        self.memory.as_mib().max(1)
    }

    fn heap_mb(&self) -> u64 {
        (self.memory.as_mib() * 3 / 4).max(1)
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn extension(path: &str) -> Option<&str> {
    file_name(path).rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use cupel_types::BoxFile;

    use super::*;

    fn check(args: &[&str], source: &str, expected: &[&str]) {
        let values = Placeholders::new(&BoxPath::new(source).unwrap(), Bytes::mib(512));
        assert_eq!(Template::parse(args).unwrap().fill(&values), expected);
    }

    #[test]
    fn placeholders_are_filled_in() {
        check(&["cc", "-o", "{stem}", "{source}"], "src/prog.c", &["cc", "-o", "prog", "src/prog.c"]);
        check(&["java", "-Xmx{heap_mb}m", "-m={memory_mb}"], "Main.java", &["java", "-Xmx384m", "-m=512"]);
        check(&["x", "{{}}", ""], "a", &["x", "{}", ""]);
        check(&["x", "{stem}"], ".profile", &["x", ".profile"]);
        check(&["x", "{stem}"], "a.b.c", &["x", "a.b"]);
        check(&["x", "{base}.js", "{base}"], "src/a.ts", &["x", "src/a.js", "src/a"]);
        check(&["x", "{base}"], "a.d/main", &["x", "a.d/main"]);
    }

    #[test]
    fn additional_arguments_are_beside_the_first_source_or_the_class_to_start() {
        let filled = |args: &[&str]| {
            let values = Placeholders::new(&BoxPath::new("a.c").unwrap(), Bytes::mib(1));
            let (before, after) = (["-O3".into(), "-g".into()], ["-lz".into()]);
            Template::parse(args).unwrap().fill_with(&values, &before, &after)
        };
        assert_eq!(filled(&["cc", "-O2", "{source}", "{source}"]), ["cc", "-O2", "-O3", "-g", "a.c", "-lz", "a.c"]);
        assert_eq!(filled(&["cc", "{sources}", "-lm"]), ["cc", "-O3", "-g", "a.c", "-lz", "-lm"]);
        assert_eq!(filled(&["java", "-cp", ".", "{main_class}"]), ["java", "-cp", ".", "-O3", "-g", "a", "-lz"]);
        assert_eq!(filled(&["ld", "main.o"]), ["ld", "main.o"]);
    }

    #[test]
    fn a_file_name_never_becomes_an_option() {
        check(&["cc", "{source}", "{sources}"], "-x.c", &["cc", "./-x.c", "./-x.c"]);
        check(&["cc", "{source}"], "@x.c", &["cc", "./@x.c"]);
        check(&["cc", "--in={source}"], "-x.c", &["cc", "--in=-x.c"]);
    }

    #[test]
    fn sources_are_the_files_with_the_extension_of_the_main_source() {
        let file = |path| BoxFile { path: BoxPath::new(path).unwrap(), data: Arc::from(&b""[..]), executable: false };
        let files =
            BoxFiles::new(vec![file("main.c"), file("lib/util.c"), file("util.h"), file("c"), file("data.txt")]);
        let values = Placeholders::for_files(&files, Bytes::mib(64)).unwrap();
        let template = Template::parse(&["cc", "{sources}"]).unwrap();
        assert_eq!(template.fill(&values), ["cc", "main.c", "lib/util.c"]);
        assert_eq!(Placeholders::for_files(&BoxFiles::default(), Bytes::mib(64)), None);
    }

    #[test]
    fn sources_have_any_extension_of_the_language() {
        let languages = crate::Registry::load(None).unwrap();
        let file =
            |path: &&str| BoxFile { path: BoxPath::new(path).unwrap(), data: Arc::from(&b""[..]), executable: false };
        for (language, names, expected) in [
            ("cpp", &["main.cpp", "f.cc", "g.cxx", "f.hpp", "data.txt"][..], &["main.cpp", "f.cc", "g.cxx"][..]),
            ("fortran", &["a.f90", "b.f"], &["a.f90", "b.f"]),
            // The main source has no extension of the language.
            ("cpp", &["main.inc", "f.cc", "g.inc"], &["main.inc", "g.inc"]),
        ] {
            let files = BoxFiles::new(names.iter().map(file).collect());
            let values = Placeholders::for_files_of(languages.find(language).unwrap(), &files, Bytes::mib(64)).unwrap();
            assert_eq!(values.sources, expected, "{language}");
        }
    }

    #[test]
    fn unknown_and_broken_placeholders_are_refused() {
        for (args, why) in [
            (&["cc", "{sauce}"][..], "unknown placeholder `{sauce}`"),
            (&["cc", "{source"], "without `}`"),
            (&["cc", "source}"], "without `{`"),
            (&["cc", "-I{sources}"], "a whole argument"),
            (&[], "expected a program"),
            (&[""], "expected a program"),
        ] {
            let error = Template::parse(args).unwrap_err();
            assert!(error.contains(why), "{args:?}: {error}");
        }
    }
}
