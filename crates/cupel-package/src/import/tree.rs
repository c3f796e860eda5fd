//! The files of an unpacked package, by path relative to its top-level directory.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::doc::TEXT_BYTES_MAX;
use crate::finding::{Code, Findings, ImportError};
use crate::unpack::Stored;
use cupel_problem::{ContentHash, FileRef, PackagePath};

/// Kind of an entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    File,
    Directory,
}

pub(crate) struct Tree {
    root: PathBuf,
    files: BTreeMap<PackagePath, Stored>,
    /// The paths by their form in lower case. Created when the first file is missing.
    by_lower_case: OnceCell<HashMap<String, PackagePath>>,
}

/// Whether a text with a byte-order mark is a warning or an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrderMark {
    Warned,
    Refused,
}

impl Tree {
    /// Creates the tree of `files`, whose paths are relative to `root`.
    pub(crate) fn new(root: PathBuf, files: BTreeMap<PackagePath, Stored>) -> Tree {
        Tree { root, files, by_lower_case: OnceCell::new() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PackagePath, &Stored)> {
        self.files.iter()
    }

    pub(crate) fn stored(&self, path: &PackagePath) -> Option<&Stored> {
        self.files.get(path)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.file(path).is_some()
    }

    /// Returns the file with this path.
    pub(crate) fn file(&self, path: &str) -> Option<FileRef> {
        let path = PackagePath::new(path).ok()?;
        self.files.get(&path).map(|stored| FileRef { path, hash: stored.hash, size: stored.size })
    }

    /// Returns all files below a directory, sorted by path.
    pub(crate) fn below<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = (&'a PackagePath, &'a Stored)> {
        // `0` is the character after `/`, so these are the paths that begin with the directory and a slash.
        let (from, to) = (format!("{directory}/"), format!("{directory}0"));
        self.files.range::<str, _>((Bound::Included(from.as_str()), Bound::Excluded(to.as_str())))
    }

    /// Returns a file whose path differs from this path only in letter case.
    pub(crate) fn similar(&self, path: &str) -> Option<&PackagePath> {
        let by_lower_case = self
            .by_lower_case
            .get_or_init(|| self.files.keys().map(|path| (path.as_str().to_lowercase(), path.clone())).collect());
        // A longer text is not a path.
        let lower_case = (path.len() <= PackagePath::LENGTH_MAX).then(|| path.to_lowercase())?;
        by_lower_case.get(&lower_case).filter(|known| known.as_str() != path)
    }

    /// Says that a file does not exist, and names a file whose path differs only in letter case.
    pub(crate) fn missing(&self, path: &str) -> String {
        match self.similar(path) {
            Some(known) => format!("the file `{path}` does not exist; `{known}` differs in letter case only"),
            None => format!("the file `{path}` does not exist"),
        }
    }

    pub(crate) fn has_directory(&self, directory: &str) -> bool {
        self.below(directory).next().is_some()
    }

    /// Returns the entries of a directory by name, sorted bytewise. `""` is the top level.
    pub(crate) fn children(&self, directory: &str) -> BTreeMap<String, Child> {
        let mut found = BTreeMap::new();
        let mut add = |rest: &str| match rest.split_once('/') {
            Some((name, _)) => found.insert(name.to_owned(), Child::Directory),
            None => found.insert(rest.to_owned(), Child::File),
        };
        if directory.is_empty() {
            for path in self.files.keys() {
                add(path.as_str());
            }
        } else {
            for (path, _) in self.below(directory) {
                add(path.below(directory).unwrap_or_default());
            }
        }
        found
    }

    /// Returns the whole content of a text file, with LF line ends. `None` if the file is missing, not UTF-8 or too
    /// long; this fault is reported.
    pub(crate) fn text(
        &self,
        path: &str,
        mark: ByteOrderMark,
        findings: &Findings,
    ) -> Result<Option<String>, ImportError> {
        let Some(file) = self.file(path) else {
            findings.file(Code::FileMissing, path, "the file is missing", "Add it");
            return Ok(None);
        };
        if file.size.get() > TEXT_BYTES_MAX {
            let fault = format!("the text has {}; the maximum is 1 MiB", file.size);
            findings.file(Code::Text, path, fault, "Make it shorter");
            return Ok(None);
        }
        let place = self.root.join(path);
        let mut bytes = Vec::new();
        let opened = File::open(&place).map_err(ImportError::io("open", &place))?;
        opened.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ImportError::io("read", &place))?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let line =
                    error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                let fault = format!("the text is not UTF-8 (line {line})");
                findings.file(Code::Text, path, fault, "Save it as UTF-8");
                return Ok(None);
            }
        };
        let text = match text.strip_prefix('\u{feff}') {
            None => text,
            Some(rest) => {
                let code = if mark == ByteOrderMark::Refused { Code::Text } else { Code::ByteOrderMark };
                findings.file(code, path, "the text begins with a byte-order mark", "Save it without one");
                rest.to_owned()
            }
        };
        Ok(Some(if text.contains('\r') { text.replace("\r\n", "\n") } else { text }))
    }

    /// Whether a file begins with these bytes. A file that cannot be read does not.
    pub(crate) fn begins_with(&self, path: &PackagePath, bytes: &[u8]) -> bool {
        let mut first = vec![0; bytes.len()];
        let read = File::open(self.root.join(path.as_str())).and_then(|mut file| file.read_exact(&mut first));
        read.is_ok() && first == bytes
    }

    /// Returns the hash of all names, executable bits and contents.
    pub(crate) fn hash(&self) -> ContentHash {
        let mut hash = Sha256::new();
        for (path, stored) in &self.files {
            hash.update((path.as_str().len() as u64).to_le_bytes());
            hash.update(path.as_str());
            hash.update([u8::from(stored.executable)]);
            hash.update(stored.hash.as_bytes());
        }
        ContentHash::from_bytes(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use cupel_types::Bytes;

    use super::*;

    fn tree(names: impl IntoIterator<Item = String>) -> Tree {
        let stored = Stored {
            hash: ContentHash::from_bytes([0; 32]),
            size: Bytes::ZERO,
            executable: false,
            traits: Default::default(),
        };
        let files = names.into_iter().map(|name| (PackagePath::new(&name).unwrap(), stored.clone())).collect();
        Tree::new(PathBuf::new(), files)
    }

    /// If each missing path was compared with all files, this would take ten minutes.
    #[test]
    fn similar_names_are_found_for_many_missing_files() {
        let tree = tree((0..50_000).map(|n| format!("data/secret/{n}.in")));
        for n in 0..50_000 {
            let similar = tree.similar(&format!("data/SECRET/{n}.in"));
            assert_eq!(similar.map(PackagePath::as_str), Some(format!("data/secret/{n}.in").as_str()));
            assert_eq!(tree.similar(&format!("data/secret/{n}.ans")), None);
        }
    }

    #[test]
    fn directories_exist_if_they_have_files() {
        let tree = tree(["a", "a-b/x", "a.b", "a/x", "a/y/z", "b/c", "a0"].map(str::to_owned));
        assert_eq!(tree.below("a").map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a/x", "a/y/z"]);
        let children: Vec<_> = tree.children("a").into_iter().collect();
        assert_eq!(children, [("x".to_owned(), Child::File), ("y".to_owned(), Child::Directory)]);
        assert_eq!(tree.children("").len(), 6 - 1);
        assert_eq!(tree.missing("A/Y/z"), "the file `A/Y/z` does not exist; `a/y/z` differs in letter case only");
        assert_eq!(tree.missing("a/w"), "the file `a/w` does not exist");
        assert!(tree.has_directory("b") && !tree.has_directory("c") && tree.has("a/x") && !tree.has("a/y"));
    }
}
