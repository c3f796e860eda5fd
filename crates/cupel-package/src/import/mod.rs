//! From a package in a foreign form to a [`Package`]: unpack, recognise, read everything, and only then put it in its place.
//!
//! All findings are collected before anything is refused. A refused package leaves nothing behind: everything happens in a
//! temporary directory beside the target, which is renamed at the very end.

mod cases;
mod cupel;
mod detect;
mod dmoj;
mod draft;
mod kattis;
mod polygon;
mod programs;
mod tree;

use std::path::Path;
use std::time::Duration;

use cupel_languages::Registry;
use cupel_types::{Bytes, LanguageId};

pub use detect::PackageFormat;
use detect::{detect, is_marker};
pub(crate) use draft::{Draft, Keys};
pub(crate) use kattis::folder_rule;
pub(crate) use tree::{ByteOrderMark, Child, Tree};

use crate::doc::{Node, parse_toml, parse_yaml};
use crate::finding::{Code, FileError, Finding, Findings, ImportError};
use crate::unpack::{self, Sink, UnpackLimits};
use cupel_problem::{ContentHash, Package, PackagePath, Problem, Slug};

/// How a package is to be read.
#[derive(Clone, Debug)]
pub struct ImportOptions<'a> {
    /// The languages: a package's names of languages are turned into ids by it.
    pub languages: &'a Registry,
    /// The format, where it is not to be recognised.
    pub format: Option<PackageFormat>,
    /// The problem's short name, in place of the package's.
    pub slug: Option<Slug>,
    /// A CPU time limit, in place of the package's.
    pub time_limit: Option<Duration>,
    /// A memory limit, in place of the package's.
    pub memory_limit: Option<Bytes>,
    /// Whether a package without secret cases is let in, for trying it out.
    pub allow_no_secret: bool,
    /// Whether the files must be on the disk, and not only in the kernel's memory, before the package is in its place.
    pub durable: bool,
    /// Bounds on what is unpacked.
    pub unpack: UnpackLimits,
    /// The most a package may ask for.
    pub maxima: Maxima,
}

impl<'a> ImportOptions<'a> {
    /// The ordinary ones.
    pub fn new(languages: &'a Registry) -> ImportOptions<'a> {
        ImportOptions {
            languages,
            format: None,
            slug: None,
            time_limit: None,
            memory_limit: None,
            allow_no_secret: false,
            durable: false,
            unpack: UnpackLimits::default(),
            maxima: Maxima::default(),
        }
    }
}

/// The most a package may ask for; beyond it is refused and never silently lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maxima {
    /// CPU time of a case, and of a compilation or validation.
    pub time: Duration,
    /// Memory.
    pub memory: Bytes,
    /// Output of a submission.
    pub output: Bytes,
}

impl Default for Maxima {
    /// 5 minutes, 4 GiB, 512 MiB.
    fn default() -> Maxima {
        Maxima { time: Duration::from_secs(300), memory: Bytes::mib(4096), output: Bytes::mib(512) }
    }
}

/// A package that was read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// It.
    pub package: Package,
    /// What it came as.
    pub format: PackageFormat,
    /// What is odd about it.
    pub warnings: Vec<Finding>,
}

/// Unpacks the package at `source` (a directory, a zip, a tar, a gzipped tar) and puts it, as a directory, at `target`, which
/// must not exist and whose parent must. Blocks while it reads and writes. It is read as if an
/// enemy had made it.
///
/// # Errors
/// [`ImportError::Refused`] with everything that is wrong with the package; otherwise what failed on our side. In every case
/// nothing has been made at `target`.
pub fn import(source: &Path, target: &Path, options: &ImportOptions<'_>) -> Result<Imported, ImportError> {
    if target.symlink_metadata().is_ok() {
        return Err(ImportError::TargetExists(target.to_owned()));
    }
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Removed with everything in it when this function ends, but for what is renamed out of it.
    let temporary = tempfile::Builder::new().prefix(".importing-").tempdir_in(parent);
    let temporary = temporary.map_err(ImportError::io("make a directory in", parent))?;
    let inside = temporary.path().join("package");
    std::fs::create_dir(&inside).map_err(ImportError::io("make directory", &inside))?;

    let findings = Findings::default();
    let name = source_name(source);
    let read = match unpack::unpack(source, &inside, &options.unpack, &findings)? {
        Some(sink) => read_unpacked(sink, &name, options, &findings)?,
        None => None,
    };
    let warnings = findings.into_result()?;
    let Some((from, hash, format, problem)) = read else {
        // Cannot be: whatever returns nothing has told an error. Told as one all the same, and never as a success.
        return Err(crate::finding::Refused { findings: warnings }.into());
    };
    if options.durable {
        sync(&from)?;
    }
    std::fs::rename(&from, target).map_err(ImportError::io("move the package to", target))?;
    if options.durable {
        sync_one(parent)?;
    }
    Ok(Imported { package: Package::new(target.to_owned(), problem, hash), format, warnings })
}

/// Unpacks at `target`, which must not exist and whose parent must, what [`pack`](crate::pack) wrote, if it is the package with this
/// hash: whoever kept it is not believed. Blocks while it reads and writes. `false`: it is not that package, and nothing has been made.
///
/// # Errors
/// What failed on our side. Nothing has been made at `target`.
pub fn unpack_packed(
    packed: &Path,
    hash: &ContentHash,
    target: &Path,
    options: &ImportOptions<'_>,
) -> Result<bool, FileError> {
    let ours = |error| match error {
        ImportError::Io(error) => error,
        error => FileError::at("unpack", packed)(std::io::Error::other(error)),
    };
    let parent = target.parent().unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new().prefix(".importing-").tempdir_in(parent);
    let temporary = temporary.map_err(FileError::at("make a directory in", parent))?;
    let inside = temporary.path().join("package");
    std::fs::create_dir(&inside).map_err(FileError::at("make directory", &inside))?;
    let findings = Findings::default();
    let Some(sink) = unpack::unpack(packed, &inside, &options.unpack, &findings).map_err(ours)? else {
        return Ok(false);
    };
    if Tree::new(inside.clone(), sink.files().clone()).hash() != *hash {
        return Ok(false);
    }
    if options.durable {
        sync(&inside).map_err(ours)?;
    }
    std::fs::rename(&inside, target).map_err(FileError::at("move the package to", target))?;
    if options.durable {
        sync_one(parent).map_err(ours)?;
    }
    Ok(true)
}

/// Reads a package again that [`import`] put at `root`, with the same options and its name. Every file is hashed again.
///
/// # Errors
/// As [`import`]; that the directory was changed since is one of them.
pub fn open(root: &Path, options: &ImportOptions<'_>) -> Result<Imported, ImportError> {
    let findings = Findings::default();
    let tree = Tree::new(root.to_owned(), unpack::scan(root, &options.unpack)?);
    let hash = tree.hash();
    let name = source_name(root);
    let context = Context { tree: &tree, findings: &findings, options, name: &name };
    let read = match detect(&tree, options.format, &findings)? {
        Some(format) => context.read(format)?.map(|problem| (format, problem)),
        None => None,
    };
    let warnings = findings.into_result()?;
    match read {
        Some((format, problem)) => {
            Ok(Imported { package: Package::new(root.to_owned(), problem, hash), format, warnings })
        }
        None => Err(crate::finding::Refused { findings: warnings }.into()),
    }
}

/// Has everything in a directory of ours written to the disk.
fn sync(directory: &Path) -> Result<(), ImportError> {
    for entry in std::fs::read_dir(directory).map_err(ImportError::io("list", directory))? {
        let path = entry.map_err(ImportError::io("list", directory))?.path();
        if path.is_dir() { sync(&path)? } else { sync_one(&path)? }
    }
    sync_one(directory)
}

fn sync_one(path: &Path) -> Result<(), ImportError> {
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(ImportError::io("write to the disk", path))
}

type Read = (std::path::PathBuf, ContentHash, PackageFormat, Problem);

fn read_unpacked(
    mut sink: Sink<'_>,
    name: &str,
    options: &ImportOptions<'_>,
    findings: &Findings,
) -> Result<Option<Read>, ImportError> {
    let top = top_directory(&sink);
    let tree = subtree(&sink, &top);
    let Some(format) = detect(&tree, options.format, findings)? else { return Ok(None) };
    let changed = match format {
        PackageFormat::Dmoj => dmoj::complete(&tree, &top, &mut sink)?,
        PackageFormat::Kattis202509 => kattis::fill_in_constants(&tree, &top, &mut sink)?,
        _ => false,
    };
    if findings.any_error() {
        return Ok(None);
    }
    let tree = if changed { subtree(&sink, &top) } else { tree };
    let context = Context { tree: &tree, findings, options, name };
    Ok(context.read(format)?.map(|problem| (tree.root().to_owned(), tree.hash(), format, problem)))
}

/// The directory that holds everything, as archivers make it, with its slash; empty if the package begins at the top.
fn top_directory(sink: &Sink<'_>) -> String {
    let mut top: Option<&str> = None;
    for path in sink.files().keys() {
        match path.as_str().split_once('/') {
            Some((first, _)) if top.is_none_or(|top| top == first) => top = Some(first),
            _ => return String::new(),
        }
    }
    let Some(top) = top else { return String::new() };
    // A package may consist of one directory and no marker at the top; then the marker is in the directory.
    let inside = |path: &PackagePath| path.below(top).is_some_and(is_marker);
    if sink.files().keys().any(inside) { format!("{top}/") } else { String::new() }
}

fn subtree(sink: &Sink<'_>, top: &str) -> Tree {
    let relative = |path: &PackagePath| PackagePath::new(path.as_str().strip_prefix(top)?).ok();
    let files = sink.files().iter().filter_map(|(path, stored)| Some((relative(path)?, stored.clone()))).collect();
    Tree::new(sink.root().join(top.trim_end_matches('/')), files)
}

/// The name of the source without what archives end in.
fn source_name(source: &Path) -> String {
    let name =
        source.canonicalize().ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    let name = name.unwrap_or_default();
    let stripped = [".zip", ".tar.gz", ".tgz", ".tar"].iter().find_map(|end| name.strip_suffix(end));
    stripped.map_or_else(|| name.clone(), str::to_owned)
}

/// What everything that reads one package shares.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) findings: &'a Findings,
    pub(crate) options: &'a ImportOptions<'a>,
    /// The source's name.
    pub(crate) name: &'a str,
}

impl Context<'_> {
    fn read(&self, format: PackageFormat) -> Result<Option<Problem>, ImportError> {
        match format {
            PackageFormat::Kattis202509 | PackageFormat::KattisLegacy | PackageFormat::Domjudge => {
                kattis::read(self, format)
            }
            PackageFormat::Dmoj => dmoj::read(self),
            PackageFormat::Polygon => polygon::read(self),
            PackageFormat::Cupel => cupel::read(self),
        }
    }

    pub(crate) fn default_slug(&self) -> Option<Slug> {
        Slug::from_text(self.name)
    }

    /// A language by a name that a package has for it.
    pub(crate) fn language(&self, name: &str) -> Option<LanguageId> {
        let name = name.trim();
        self.options
            .languages
            .find(name)
            .map(|language| language.id.clone())
            .or_else(|| name.to_lowercase().parse().ok())
    }

    /// A YAML file as a tree; faults are told.
    pub(crate) fn yaml(&self, path: &str, mark: ByteOrderMark) -> Result<Option<Node>, ImportError> {
        let Some(text) = self.tree.text(path, mark, self.findings)? else { return Ok(None) };
        Ok(self.parsed(path, Code::Yaml, parse_yaml(&text)))
    }

    /// A TOML file as a tree; faults are told.
    pub(crate) fn toml(&self, path: &str) -> Result<Option<Node>, ImportError> {
        let Some(text) = self.tree.text(path, ByteOrderMark::Warned, self.findings)? else { return Ok(None) };
        Ok(self.parsed(path, Code::Toml, parse_toml(&text)))
    }

    fn parsed(&self, path: &str, code: Code, result: Result<Node, (crate::finding::Position, String)>) -> Option<Node> {
        match result {
            Ok(node) => Some(node),
            Err((at, fault)) => {
                let fault = format!("the file cannot be read: {fault}");
                self.findings.at(code, path, Some(at), None, fault, "Correct it there");
                None
            }
        }
    }
}
