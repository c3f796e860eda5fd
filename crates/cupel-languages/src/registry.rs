//! The set of all languages: lookup by id, alias or extension, and the nearest name to a misspelled one.
//!
//! Invariant: an id, alias or extension identifies one language.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use cupel_types::{BoxPath, ImageName, LanguageId, Root};

use crate::{
    Availability, FoundImage, ImageExecutor, Language, LanguageFault, LoadError, Probe, Template, file, place, shipped,
};

/// Maximum number of version commands run in parallel; most of them wait for the disk.
const PROBES_AT_A_TIME_MAX: usize = 8;

/// Versions of the installed libraries of each language, by name.
pub type LibraryVersions = BTreeMap<LanguageId, BTreeMap<String, String>>;

/// The languages of an installation. Immutable for its readers; a reload creates a new registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    languages: Vec<Language>,
}

impl Registry {
    /// Creates a registry of these languages, sorted by id.
    ///
    /// # Errors
    /// An id, alias or extension identifies two languages.
    pub fn new(mut languages: Vec<Language>) -> Result<Registry, LoadError> {
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        let faults = collisions(&languages);
        if faults.is_empty() { Ok(Registry { languages }) } else { Err(LoadError::Faults(faults)) }
    }

    /// Sets where programs of images run whose language files do not say it.
    pub fn run_images_in(&mut self, executor: ImageExecutor) {
        for language in self.languages.iter_mut().filter(|language| language.image.is_some()) {
            language.executor.get_or_insert(executor);
        }
    }

    /// Loads the shipped languages and those in the operator's directory. A file there replaces the shipped file of the
    /// same name or adds a language. Nothing is probed.
    ///
    /// # Errors
    /// The directory cannot be read, or files have faults. The error contains all faults of all files.
    pub fn load(operator_dir: Option<&Path>) -> Result<Registry, LoadError> {
        let mut faults = Vec::new();
        let mut sources: BTreeMap<String, (String, String)> = shipped::FILES
            .iter()
            .map(|(name, text)| ((*name).to_owned(), ((*name).to_owned(), (*text).to_owned())))
            .collect();
        if let Some(dir) = operator_dir {
            for (name, shown, text) in read_dir(dir)? {
                match text {
                    Ok(text) => drop(sources.insert(name, (shown, text))),
                    Err(detail) => {
                        let key = "(whole file)".to_owned();
                        faults.push(LanguageFault { file: shown, line: None, key, detail });
                    }
                }
            }
        }
        let mut languages = Vec::new();
        for (name, (shown, text)) in &sources {
            match file::parse(name, shown, text) {
                Ok(language) => languages.push(language),
                Err(mut wrong) => faults.append(&mut wrong),
            }
        }
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        let mut among = collisions(&languages);
        among.append(&mut unknown_requirements(&languages));
        for fault in &mut among {
            if let Some((shown, text)) = sources.get(&fault.file) {
                fault.line = place::line_of_key(text, &fault.key);
                fault.file.clone_from(shown);
            }
        }
        faults.append(&mut among);
        if faults.is_empty() { Ok(Registry { languages }) } else { Err(LoadError::Faults(faults)) }
    }

    /// Adds every language in each of these images, for requests that name the image. After a probe,
    /// [`Registry::keep_available_in_images`] removes those whose toolchain is not in the image.
    pub fn add_in_images(&mut self, images: &[ImageName]) {
        let added: Vec<Language> =
            self.languages.iter().flat_map(|l| images.iter().filter_map(|image| l.in_image(image))).collect();
        self.languages.extend(added);
        self.languages.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// Removes the languages in images that are not available.
    pub fn keep_available_in_images(&mut self) {
        self.languages.retain(|language| language.id.image().is_none() || language.is_available());
    }

    /// The images that requests may name for a language.
    pub fn images_of(&self, language: &LanguageId) -> Vec<ImageName> {
        let of_it = self.languages.iter().filter(|l| l.id != *language && l.id.without_image() == language.as_str());
        of_it.filter(|l| l.is_available()).filter_map(|l| l.id.image()).collect()
    }

    /// Probes which toolchains are installed. Blocks until every version command has finished; several run in parallel.
    pub fn probe(&mut self, probe: &dyn Probe) {
        let next = AtomicUsize::new(0);
        let languages = &self.languages;
        let found: Vec<(usize, Probed)> = std::thread::scope(|scope| {
            let probe_next = || {
                let mut mine = Vec::new();
                while let Some((at, language)) = take(&next, languages) {
                    mine.push((at, probed(language, probe)));
                }
                mine
            };
            let threads: Vec<_> =
                (0..languages.len().min(PROBES_AT_A_TIME_MAX)).map(|_| scope.spawn(probe_next)).collect();
            threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
        });
        for (at, found) in found {
            self.languages[at].accept(found);
        }
        self.settle_requirements();
        let packages =
            self.languages.iter().flat_map(|l| &l.libraries).map(|library| library.package.clone()).collect();
        let found = probe.libraries(&packages);
        for library in self.languages.iter_mut().flat_map(|language| &mut language.libraries) {
            library.version = found.get(&library.package).cloned();
        }
    }

    /// Probes the languages that have an image. A language of the machine keeps its availability from `before` if its
    /// version command is unchanged. Otherwise, the probe reports why the language is unavailable.
    pub fn probe_beside(&mut self, before: &Registry, probe: &dyn Probe) {
        for language in &mut self.languages {
            let known = before.get(&language.id).filter(|known| {
                language.image.is_none()
                    && known.image.is_none()
                    && known.version.command == language.version.command
                    && known.availability != Availability::Unprobed
            });
            for library in &mut language.libraries {
                let before = known.iter().flat_map(|known| &known.libraries);
                let same =
                    before.filter(|before| before.package == library.package).find_map(|same| same.version.clone());
                library.version = same;
            }
            let found = match known {
                Some(known) => {
                    let has_check = known.check.is_some();
                    Probed { availability: known.availability.clone(), image: None, has_check }
                }
                None => probed(language, probe),
            };
            language.accept(found);
        }
        self.settle_requirements();
    }

    /// A copy in which the languages in `versions` are available in that version, and all others are unavailable for
    /// `reason`. Of languages in images, it has those in `versions` only. For nodes that run no programs and learn the workers' languages from the store.
    #[must_use]
    pub fn with_versions(&self, versions: &BTreeMap<LanguageId, String>, reason: &str) -> Registry {
        let mut registry = self.clone();
        registry.languages.retain(|language| language.id.image().is_none());
        let in_image = |id: &LanguageId| id.image().and_then(|image| self.find(id.without_image())?.in_image(&image));
        registry.languages.extend(versions.keys().filter_map(in_image));
        registry.languages.sort_by(|a, b| a.id.cmp(&b.id));
        for language in &mut registry.languages {
            language.availability = match versions.get(&language.id) {
                Some(version) => Availability::Available { version: version.clone() },
                None => Availability::Unavailable { reason: reason.to_owned() },
            };
        }
        registry
    }

    /// The versions of the installed libraries of each language, by name.
    pub fn library_versions(&self) -> LibraryVersions {
        let of = |language: &Language| {
            let versions = language.libraries.iter().filter_map(|one| Some((one.name.clone(), one.version.clone()?)));
            Some((language.id.clone(), versions.collect()))
                .filter(|(_, versions): &(_, BTreeMap<_, _>)| !versions.is_empty())
        };
        self.languages.iter().filter_map(of).collect()
    }

    /// Sets the versions of the libraries, for nodes that learn them from the workers.
    pub fn set_library_versions(&mut self, versions: &LibraryVersions) {
        for language in &mut self.languages {
            let found = versions.get(&language.id);
            for library in &mut language.libraries {
                library.version = found.and_then(|found| found.get(&library.name)).cloned();
            }
        }
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
        let why = match &missing.availability {
            Availability::Unavailable { reason } => reason.as_str(),
            Availability::Unprobed | Availability::Available { .. } => "it was not probed",
        };
        Some((at, format!("it requires {}: {why}", missing.name)))
    }

    /// All languages, sorted by id, including unavailable ones.
    pub fn iter(&self) -> std::slice::Iter<'_, Language> {
        self.languages.iter()
    }

    /// Finds a language by id or alias.
    pub fn get(&self, name: &LanguageId) -> Option<&Language> {
        self.find(name.as_str())
    }

    /// Finds a language by id or alias, ignoring ASCII case. `NAME@VERSION` finds the newest available language that is
    /// NAME or a version of it, and whose version begins with VERSION: `python@3` may find 3.13.1. Of equal versions, NAME
    /// itself is found. `NAME@IMAGE:TAG` finds the language in a container image.
    pub fn find(&self, name: &str) -> Option<&Language> {
        match name.split_once('@') {
            None => self.languages.iter().find(|l| names(l).any(|known| known.eq_ignore_ascii_case(name))),
            Some((name, image)) if names_image(image) => {
                let image = image.parse::<ImageName>().ok()?;
                // A registry of this language alone does not have the language that `name` may be an alias of.
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

    /// The language with this id or alias, and all that are versions of it.
    pub fn versions(&self, name: &str) -> Vec<&Language> {
        let Some(main) = self.find(name) else { return Vec::new() };
        let id = main.version_of.as_ref().unwrap_or(&main.id);
        self.languages.iter().filter(|l| l.id == *id || l.version_of.as_ref() == Some(id)).collect()
    }

    /// Finds a language by the name that clients of a facade use for it. Names are case-sensitive. While that language is not
    /// installed, its fallback is found, if there is one.
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

    /// The only language whose extensions these files have.
    ///
    /// # Errors
    /// There is none or more than one; the message is for people.
    pub fn of_files<'p>(&self, names: impl Iterator<Item = &'p BoxPath>) -> Result<&Language, String> {
        let extension = |path: &'p BoxPath| path.as_str().rsplit_once('.').map(|(_, extension)| extension);
        let extensions: Vec<&str> = names.filter_map(extension).collect();
        let sources = extensions.iter().any(|extension| self.by_extension(extension).is_some());
        // Headers decide only if there are no sources.
        let of = |extension: &&str| if sources { self.by_extension(extension) } else { self.by_header(extension) };
        let found = extensions.iter().filter_map(of);
        let found: BTreeMap<&str, &Language> = found.map(|language| (language.id.as_str(), language)).collect();
        let named = || found.keys().copied().collect::<Vec<_>>().join(", ");
        match found.len() {
            0 => Err("none of its files has the extension of a known language".to_owned()),
            1 => found.into_values().next().ok_or_else(|| "no language".to_owned()),
            // C and C++ together count as C++: the C++ compiler accepts both, and the extensions of headers are the
            // same.
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

    /// Message about an unknown language name. It suggests the nearest language or, if no name is close, refers to
    /// `list`, which describes where all languages are listed. Begins with a small letter.
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
        let short: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
        let hint = match self.nearest(&short) {
            Some(near) => format!("did you mean `{}`?", near.id),
            None => format!("{list} lists all of them"),
        };
        format!("there is no language `{}`; {hint}", short.escape_debug())
    }

    /// The language most similar to a misspelled `name`: the edit distance to its id, alias or extension is at most a
    /// third of the longer name's length. `None` if no name is that close.
    pub fn nearest(&self, name: &str) -> Option<&Language> {
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
            .map(|(known, l)| (strsim::damerau_levenshtein(known, &name), known.len(), l))
            .filter(|&(distance, known, _)| distance * 3 <= known.max(letters))
            .min_by_key(|&(distance, known, _)| (distance, std::cmp::Reverse(known)))
            .map(|(_, _, l)| l)
    }
}

impl<'a> IntoIterator for &'a Registry {
    type Item = &'a Language;
    type IntoIter = std::slice::Iter<'a, Language>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Whether the text after `@` names an image, not a version: only the former has a tag.
fn names_image(text: &str) -> bool {
    text.contains(':')
}

fn names(language: &Language) -> impl Iterator<Item = &str> {
    std::iter::once(language.id.as_str()).chain(language.aliases.iter().map(String::as_str))
}

/// The next language that no thread has taken.
fn take<'a>(next: &AtomicUsize, languages: &'a [Language]) -> Option<(usize, &'a Language)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    languages.get(at).map(|language| (at, language))
}

impl Language {
    /// Records the result of a probe.
    fn accept(&mut self, Probed { availability, image, has_check }: Probed) {
        if !has_check {
            self.check = None;
        }
        self.availability = availability;
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
}

fn probed(language: &Language, probe: &dyn Probe) -> Probed {
    let (image, version) = match &language.image {
        None => (None, installed_version(language, probe)),
        Some(name) => match probe.image(name, language.executor.unwrap_or_default()) {
            Ok(image) => {
                let version = version_in(language, &image, probe);
                (Some(image), version)
            }
            Err(reason) => (None, Err(reason)),
        },
    };
    let availability = match (version, &language.missing) {
        (Ok(version), _) => Availability::Available { version },
        (Err(reason), None) => Availability::Unavailable { reason },
        (Err(reason), Some(missing)) => Availability::Unavailable { reason: format!("{reason}: {missing}") },
    };
    let has_check = language.check.as_ref().and_then(Template::program).is_some_and(|program| match &image {
        None => probe.is_installed(program),
        Some(image) => probe.is_installed_in(image, program).unwrap_or(false),
    });
    Probed { availability, image, has_check }
}

/// The version of a language whose toolchain is in an image. It contains the image's digest, so data that are cached
/// per version, such as compiled programs, are never used with another image.
fn version_in(language: &Language, image: &FoundImage, probe: &dyn Probe) -> Result<String, String> {
    let command = &language.version.command;
    // First, because this starts no program.
    for program in language.compile.iter().chain([&language.execute]).filter_map(Template::program) {
        if !probe.is_installed_in(image, program)? {
            return Err(format!("`{program}` is not in the image"));
        }
    }
    let printed = probe.version_in(image, command)?;
    let version = language.version.find(&printed);
    let version = version.ok_or_else(|| format!("`{}` printed no version", command.join(" ")))?;
    Ok(format!("{version} (sha256:{})", image.digest))
}

/// Whether a version begins with these components: 3.13.1 is within 3 and 3.13, and not within 3.1.
fn is_within(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| !wanted.is_empty() && (rest.is_empty() || rest.starts_with('.')))
}

/// The numbers of a version, by which versions are ordered.
fn numbers(version: Option<&str>) -> Vec<u64> {
    version.unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn installed_version(language: &Language, probe: &dyn Probe) -> Result<String, String> {
    let command = &language.version.command;
    let printed = probe.version(command)?;
    let version = language.version.find(&printed);
    let version = version.ok_or_else(|| format!("`{}` printed no version", command.join(" ")))?;
    // The version command may be a different program from those that compile and run.
    let mut programs = language.compile.iter().chain([&language.execute]).filter_map(Template::program);
    match programs.find(|program| !probe.is_installed(program)) {
        Some(missing) => Err(format!("`{missing}` is not installed")),
        None => Ok(version.to_owned()),
    }
}

/// A language file of an operator: its name, its path for messages, and its text or the reason why it cannot be read.
type OperatorFile = (String, String, Result<String, String>);

/// Reads the language files of a directory, sorted by name.
fn read_dir(dir: &Path) -> Result<Vec<OperatorFile>, LoadError> {
    let read = |path: &Path, source| LoadError::Read { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| read(dir, e))? {
        let path = entry.map_err(|e| read(dir, e))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = read_file(&path).map_err(|error| format!("cannot be read: {error}"));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a regular file. Opening a FIFO or a device might block forever.
fn read_file(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::read_to_string(path)
}

/// Faults for ids, aliases and extensions that identify two languages.
fn collisions(languages: &[Language]) -> Vec<LanguageFault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<(&str, &str), &Language> = BTreeMap::new();
    let mut seen_by_facade: BTreeMap<(&str, &str, &str), &Language> = BTreeMap::new();
    for language in languages {
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

/// Faults for required languages that do not exist.
fn unknown_requirements(languages: &[Language]) -> Vec<LanguageFault> {
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
    use cupel_types::ContentHash;

    use super::*;

    fn language(id: &str, aliases: &str, extensions: &str) -> String {
        format!(
            "name = 'Name of {id}'\naliases = [{aliases}]\nextensions = [{extensions}]\nsource = 'main.x'\n\
             execute = ['{id}', '{{source}}']\nversion = {{ command = ['{id}', '--version'] }}\nsamples = []\n[packages]\n"
        )
    }

    fn registry(files: &[(&str, &str, &str)]) -> Result<Registry, LoadError> {
        let parsed = files.iter().map(|(id, aliases, extensions)| {
            let name = format!("{id}.toml");
            file::parse(&name, &name, &language(id, aliases, extensions)).unwrap()
        });
        Registry::new(parsed.collect())
    }

    fn check_collision(files: &[(&str, &str, &str)], expected: &str) {
        assert_eq!(registry(files).unwrap_err().to_string(), expected);
    }

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
    fn a_name_identifies_one_language() {
        check_collision(&[("a", "'b'", ""), ("b", "", "")], "b.toml: `aliases`: `b` is already used by a.toml");
        check_collision(&[("a", "'x'", ""), ("b", "'x'", "")], "b.toml: `aliases`: `x` is already used by a.toml");
        check_collision(&[("a", "", "'x'"), ("b", "", "'x'")], "b.toml: `extensions`: `x` is already used by a.toml");
        check_collision(&[("a", "'a'", "")], "a.toml: `aliases`: `a` is already used by a.toml");
        assert!(registry(&[("a", "", "'b'"), ("b", "", "'a'")]).is_ok(), "extensions and ids are separate namespaces");
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
    fn a_misspelled_name_finds_the_nearest_one() {
        let registry = Registry::load(None).unwrap();
        let nearest = |name: &str| registry.nearest(name).map(|l| l.id.as_str());
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

    #[test]
    fn an_operators_file_replaces_a_language_or_adds_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("python.toml"), language("python", "'py'", "'py'")).unwrap();
        fs::write(dir.path().join("zig.toml"), language("zig", "", "'zig'")).unwrap();
        fs::write(dir.path().join("notes.txt"), "not a language").unwrap();
        let registry = Registry::load(Some(dir.path())).unwrap();
        assert_eq!(registry.find("python").unwrap().name, "Name of python");
        assert_eq!(registry.find("zig").unwrap().name, "Name of zig");
        assert_eq!(registry.iter().count(), shipped::FILES.len() + 1);
    }

    #[test]
    fn faults_of_all_files_are_reported_together() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.toml"), "name = 3").unwrap();
        fs::write(dir.path().join("b.toml"), language("b", "'ruby'", "")).unwrap();
        let error = Registry::load(Some(dir.path())).unwrap_err().to_string();
        assert!(error.contains("a.toml:1: `name`") && error.contains("`ruby` is already used by b.toml"), "{error}");
    }

    #[test]
    fn an_unreadable_file_is_a_fault_beside_those_of_the_other_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.toml"), b"name = '\xff'").unwrap();
        fs::create_dir(dir.path().join("b.toml")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("c.toml")).unwrap();
        fs::write(dir.path().join("d.toml"), "name = 3").unwrap();
        let error = Registry::load(Some(dir.path())).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 4, "{error}");
        for expected in [
            "a.toml: `(whole file)`: cannot be read: stream did not contain valid UTF-8",
            "b.toml: `(whole file)`: cannot be read: it is not a regular file",
            "c.toml: `(whole file)`: cannot be read: it is not a regular file",
            "d.toml:1: `name`",
        ] {
            assert!(error.contains(expected), "{expected}\n{error}");
        }
    }

    #[test]
    fn a_required_language_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.toml"), language("a", "", "") + "requires = ['b']").unwrap();
        let error = Registry::load(Some(dir.path())).unwrap_err().to_string();
        assert!(error.ends_with("/a.toml:9: `packages.requires`: there is no language `b`"), "{error}");
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        assert!(matches!(Registry::load(Some(Path::new("/no/such/directory"))), Err(LoadError::Read { .. })));
    }

    #[test]
    fn a_language_is_unavailable_without_the_language_it_requires() {
        let mut registry = registry(&[("gone", "", ""), ("old", "", "")]).unwrap();
        registry.languages[1].packages.requires.push("gone".parse().unwrap());
        registry.probe(&Fake);
        let reason = "it requires Name of gone: `gone` is not installed".to_owned();
        assert_eq!(registry.find("old").unwrap().availability, Availability::Unavailable { reason });
    }

    /// A probe that finds one image, whose programs print this text.
    struct OneImage(&'static str);

    impl Probe for OneImage {
        fn version(&self, _: &[String]) -> Result<String, String> {
            Ok("1.2.3".to_owned())
        }

        fn image(&self, name: &ImageName, _: ImageExecutor) -> Result<FoundImage, String> {
            match name.as_str() {
                "there:latest" => Ok(FoundImage {
                    digest: ContentHash::from_bytes([0xab; 32]),
                    env: vec![("A".to_owned(), "image".to_owned()), ("PATH".to_owned(), "/image".to_owned())],
                    root: Root::System,
                }),
                other => Err(format!("no image {other}")),
            }
        }

        fn version_in(&self, _: &FoundImage, _: &[String]) -> Result<String, String> {
            Ok(self.0.to_owned())
        }

        fn is_installed_in(&self, _: &FoundImage, program: &str) -> Result<bool, String> {
            Ok(program != "missing")
        }
    }

    /// A language in an image; `execute` is its program.
    fn in_image(id: &str, image: &str, execute: &str, version_of: Option<&str>) -> Language {
        let text = format!(
            "name = 'x'\nimage = '{image}'\nextensions = []\nsource = 'main'\nexecute = ['{execute}']\n\
             version = {{ command = ['x'] }}\nsamples = []\nenv = {{ A = 'language' }}\n{}",
            version_of.map(|id| format!("version_of = '{id}'\n")).unwrap_or_default()
        );
        let name = format!("{id}.toml");
        file::parse(&name, &name, &text).unwrap()
    }

    #[test]
    fn a_language_in_an_image_has_its_version_with_the_digest() {
        let languages = vec![
            in_image("a", "there", "run", None),
            in_image("b", "elsewhere", "run", None),
            in_image("c", "there", "missing", None),
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
    fn a_language_is_found_in_the_images_that_have_its_toolchain() {
        let image = |name: &str| name.parse::<ImageName>().unwrap();
        let mut registry = registry(&[("run", "'r'", ""), ("missing", "", "")]).unwrap();
        registry.add_in_images(&[image("there"), image("elsewhere")]);
        registry.probe(&OneImage("4.5.6"));
        registry.keep_available_in_images();
        let ids: Vec<&str> = registry.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(ids, ["missing", "run", "run@there:latest"]);
        let language = registry.find("R@there:latest").unwrap();
        assert_eq!((language.version_number(), language.listed, language.aliases.len()), (Some("4.5.6"), false, 0));
        assert_eq!(registry.images_of(&"run".parse().unwrap()), [image("there")]);
        assert_eq!(registry.versions("run").len(), 1, "an image is not a version");
        assert_eq!(
            registry.unknown("run@elsewhere:latest", "LIST"),
            "requests may not name the image `elsewhere:latest` for `run`, or it has no such toolchain; images for it: \
             there:latest"
        );
        // Another node learns the languages of a worker from their ids.
        let versions = [("run@there:latest".parse().unwrap(), "4.5.6 (sha256:ab)".to_owned())].into();
        let elsewhere = self::registry(&[("run", "'r'", "")]).unwrap().with_versions(&versions, "no worker");
        assert_eq!(elsewhere.find("r@there:latest").unwrap().image_digest(), Some("sha256:ab"));
        assert!(elsewhere.with_versions(&BTreeMap::new(), "no worker").find("run@there:latest").is_none());
    }

    #[test]
    fn a_node_learns_the_libraries_of_the_workers() {
        let mut registry = Registry::load(None).unwrap();
        assert!(registry.library_versions().is_empty());
        let python = [("NumPy".to_owned(), "1.24.2".to_owned()), ("unknown".to_owned(), "1".to_owned())];
        registry.set_library_versions(&[("python".parse().unwrap(), python.into())].into());
        let expected = [("python".parse().unwrap(), [("NumPy".to_owned(), "1.24.2".to_owned())].into())];
        assert_eq!(registry.library_versions(), expected.into());
        registry.set_library_versions(&LibraryVersions::new());
        assert!(registry.library_versions().is_empty());
    }

    #[test]
    fn a_language_in_an_image_uses_no_toolchain_of_the_machine() {
        let shipped = Registry::load(None).unwrap();
        let image: ImageName = "a:1".parse().unwrap();
        for language in shipped.iter() {
            let Some(derived) = language.in_image(&image) else {
                assert!(!language.listed, "{}", language.id);
                continue;
            };
            let values = crate::Placeholders::new(&language.source, language.limits.memory);
            let commands = derived.compile_commands(&values).concat();
            let commands = commands.into_iter().chain(derived.execute_command(&values));
            assert!(derived.mounts.is_empty() && derived.prepare.is_empty() && derived.warm.is_none());
            for argument in commands {
                assert!(!argument.contains("prepared"), "{}: {argument}", derived.id);
            }
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
            fn image(&self, name: &ImageName, _: ImageExecutor) -> Result<FoundImage, String> {
                OneImage("").image(name, ImageExecutor::Native)
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
}
