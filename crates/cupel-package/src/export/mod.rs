//! Writes a [`Package`](cupel_problem::Package) in the Kattis format 2025-09 to a directory or a zip, or writes its
//! stored files to a zip or a tar.
//!
//! If the format cannot express a property, the export is refused with all such findings. If a weaker equivalent
//! exists, it is used, with a warning. The target is created either completely or not at all.

mod kattis;
mod yaml;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::import::Tree;
use crate::unpack;
use crate::{FileError, ImportError, PackageFinding, Refused, UnpackLimits};
use cupel_problem::{FileRef, Package, PackagePath};

/// The form of an exported package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A directory.
    Directory,
    /// A zip.
    Zip,
}

/// The reason why a package was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The format cannot express the package.
    #[error(transparent)]
    Inexpressible(Refused),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] FileError),
    /// The target already exists.
    #[error("{} already exists", .0.display())]
    TargetExists(PathBuf),
}

/// Writes a package in the Kattis format 2025-09 to `target` and returns the warnings. `target` must not exist; its
/// parent must. Blocks on file I/O.
///
/// # Errors
/// [`ExportError::Inexpressible`] with all properties that the format cannot express, or an internal failure. In both
/// cases, `target` is not created.
pub fn export(package: &Package, target: &Path, container: Container) -> Result<Vec<PackageFinding>, ExportError> {
    let metadata = kattis::Metadata::of(package)?;
    let (files, warnings) = kattis::plan(package, &metadata).map_err(ExportError::Inexpressible)?;
    write(package, &files, target, container)?;
    Ok(warnings)
}

/// Writes the stored files of a package, in the original format, to a zip at `target`, which must not exist; its parent
/// must. An import of the zip results in the same hash. Reads every file twice and blocks on file I/O.
///
/// # Errors
/// An internal failure, or a package directory that was modified after the import. `target` is not created.
pub fn archive(package: &Package, target: &Path) -> Result<(), ExportError> {
    write(package, &stored(package)?, target, Container::Zip)?;
    Ok(())
}

/// Writes the stored files of a package to a tar. The bytes depend only on the package.
/// [`unpack_packed`](crate::unpack_packed) reads the tar. Reads every file twice and blocks on file I/O.
///
/// # Errors
/// An internal failure, or a package directory that was modified after the import.
pub fn pack(package: &Package, to: &mut dyn Write) -> Result<(), FileError> {
    let failed = || FileError::at("pack", package.root());
    let mut tar = tar::Builder::new(to);
    for planned in stored(package)? {
        let Content::File(file) = &planned.content else { continue };
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(file.size.get());
        header.set_mode(if planned.executable { 0o755 } else { 0o644 });
        let from = package.open(file).map_err(FileError::at("open", &package.path_of(file)))?;
        tar.append_data(&mut header, planned.path.as_str(), from).map_err(failed())?;
    }
    tar.finish().map_err(failed())
}

/// Returns the stored files of a package.
fn stored(package: &Package) -> Result<Vec<Planned>, FileError> {
    let stored = match unpack::scan(package.root(), &UnpackLimits::default()) {
        Ok(files) => Tree::new(package.root().to_owned(), files),
        Err(ImportError::Io(error)) => return Err(error),
        Err(error) => return Err(changed(package, error)),
    };
    if stored.hash() != package.hash {
        return Err(changed(package, "the hash of its content has changed"));
    }
    let files = stored.iter().map(|(path, stored)| {
        let file = FileRef { path: path.clone(), hash: stored.hash, size: stored.size };
        Planned { path: path.clone(), content: Content::File(file), executable: stored.executable }
    });
    Ok(files.collect())
}

fn changed(package: &Package, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FileError {
    FileError::at("read", package.root())(io::Error::new(io::ErrorKind::InvalidData, why))
}

fn write(package: &Package, files: &[Planned], target: &Path, container: Container) -> Result<(), ExportError> {
    if target.symlink_metadata().is_ok() {
        return Err(ExportError::TargetExists(target.to_owned()));
    }
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new().prefix(".exporting-").tempdir_in(parent);
    let temporary = temporary.map_err(FileError::at("create a directory in", parent))?;
    let package_directory = temporary.path().join("package");
    match container {
        Container::Directory => write_directory(package, files, &package_directory)?,
        Container::Zip => write_zip(package, files, &package_directory)?,
    }
    fs::rename(&package_directory, target).map_err(FileError::at("move the package to", target))?;
    Ok(())
}

/// A file of the package to export. Its path is relative and has no `..`, so that no program that unpacks the package
/// writes outside its directory.
struct Planned {
    path: PackagePath,
    content: Content,
    executable: bool,
}

enum Content {
    File(FileRef),
    Text(String),
}

impl Content {
    /// Whether both have the same bytes, as far as this is known without reading files.
    fn is_equal(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::File(one), Content::File(other)) => one.hash == other.hash,
            (Content::Text(one), Content::Text(other)) => one == other,
            (Content::File(_), Content::Text(_)) | (Content::Text(_), Content::File(_)) => false,
        }
    }
}

fn copy(package: &Package, planned: &Planned, to: &mut dyn Write) -> Result<(), FileError> {
    match &planned.content {
        Content::Text(text) => {
            to.write_all(text.as_bytes()).map_err(FileError::at("write", Path::new(planned.path.as_str())))
        }
        Content::File(file) => {
            let mut from = package.open(file).map_err(FileError::at("open", &package.path_of(file)))?;
            io::copy(&mut from, to).map(drop).map_err(FileError::at("copy", &package.path_of(file)))
        }
    }
}

fn write_directory(package: &Package, files: &[Planned], root: &Path) -> Result<(), FileError> {
    fs::create_dir(root).map_err(FileError::at("create directory", root))?;
    for planned in files {
        let place = root.join(planned.path.as_str());
        create_parents(root, Path::new(planned.path.as_str()))?;
        let mode = if planned.executable { 0o755 } else { 0o644 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&place);
        copy(package, planned, &mut file.map_err(FileError::at("create", &place))?)?;
    }
    Ok(())
}

/// Creates the missing parents of a file below `root`. `root` itself is not created again if it is removed meanwhile,
/// as a command does that is interrupted.
fn create_parents(root: &Path, file: &Path) -> Result<(), FileError> {
    let mut place = root.to_owned();
    for part in file.parent().unwrap_or(Path::new("")) {
        place.push(part);
        match fs::create_dir(&place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(FileError::at("create directory", &place))?,
        }
    }
    Ok(())
}

fn write_zip(package: &Package, files: &[Planned], place: &Path) -> Result<(), FileError> {
    let file = File::create_new(place).map_err(FileError::at("create", place))?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for planned in files {
        let large = matches!(&planned.content, Content::File(file) if file.size.get() >= u64::from(u32::MAX));
        let mode = if planned.executable { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let options = options.unix_permissions(mode).large_file(large);
        zip.start_file(planned.path.as_str(), options).map_err(|error| FileError::at("write", place)(error.into()))?;
        copy(package, planned, &mut zip)?;
    }
    finish(zip).map_err(FileError::at("write", place))
}

fn finish<W: Write + Seek>(zip: ZipWriter<W>) -> io::Result<()> {
    zip.finish().map_err(io::Error::from)?.flush()
}
