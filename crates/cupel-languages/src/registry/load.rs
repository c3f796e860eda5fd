//! Loads language files: the shipped ones, and those of the operator's directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use super::{Registry, faults};
use crate::{Language, LanguageFault, LoadError, file, place, shipped};

impl Registry {
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
        // A collision is a fault of the second file, so the operator's files come last: a shipped file cannot be
        // edited.
        let is_of_operator = |language: &Language| {
            let name = format!("{}.toml", language.id);
            sources.get(&name).is_some_and(|(shown, _)| *shown != name)
        };
        languages.sort_by(|a, b| (is_of_operator(a), &a.id).cmp(&(is_of_operator(b), &b.id)));
        let mut among = faults::collisions(&languages);
        among.append(&mut faults::unknown_requirements(&languages));
        for fault in &mut among {
            if let Some((shown, text)) = sources.get(&fault.file) {
                fault.line = place::line_of_key(text, &fault.key);
                fault.file.clone_from(shown);
            }
        }
        faults.append(&mut among);
        languages.sort_by(|a, b| a.id.cmp(&b.id));
        if faults.is_empty() {
            Ok(Registry { languages, disabled: Vec::new() })
        } else {
            Err(LoadError::Faults(faults))
        }
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

/// Reads a file if it is a regular file, because opening a FIFO or a device might block forever.
fn read_file(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::super::test_support::language;
    use super::*;

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
        assert!(error.contains("a.toml:1: `name`"), "{error}");
        let fault =
            format!("{}:2: `aliases`: `ruby` is already used by ruby.toml", dir.path().join("b.toml").display());
        assert!(error.contains(&fault), "a collision with a shipped file is a fault of the operator's file: {error}");
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
    fn a_missing_directory_is_an_error() {
        assert!(matches!(Registry::load(Some(Path::new("/no/such/directory"))), Err(LoadError::Read { .. })));
    }
}
