//! Unpacks untrusted packages (a directory, a zip or a tar) into a directory owned by Cupel.
//!
//! All files are unpacked into a temporary directory beside the target. The directory is renamed only after the whole
//! package has been read without errors. A refused package leaves no files behind.

mod counted;
mod directory;
mod sink;
mod tar;
mod zip;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) use directory::scan;
pub(crate) use sink::{Sink, SinkError, Stored};

use crate::finding::{Code, Findings, ImportError};
use cupel_problem::PackagePath;

/// Bounds on unpacked packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Number of entries, including directories.
    pub entries_max: usize,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Bytes of all files together.
    pub total_bytes_max: u64,
    /// Bytes of all files together per byte of the package's archive.
    pub ratio_max: u64,
    /// Up to this many bytes of all files together, any ratio is allowed.
    pub ratio_free_bytes: u64,
}

impl Default for UnpackLimits {
    /// 50,000 entries, 512 MiB per file, 2 GiB in all, 200:1 beyond 512 MiB in all.
    ///
    /// The other bounds limit how much of the disk one package takes. The ratio keeps a small upload from taking all of
    /// that. It applies only to a large total, because a test of equal numbers may have a ratio of 1000:1.
    fn default() -> UnpackLimits {
        UnpackLimits {
            entries_max: 50_000,
            file_bytes_max: 512 << 20,
            total_bytes_max: 2 << 30,
            ratio_max: 200,
            ratio_free_bytes: 512 << 20,
        }
    }
}

/// Container format of a package, recognised by its first bytes.
enum Kind {
    Zip,
    Tar,
    GzippedTar,
}

/// Unpacks `source` into the empty directory `into`. `None` if the package is refused; the findings contain the
/// reasons.
pub(crate) fn unpack<'a>(
    source: &Path,
    into: &Path,
    limits: &'a UnpackLimits,
    findings: &'a Findings,
) -> Result<Option<Sink<'a>>, ImportError> {
    let mut sink = Sink::new(into.to_owned(), limits, findings);
    let meta = std::fs::metadata(source).map_err(ImportError::io("read", source))?;
    let result = if meta.is_dir() { directory::copy(source, &mut sink) } else { unpack_archive(source, "", &mut sink) };
    finish(result, source, sink)
}

/// Unpacks an archive inside a package (DMOJ's `archive`) below a directory (with trailing slash) of the same sink,
/// within the same limits. Reports faults as findings.
pub(crate) fn unpack_inner(archive: &Path, below: &str, sink: &mut Sink<'_>) -> Result<(), ImportError> {
    sink.begin_inner();
    let result = unpack_archive(archive, below, sink);
    report_failure(result, archive, sink)
}

/// Adds a file of Cupel's own to the unpacked files. Reports faults as findings.
pub(crate) fn add(name: &str, mut content: &[u8], sink: &mut Sink<'_>) -> Result<(), ImportError> {
    let Ok(path) = PackagePath::new(name) else { return Ok(()) };
    let result = sink.file(&path, false, &mut content, &|| None);
    report_failure(result, Path::new(name), sink)
}

/// Replaces the content of an unpacked file, within the package's limits. Returns whether it was replaced; if not, the
/// reason is reported as a finding that begins with `cause`.
pub(crate) fn replace(
    path: &PackagePath,
    pieces: &[&str],
    cause: &str,
    sink: &mut Sink<'_>,
) -> Result<bool, ImportError> {
    let result = sink.replace(path, pieces, cause);
    let is_replaced = result.is_ok();
    report_failure(result, Path::new(path.as_str()), sink)?;
    Ok(is_replaced)
}

fn finish<'a>(result: Result<(), SinkError>, source: &Path, sink: Sink<'a>) -> Result<Option<Sink<'a>>, ImportError> {
    report_failure(result, source, &sink)?;
    Ok(Some(sink).filter(|sink| !sink.findings().any_error()))
}

fn report_failure(result: Result<(), SinkError>, source: &Path, sink: &Sink<'_>) -> Result<(), ImportError> {
    match result {
        Ok(()) | Err(SinkError::Refused) => Ok(()),
        Err(SinkError::Source(error)) => {
            let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            damaged(sink.findings(), &name, &error.to_string());
            Ok(())
        }
        Err(SinkError::Ours(error)) => Err(error),
    }
}

fn unpack_archive(source: &Path, below: &str, sink: &mut Sink<'_>) -> Result<(), SinkError> {
    let mut file = File::open(source).map_err(ImportError::io("open", source))?;
    let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match container(&mut file).map_err(SinkError::Source)? {
        Some(Kind::Zip) => zip::unpack(file, &name, below, sink),
        Some(Kind::Tar) => {
            let counter = counted::Counted::new(file);
            let count = counter.count();
            tar::unpack(counter, &count, &name, below, sink)
        }
        Some(Kind::GzippedTar) => {
            let counter = counted::Counted::new(file);
            let count = counter.count();
            tar::unpack(flate2::read::MultiGzDecoder::new(counter), &count, &name, below, sink)
        }
        None => {
            let fault = "this is not a zip or tar archive (or the archive is cut off)";
            sink.findings().file(
                Code::FormatUnknown,
                &name,
                fault,
                "A package is a .zip, a .tar or a .tar.gz; the command line also takes its directory",
            );
            Err(SinkError::Refused)
        }
    }
}

/// Recognises the container format by its first bytes, then rewinds. Sources: APPNOTE.TXT 4.3.7 and 4.3.16 (zip), POSIX
/// ustar (`magic`), RFC 1952 (gzip).
fn container(file: &mut File) -> std::io::Result<Option<Kind>> {
    use std::io::Seek;
    let mut head = [0; 512];
    let mut length = 0;
    while length < head.len() {
        match file.read(&mut head[length..])? {
            0 => break,
            n => length += n,
        }
    }
    file.rewind()?;
    let head = &head[..length];
    Ok(match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Zip),
        [0x1f, 0x8b, ..] => Some(Kind::GzippedTar),
        _ if head.get(257..262) == Some(b"ustar") => Some(Kind::Tar),
        _ => None,
    })
}

fn damaged(findings: &Findings, archive: &str, why: &str) {
    let fault = format!("the archive is corrupted or cut off: {why}");
    findings.file(Code::ArchiveDamaged, archive, fault, "Upload it again, or pack it again");
}
