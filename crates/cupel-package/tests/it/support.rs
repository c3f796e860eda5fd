//! Test packages as lists of files, written as a directory, a zip or a tar, and imported.

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cupel_languages::Registry;
use cupel_package::{Code, ImportError, ImportOptions, Imported, Refused, import};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The shipped languages.
pub(crate) fn languages() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::load(None).expect("the shipped languages load"))
}

pub(crate) fn options() -> ImportOptions<'static> {
    ImportOptions::new(languages())
}

/// Fixtures that can be exported to the Kattis format.
pub(crate) const KATTIS_FIXTURES: &[&str] = &[
    "kattis-legacy/sums",
    "kattis-legacy/higher",
    "kattis-legacy/echoes",
    "kattis-2025-09/ratio",
    "kattis-2025-09/sorting",
    "kattis-2025-09/steps",
    "domjudge/sums",
    "domjudge/addone",
    "cupel/a-plus-b",
];

/// All other complete fixtures. `dmoj/batches` is not among them, because its archive is missing.
pub(crate) const OTHER_FIXTURES: &[&str] =
    &["domjudge/inionly", "dmoj/guess", "dmoj/pattern", "polygon/words", "polygon/ask", "cupel/two-sum"];

/// A package under construction.
#[derive(Clone, Default)]
pub(crate) struct Files(pub(crate) Vec<(String, Vec<u8>)>);

impl Files {
    /// Reads a fixture of this crate.
    pub(crate) fn fixture(name: &str) -> Files {
        let root = fixture_path(name);
        let mut files = Files::default();
        let mut pending = vec![root.clone()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory).expect("the fixture can be listed") {
                let path = entry.expect("an entry can be read").path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    let name = path.strip_prefix(&root).expect("below the root").to_str().expect("UTF-8").to_owned();
                    files.0.push((name, fs::read(&path).expect("the fixture can be read")));
                }
            }
        }
        files.0.sort();
        files
    }

    /// Adds or replaces a file.
    pub(crate) fn with(mut self, name: &str, content: impl AsRef<[u8]>) -> Files {
        self = self.without(name);
        self.0.push((name.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Removes a file, or all files below a directory.
    pub(crate) fn without(mut self, name: &str) -> Files {
        self.0.retain(|(known, _)| known != name && !known.starts_with(&format!("{name}/")));
        self
    }

    /// Replaces a text in a file, which must contain it.
    pub(crate) fn edit(mut self, name: &str, from: &str, to: &str) -> Files {
        let (_, content) =
            self.0.iter_mut().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no file {name}"));
        let text = String::from_utf8(content.clone()).expect("a text");
        assert!(text.contains(from), "{name} has no `{from}`");
        *content = text.replace(from, to).into_bytes();
        self
    }

    /// Moves all files into a directory with this name.
    pub(crate) fn below(self, directory: &str) -> Files {
        Files(self.0.into_iter().map(|(name, content)| (format!("{directory}/{name}"), content)).collect())
    }

    pub(crate) fn write_directory(&self, root: &Path) {
        for (name, content) in &self.0 {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory can be created");
            fs::write(&path, content).expect("a file can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode(content))).expect("its mode can be set");
        }
    }

    pub(crate) fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in &self.0 {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .unix_permissions(mode(content));
            zip.start_file(name.as_str(), options).expect("an entry can be begun");
            zip.write_all(content).expect("an entry can be written");
        }
        zip.finish().expect("the zip can be finished").into_inner()
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in &self.0 {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(mode(content));
            tar.append_data(&mut header, name, content.as_slice()).expect("an entry can be written");
        }
        tar.into_inner().expect("the tar can be finished")
    }
}

/// Returns the mode of a file: scripts are executable.
fn mode(content: &[u8]) -> u32 {
    if content.starts_with(b"#!") { 0o755 } else { 0o644 }
}

pub(crate) fn fixture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages").join(name)
}

/// A temporary directory for imports.
pub(crate) struct Bench {
    directory: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench { directory: TempDir::new().expect("a directory can be created") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.path().join("store/target")
    }

    /// Imports the package at `source`. Asserts that a refused package leaves no files behind.
    pub(crate) fn import(&self, source: &Path, options: &ImportOptions<'_>) -> Result<Imported, ImportError> {
        let store = self.path().join("store");
        fs::create_dir_all(&store).expect("a directory can be created");
        let result = import(source, &self.target(), options);
        let left: Vec<_> = fs::read_dir(&store).expect("the store can be listed").collect();
        let expected = usize::from(result.is_ok());
        assert_eq!(left.len(), expected, "entries in the store after the import: {left:?}");
        result
    }

    pub(crate) fn import_bytes(
        &self,
        name: &str,
        bytes: &[u8],
        options: &ImportOptions<'_>,
    ) -> Result<Imported, ImportError> {
        let source = self.path().join(name);
        fs::write(&source, bytes).expect("a file can be written");
        self.import(&source, options)
    }

    pub(crate) fn import_files(&self, files: &Files, options: &ImportOptions<'_>) -> Result<Imported, ImportError> {
        let source = self.path().join("source");
        fs::create_dir_all(&source).expect("a directory can be created");
        files.write_directory(&source);
        self.import(&source, options)
    }
}

/// Returns the refusal; panics on any other result.
pub(crate) fn refused(result: Result<Imported, ImportError>) -> Refused {
    match result {
        Err(ImportError::Refused(refused)) => refused,
        Err(other) => panic!("internal failure: {other:?}"),
        Ok(imported) => panic!("the package was imported: {:?}", imported.package.problem.slug),
    }
}

/// Asserts that there is a finding with this code whose file and text contain the given words.
pub(crate) fn assert_refused(name: &str, refused: &Refused, code: Code, file: &str, words: &str) {
    let all: Vec<String> = refused.findings.iter().map(ToString::to_string).collect();
    let found = refused.findings.iter().any(|finding| {
        let text = finding.to_string();
        finding.code == code && finding.file.contains(file) && text.contains(words)
    });
    assert!(found, "{name}: expected {} in `{file}` with `{words}`, found:\n  {}", code.as_str(), all.join("\n  "));
    for finding in &refused.findings {
        assert!(!finding.fault.is_empty() && !finding.remedy.is_empty(), "{name}: {finding} lacks a fault or a remedy");
    }
}
