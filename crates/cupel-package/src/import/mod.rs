//! Imports a package as a [`Package`]: unpacks it, recognises the format, reads all files, and moves them to the
//! target.
//!
//! Findings are collected, so that a refusal contains all of them, unless a fault such as an exceeded bound stops the
//! unpacking. A refused package leaves no files behind, because all work happens in a temporary directory beside the
//! target, which is renamed at the end.

mod cases;
mod cupel;
mod detect;
mod dmoj;
mod draft;
mod kattis;
mod polygon;
mod programs;
mod sizes;
mod tree;

use std::path::Path;
use std::time::Duration;

use cupel_languages::Registry;
use cupel_types::{Bytes, LanguageId};

use detect::detect;
pub use detect::{PackageFormat, is_marker};
pub(crate) use draft::{Draft, Keys};
pub(crate) use kattis::folder_rule;
pub(crate) use tree::{ByteOrderMark, Child, Tree};

use crate::doc::{Node, parse_toml, parse_yaml};
use crate::finding::{Code, FileError, Findings, ImportError, PackageFinding};
use crate::unpack::{self, Sink, UnpackLimits};
use cupel_problem::{ContentHash, Package, PackagePath, Problem, Slug};

/// Options of an import.
#[derive(Clone, Debug)]
pub struct ImportOptions<'a> {
    /// The language registry, which maps a package's language names to ids.
    pub languages: &'a Registry,
    /// The format. `None`: recognised by the files.
    pub format: Option<PackageFormat>,
    /// The problem's slug, instead of the package's.
    pub slug: Option<Slug>,
    /// The CPU time limit, instead of the package's.
    pub time_limit: Option<Duration>,
    /// The memory limit, instead of the package's.
    pub memory_limit: Option<Bytes>,
    /// Whether packages without secret cases are accepted, so that authors can try them.
    pub allow_no_secret: bool,
    /// Whether the files are synced to disk before the package is moved to the target.
    pub durable: bool,
    /// Bounds on unpacking.
    pub unpack: UnpackLimits,
    /// Maximum limits that a package may set.
    pub maxima: Maxima,
}

impl<'a> ImportOptions<'a> {
    /// The default options.
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

/// Maximum limits that a package may set. A package with a higher limit is refused; a limit is never lowered silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maxima {
    /// CPU time of a case, a compilation or a validation.
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

/// An imported package.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The package.
    pub package: Package,
    /// The original format of the package.
    pub format: PackageFormat,
    /// Warnings about the package.
    pub warnings: Vec<PackageFinding>,
}

/// Unpacks the untrusted package at `source` (a directory, a zip, a tar, or a gzipped tar) into a directory at
/// `target`, which must not exist; its parent must. Blocks on file I/O.
///
/// # Errors
/// [`ImportError::Refused`] with all findings about the package, or an internal failure. In both cases, `target` is not
/// created.
pub fn import(source: &Path, target: &Path, options: &ImportOptions<'_>) -> Result<Imported, ImportError> {
    if target.symlink_metadata().is_ok() {
        return Err(ImportError::TargetExists(target.to_owned()));
    }
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The temporary directory is removed when this function returns. By then, the package has been moved to the target.
    let temporary = tempfile::Builder::new().prefix(".importing-").tempdir_in(parent);
    let temporary = temporary.map_err(ImportError::io("create a directory in", parent))?;
    let inside = temporary.path().join("package");
    std::fs::create_dir(&inside).map_err(ImportError::io("create directory", &inside))?;

    let findings = Findings::default();
    let name = source_name(source);
    let read = match unpack::unpack(source, &inside, &options.unpack, &findings)? {
        Some(sink) => read_unpacked(sink, &name, options, &findings)?,
        None => None,
    };
    let warnings = findings.into_result()?;
    let Some((from, hash, format, problem)) = read else {
        // Unreachable, because a reader that returns no problem has reported an error. Handled as a refusal.
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

/// Unpacks the output of [`pack`](crate::pack) at `target`, if it is the package with this hash. The source of `packed`
/// is not trusted. `target` must not exist; its parent must. Returns `false`, without creating `target`, if the package
/// is a different one. Blocks on file I/O.
///
/// # Errors
/// An internal failure. `target` is not created.
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
    let temporary = temporary.map_err(FileError::at("create a directory in", parent))?;
    let inside = temporary.path().join("package");
    std::fs::create_dir(&inside).map_err(FileError::at("create directory", &inside))?;
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

/// Opens a package that [`import`] wrote to `root` with the same options and name. Hashes every file again.
///
/// # Errors
/// As for [`import`], and if the directory was modified after the import.
pub fn open(root: &Path, options: &ImportOptions<'_>) -> Result<Imported, ImportError> {
    let findings = Findings::default();
    let tree = Tree::new(root.to_owned(), unpack::scan(root, &options.unpack)?);
    let hash = tree.hash();
    let name = source_name(root);
    let context = Context { tree: &tree, findings: &findings, options, name: &name, is_stored: true };
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

/// Syncs a directory and all its files to disk.
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
        PackageFormat::Kattis202509 | PackageFormat::Domjudge => kattis::fill_in_constants(&tree, &top, &mut sink)?,
        PackageFormat::KattisLegacy | PackageFormat::Polygon | PackageFormat::Cupel => false,
    };
    if findings.any_error() {
        return Ok(None);
    }
    let tree = if changed { subtree(&sink, &top) } else { tree };
    let context = Context { tree: &tree, findings, options, name, is_stored: false };
    Ok(context.read(format)?.map(|problem| (tree.root().to_owned(), tree.hash(), format, problem)))
}

/// If all files of the package are in one top-level directory, returns its name with a trailing slash; if not, an empty
/// text.
fn top_directory(sink: &Sink<'_>) -> String {
    let mut top: Option<&str> = None;
    for path in sink.files().keys() {
        match path.as_str().split_once('/') {
            Some((first, _)) if top.is_none_or(|top| top == first) => top = Some(first),
            _ => return String::new(),
        }
    }
    let Some(top) = top else { return String::new() };
    // A package may have all its files in one directory that the format defines. That directory must stay, so a
    // top-level directory is removed only if it contains a marker.
    let inside = |path: &PackagePath| path.below(top).is_some_and(is_marker);
    if sink.files().keys().any(inside) { format!("{top}/") } else { String::new() }
}

fn subtree(sink: &Sink<'_>, top: &str) -> Tree {
    let relative = |path: &PackagePath| PackagePath::new(path.as_str().strip_prefix(top)?).ok();
    let files = sink.files().iter().filter_map(|(path, stored)| Some((relative(path)?, stored.clone()))).collect();
    Tree::new(sink.root().join(top.trim_end_matches('/')), files)
}

/// Returns the file name of the source, without the extension of an archive.
fn source_name(source: &Path) -> String {
    let name =
        source.canonicalize().ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    let name = name.unwrap_or_default();
    let stripped = [".zip", ".tar.gz", ".tgz", ".tar"].iter().find_map(|end| name.strip_suffix(end));
    stripped.map_or_else(|| name.clone(), str::to_owned)
}

/// State that all readers of one package use.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) findings: &'a Findings,
    pub(crate) options: &'a ImportOptions<'a>,
    /// The source's name.
    pub(crate) name: &'a str,
    /// Whether the package was imported before. Rules that are newer than some stored packages do not apply then.
    pub(crate) is_stored: bool,
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

    /// Returns the language for a name that a package uses.
    pub(crate) fn language(&self, name: &str) -> Option<LanguageId> {
        let name = name.trim();
        self.options
            .languages
            .find(name)
            .map(|language| language.id.clone())
            .or_else(|| name.to_lowercase().parse().ok())
    }

    /// Parses a YAML file. Faults are reported as findings.
    pub(crate) fn yaml(&self, path: &str, mark: ByteOrderMark) -> Result<Option<Node>, ImportError> {
        let Some(text) = self.tree.text(path, mark, self.findings)? else { return Ok(None) };
        Ok(self.parsed(path, Code::Yaml, parse_yaml(&text)))
    }

    /// Parses a TOML file. Faults are reported as findings.
    pub(crate) fn toml(&self, path: &str) -> Result<Option<Node>, ImportError> {
        let Some(text) = self.tree.text(path, ByteOrderMark::Warned, self.findings)? else { return Ok(None) };
        Ok(self.parsed(path, Code::Toml, parse_toml(&text)))
    }

    fn parsed(&self, path: &str, code: Code, result: Result<Node, (crate::finding::Position, String)>) -> Option<Node> {
        match result {
            Ok(node) => Some(node),
            Err((at, fault)) => {
                let fault = format!("the file cannot be parsed: {fault}");
                self.findings.at(code, path, Some(at), None, fault, "Correct the file at this position");
                None
            }
        }
    }
}
