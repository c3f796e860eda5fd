//! The target directory of unpacked files. Every file and name is checked and counted.
//!
//! Invariants: the sink creates only directories and regular files, each under a checked name, and never a link. It
//! creates files with `O_EXCL`. So no name can point outside the directory, regardless of later entries. Sizes are
//! counted while unpacking, because sizes in archive headers are not trusted.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cupel_types::Bytes;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::UnpackLimits;
use crate::finding::{Code, Findings, ImportError};
use cupel_problem::{ContentHash, PackagePath, PackagePathError};

/// A file in the target directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) hash: ContentHash,
    pub(crate) size: Bytes,
    pub(crate) executable: bool,
    pub(crate) traits: Traits,
}

/// Properties of a file's bytes, recorded while they are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) carriage_return: bool,
    pub(crate) byte_order_mark: bool,
    pub(crate) no_final_newline: bool,
}

/// The reason why a file was not added. A refusal has been reported as a finding.
#[derive(Debug)]
pub(crate) enum SinkError {
    /// The package is at fault, and unpacking must stop.
    Refused,
    /// Reading the source failed.
    Source(io::Error),
    /// An internal failure.
    Ours(ImportError),
}

impl From<ImportError> for SinkError {
    fn from(error: ImportError) -> SinkError {
        SinkError::Ours(error)
    }
}

/// The target directory while it is filled.
pub(crate) struct Sink<'a> {
    root: PathBuf,
    limits: &'a UnpackLimits,
    findings: &'a Findings,
    files: BTreeMap<PackagePath, Stored>,
    /// All files and directories by folded name, with a flag for directories. Some file systems treat names as equal if
    /// their folded names are equal.
    names: HashMap<String, (PackagePath, bool)>,
    total_bytes: u64,
    /// Bytes of the package's archive that have been read so far. An archive inside the package adds none.
    source_bytes: u64,
    is_inner: bool,
    entries: usize,
}

impl<'a> Sink<'a> {
    /// Creates a sink. `root` is an empty directory owned by Cupel.
    pub(crate) fn new(root: PathBuf, limits: &'a UnpackLimits, findings: &'a Findings) -> Sink<'a> {
        Sink {
            root,
            limits,
            findings,
            files: BTreeMap::new(),
            names: HashMap::new(),
            total_bytes: 0,
            source_bytes: 0,
            is_inner: false,
            entries: 0,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn findings(&self) -> &'a Findings {
        self.findings
    }

    pub(crate) fn limits(&self) -> &'a UnpackLimits {
        self.limits
    }

    pub(crate) fn files(&self) -> &BTreeMap<PackagePath, Stored> {
        &self.files
    }

    /// Declares that all further files come from an archive inside the package, whose bytes have been counted.
    pub(crate) fn begin_inner(&mut self) {
        self.is_inner = true;
    }

    /// Replaces the content of an existing file by the concatenation of `pieces`. Nothing is written if the new size
    /// exceeds a bound. `cause` is the beginning of the fault that is then reported; it may be empty.
    pub(crate) fn replace(&mut self, path: &PackagePath, pieces: &[&str], cause: &str) -> Result<(), SinkError> {
        let old = self.files.get(path);
        let (old_bytes, executable) = old.map_or((0, false), |stored| (stored.size.get(), stored.executable));
        let bytes = pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.len() as u64));
        let total_bytes = self.total_bytes.saturating_sub(old_bytes).saturating_add(bytes);
        self.check_size(path, bytes, total_bytes, cause)?;
        self.total_bytes = total_bytes;
        let place = self.root.join(path.as_str());
        let mut file = BufWriter::new(File::create(&place).map_err(ImportError::io("write", &place))?);
        let mut observer = Observer::default();
        for piece in pieces {
            observer.see(piece.as_bytes());
            file.write_all(piece.as_bytes()).map_err(ImportError::io("write", &place))?;
        }
        file.flush().map_err(ImportError::io("write", &place))?;
        self.files.insert(path.clone(), observer.finish(executable));
        Ok(())
    }

    /// Counts an entry of the source, of any kind.
    pub(crate) fn count_entry(&mut self) -> Result<(), SinkError> {
        self.entries += 1;
        if self.entries > self.limits.entries_max { Err(self.too_many("entries")) } else { Ok(()) }
    }

    fn too_many(&self, what: &str) -> SinkError {
        let fault = format!("there are more than {} {what}", self.limits.entries_max);
        self.findings.file(Code::ArchiveBomb, "", fault, "Remove the files that the problem does not need");
        SinkError::Refused
    }

    /// Checks a raw name of the source and prefixes it with a directory (with trailing slash, or empty). `None` if the
    /// entry is to be silently ignored (the root itself, `.git`, Finder's files). An invalid name is reported, and the
    /// package is refused.
    pub(crate) fn name(&self, below: &str, raw: &[u8]) -> Result<Option<PackagePath>, SinkError> {
        let Ok(text) = std::str::from_utf8(raw) else {
            let shown = String::from_utf8_lossy(raw);
            self.bad_name(&shown, "the name is not UTF-8");
            return Err(SinkError::Refused);
        };
        if matches!(text, "." | "./") {
            return Ok(None);
        }
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        // The name is checked before the prefix is added, because the prefix would make an absolute name relative.
        let checked = PackagePath::new(text).and_then(|_| PackagePath::new(&format!("{below}{text}")));
        match checked {
            Ok(path) if is_debris(&path) => Ok(None),
            Ok(path) => Ok(Some(path)),
            Err(error) => {
                self.bad_name(text, &error.to_string());
                Err(SinkError::Refused)
            }
        }
    }

    fn bad_name(&self, name: &str, why: &str) {
        let remedy = "Pack it again with plain relative names, in one directory";
        self.findings.file(Code::ArchivePath, name, why, remedy);
    }

    /// Creates a directory and its parents.
    pub(crate) fn directory(&mut self, path: &PackagePath) -> Result<(), SinkError> {
        let mut above = Vec::new();
        let mut at = Some(path.clone());
        while let Some(path) = at {
            at = path.parent();
            above.push(path);
        }
        for path in above.into_iter().rev() {
            match self.names.get(&folded(&path)) {
                Some((known, true)) if *known == path => {}
                Some((known, is_directory)) => return Err(self.twice(&path, known, !is_directory)),
                // The source need not have an entry for each directory.
                None if self.names.len() >= self.limits.entries_max => {
                    return Err(self.too_many("files and directories"));
                }
                None => {
                    let place = self.root.join(path.as_str());
                    DirBuilder::new()
                        .mode(0o755)
                        .create(&place)
                        .map_err(ImportError::io("create directory", &place))?;
                    self.names.insert(folded(&path), (path, true));
                }
            }
        }
        Ok(())
    }

    /// Copies a file's bytes from `source`. `source_bytes` returns the number of bytes of the whole archive that have
    /// been read so far; `None` if the file is a copy.
    pub(crate) fn file(
        &mut self,
        path: &PackagePath,
        executable: bool,
        source: &mut dyn Read,
        source_bytes: &dyn Fn() -> Option<u64>,
    ) -> Result<(), SinkError> {
        if let Some(parent) = path.parent() {
            self.directory(&parent)?;
        }
        if let Some((known, is_directory)) = self.names.get(&folded(path)) {
            return Err(self.twice(path, known, *is_directory));
        }
        let place = self.root.join(path.as_str());
        let mode = if executable { 0o755 } else { 0o644 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&place);
        let file = file.map_err(ImportError::io("create", &place))?;
        self.names.insert(folded(path), (path.clone(), false));
        let stored = self.copy(path, executable, source, file, source_bytes)?;
        self.files.insert(path.clone(), stored);
        Ok(())
    }

    /// Copies an existing file to another name.
    pub(crate) fn copy_of(&mut self, path: &PackagePath, original: &PackagePath) -> Result<(), SinkError> {
        let place = self.root.join(original.as_str());
        let mut source = File::open(&place).map_err(ImportError::io("open", &place))?;
        let executable = self.files.get(original).is_some_and(|stored| stored.executable);
        self.file(path, executable, &mut source, &|| None)
    }

    /// Whether the file has been added.
    pub(crate) fn has_file(&self, path: &PackagePath) -> bool {
        self.files.contains_key(path)
    }

    fn copy(
        &mut self,
        path: &PackagePath,
        executable: bool,
        source: &mut dyn Read,
        mut file: File,
        source_bytes: &dyn Fn() -> Option<u64>,
    ) -> Result<Stored, SinkError> {
        let place = self.root.join(path.as_str());
        let mut observer = Observer::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SinkError::Source(error)),
            };
            self.total_bytes += n as u64;
            observer.see(&buffer[..n]);
            if !self.is_inner {
                self.source_bytes = source_bytes().unwrap_or(0).max(self.source_bytes);
            }
            self.check_size(path, observer.size, self.total_bytes, "")?;
            file.write_all(&buffer[..n]).map_err(ImportError::io("write", &place))?;
        }
        Ok(observer.finish(executable))
    }

    /// Checks the size of a file, and the size of all files with it.
    fn check_size(&self, path: &PackagePath, size: u64, total_bytes: u64, cause: &str) -> Result<(), SinkError> {
        let limits = self.limits;
        let remedy = "Reduce the data; this bound has no setting";
        let (fault, remedy) = if size > limits.file_bytes_max {
            (format!("the file has more than {}", Bytes::new(limits.file_bytes_max)), remedy)
        } else if total_bytes > limits.total_bytes_max {
            (format!("all files together have more than {}", Bytes::new(limits.total_bytes_max)), remedy)
        } else if total_bytes > limits.ratio_free_bytes && total_bytes / limits.ratio_max.max(1) > self.source_bytes {
            let total = Bytes::new(limits.ratio_free_bytes);
            let fault = format!(
                "all files together have more than {total} and are compressed by more than {}:1",
                limits.ratio_max
            );
            let remedy = "Pack it as a plain .tar; its maximum size is the operator's setting `problems.package_max`";
            (fault, remedy)
        } else {
            return Ok(());
        };
        self.findings.file(Code::ArchiveBomb, path.as_str(), format!("{cause}{fault}"), remedy);
        Err(SinkError::Refused)
    }

    /// Reports a name that equals that of a known file or directory. `of_two_kinds`: one is a file, the other a
    /// directory.
    fn twice(&self, path: &PackagePath, known: &PackagePath, of_two_kinds: bool) -> SinkError {
        let fault = match path == known {
            true if of_two_kinds => "the name is that of a file and that of a directory".to_owned(),
            true => "the name occurs twice".to_owned(),
            false => format!("the name equals `{known}` on file systems that ignore case or Unicode normalisation"),
        };
        self.findings.file(Code::ArchiveDuplicate, path.as_str(), fault, "Rename or remove one of the two");
        SinkError::Refused
    }
}

/// Records hash, length and properties of the bytes passed to it.
#[derive(Default)]
pub(crate) struct Observer {
    hash: Sha256,
    size: u64,
    traits: Traits,
    first: Vec<u8>,
    last: Option<u8>,
}

impl Observer {
    pub(crate) fn see(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.traits.carriage_return = self.traits.carriage_return || memchr::memchr(b'\r', bytes).is_some();
        if self.first.len() < 3 {
            self.first.extend(bytes.iter().take(3 - self.first.len()));
        }
        self.last = bytes.last().copied().or(self.last);
    }

    pub(crate) fn finish(mut self, executable: bool) -> Stored {
        self.traits.byte_order_mark = self.first == [0xef, 0xbb, 0xbf];
        self.traits.no_final_newline = self.last.is_some_and(|last| last != b'\n');
        let hash = ContentHash::from_bytes(self.hash.finalize().into());
        Stored { hash, size: Bytes::new(self.size), executable, traits: self.traits }
    }
}

/// Returns the folded form in which names are compared: composed and in lower case, as on file systems that ignore
/// these differences.
fn folded(path: &PackagePath) -> String {
    path.as_str().nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Whether the file is a leftover of a version control system or a file manager.
fn is_debris(path: &PackagePath) -> bool {
    path.as_str().split('/').any(|part| matches!(part, ".git" | "__MACOSX" | ".DS_Store" | "Thumbs.db"))
}

/// Resolves the target of a link inside the package by its text alone. Returns an error if it is outside the package.
pub(crate) fn link_target(link: &PackagePath, target: &str) -> Result<PackagePath, PackagePathError> {
    if target.starts_with('/') {
        return Err(PackagePathError::Absolute);
    }
    let mut parts: Vec<&str> = link.as_str().split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(PackagePathError::Traversal)?;
            }
            part => parts.push(part),
        }
    }
    PackagePath::new(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_a_prefix_is_added() {
        let (limits, findings) = (UnpackLimits::default(), Findings::default());
        let sink = Sink::new(PathBuf::from("/nowhere"), &limits, &findings);
        let name =
            |below: &str, raw: &str| sink.name(below, raw.as_bytes()).map(|path| path.map(|path| path.to_string()));
        for (below, raw, made) in [
            ("", "a/b", Some("a/b")),
            ("", "a/b/", Some("a/b")),
            ("", "./a", Some("a")),
            ("", "./", None),
            ("", ".", None),
            ("in/", "./a", Some("in/a")),
            ("in/", "./", None),
            ("", "x/.git/config", None),
        ] {
            assert_eq!(name(below, raw).ok().flatten().as_deref(), made, "{below} {raw}");
        }
        assert!(!findings.any_error());
        for raw in ["", "/", "//", "/a", "../a", "a/../b", "C:/x", "a//b", "././a"] {
            assert!(matches!(name("in/", raw), Err(SinkError::Refused)), "{raw}");
        }
    }

    #[test]
    fn link_targets_are_resolved_by_their_text() {
        let link = PackagePath::new("data/secret/1.in").unwrap();
        let target = |text: &str| link_target(&link, text).map(|path| path.to_string());
        assert_eq!(target("../sample/1.in").as_deref(), Ok("data/sample/1.in"));
        assert_eq!(target("./2.in").as_deref(), Ok("data/secret/2.in"));
        assert_eq!(target("../../problem.yaml").as_deref(), Ok("problem.yaml"));
        assert_eq!(target("../../../x"), Err(PackagePathError::Traversal));
        assert_eq!(target("/x"), Err(PackagePathError::Absolute));
        assert_eq!(target("../.."), Err(PackagePathError::Empty));
    }
}
