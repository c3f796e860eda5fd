//! Cache of the time limits that `cupel judge` and `cupel verify` derived, in the user's cache directory. Deriving a
//! limit may take a minute; judging with a known limit takes about a tenth of a second.
//!
//! A limit is valid for one package, one machine, one version of Cupel, the installed versions of the measured
//! languages, and one setting of `worker.warm_interpreters`. The limit's file contains these facts, and the file's name
//! is their hash.
//!
//! Invariants: the directory belongs to the user, and no symbolic link in it is followed. A file that is unreadable,
//! belongs to another user or has unexpected content is ignored, and the limit is derived again. At most
//! [`FILES_MAX`] files are kept.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cupel_judge::{DerivedTimeLimit, Measured};
use cupel_languages::Language;
use cupel_problem::{CaseId, ContentHash, PackagePath};
use cupel_types::{Bytes, Start};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data_dir;

/// Maximum number of cached limits.
const FILES_MAX: usize = 1000;

/// Maximum bytes of one file.
const BYTES_MAX: u64 = 16 << 10;

/// Largest limit that is accepted from a file.
const LIMIT_MAX: Duration = Duration::from_secs(60 * 60);

/// Maximum number of bytes read from a file that identifies the machine.
const MACHINE_BYTES_MAX: u64 = 64 << 10;

/// The facts for which a limit is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calibrated {
    /// One line for each fact.
    facts: String,
}

impl Calibrated {
    /// Returns the facts for a package that is measured on this machine with submissions in these languages. `memory`:
    /// a memory limit to use instead of the package's. `warm`: whether interpreters are kept warm, because a warm start
    /// takes less CPU time than a cold one.
    pub(crate) fn of<'l>(
        package: &ContentHash,
        memory: Option<Bytes>,
        warm: bool,
        languages: impl Iterator<Item = &'l Language>,
    ) -> Calibrated {
        let mut versions: Vec<String> = languages
            .filter_map(|language| Some(format!("language {} {}", language.id, language.installed_version()?)))
            .collect();
        versions.sort();
        let mut facts = vec![format!("package {package}"), format!("cupel {}", env!("CARGO_PKG_VERSION"))];
        facts.push(format!("warm interpreters {warm}"));
        facts.extend(memory.map(|memory| format!("memory {}", memory.get())));
        facts.extend(machine());
        facts.extend(versions);
        Calibrated { facts: facts.join("\n") }
    }

    fn file_name(&self) -> String {
        let hash = Sha256::digest(self.facts.as_bytes());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}.json")
    }
}

/// Facts about this machine that affect execution times.
fn machine() -> Vec<String> {
    let mut facts = Vec::new();
    let id = read_start(Path::new("/etc/machine-id"));
    facts.extend(id.map(|id| format!("machine {}", id.trim())));
    let processor = read_start(Path::new("/proc/cpuinfo")).unwrap_or_default();
    let model = processor.lines().find(|line| line.starts_with("model name"));
    facts.extend(model.and_then(|line| line.split_once(':')).map(|(_, name)| format!("processor {}", name.trim())));
    facts.extend(std::thread::available_parallelism().ok().map(|count| format!("processors {count}")));
    facts
}

fn read_start(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MACHINE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Content of a cache file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCalibration {
    facts: String,
    limit_us: u64,
    slowest_us: u64,
    by: String,
    case: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<String>,
}

/// The cached limits.
#[derive(Clone, Debug)]
pub(crate) struct Calibrations {
    directory: PathBuf,
}

impl Calibrations {
    /// Returns the cache of the current user; `None` if there is no usable directory.
    pub(crate) fn of_user() -> Option<Calibrations> {
        Calibrations::at(&data_dir::user_cache()?.join("time-limits")).ok()
    }

    fn at(directory: &Path) -> io::Result<Calibrations> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let meta = fs::symlink_metadata(directory)?;
        let is_own = meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o022 == 0;
        if !is_own {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the directory must belong to this user, and only this user may write to it",
            ));
        }
        Ok(Calibrations { directory: directory.to_owned() })
    }

    /// Returns the cached limit.
    pub(crate) fn find(&self, of: &Calibrated) -> Option<DerivedTimeLimit> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(self.directory.join(of.file_name()), flags, Mode::empty()).ok()?;
        let file = File::from(opened);
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() || meta.len() > BYTES_MAX {
            return None;
        }
        let stored: StoredCalibration = serde_json::from_reader(file.take(BYTES_MAX)).ok()?;
        let limit = Duration::from_micros(stored.limit_us);
        let is_sound = stored.facts == of.facts && !limit.is_zero() && limit <= LIMIT_MAX;
        let by = PackagePath::new(&stored.by).ok().filter(|_| is_sound)?;
        let time = Duration::from_micros(stored.slowest_us);
        let start = stored.start.as_deref().and_then(Start::from_name);
        let slowest = Measured { time, by, case: CaseId::new(&stored.case), start, unfinished: false, idle: false };
        Some(DerivedTimeLimit { limit, slowest })
    }

    /// Stores a limit. Replaces the limit that is stored for the same facts.
    ///
    /// # Errors
    /// The file cannot be written. The stored limit then stays.
    pub(crate) fn keep(&self, of: &Calibrated, derived: &DerivedTimeLimit) -> io::Result<()> {
        self.make_room()?;
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let stored = StoredCalibration {
            facts: of.facts.clone(),
            limit_us: us(derived.limit),
            slowest_us: us(derived.slowest.time),
            by: derived.slowest.by.to_string(),
            case: derived.slowest.case.to_string(),
            start: derived.slowest.start.map(|start| start.name().to_owned()),
        };
        let text = serde_json::to_vec(&stored)?;
        if text.len() as u64 > BYTES_MAX {
            return Ok(());
        }
        let mut file = tempfile::Builder::new().prefix(".making-").tempfile_in(&self.directory)?;
        file.write_all(&text)?;
        file.persist(self.directory.join(of.file_name())).map(drop).map_err(|error| error.error)
    }

    /// Removes the oldest files, including those left by a crash, until there is room for one more.
    fn make_room(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let modified = entry.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((modified, entry.path()));
        }
        if files.len() < FILES_MAX {
            return Ok(());
        }
        files.sort();
        let too_many = files.len() + 1 - FILES_MAX;
        files.iter().take(too_many).try_for_each(|(_, path)| match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn derived(ms: u64) -> DerivedTimeLimit {
        let by = PackagePath::new("submissions/accepted/a.py").unwrap();
        let (time, case) = (Duration::from_millis(ms / 5), CaseId::new("secret/1"));
        let slowest = Measured { time, by, case, start: Some(Start::Warm), unfinished: false, idle: false };
        DerivedTimeLimit { limit: Duration::from_millis(ms), slowest }
    }

    fn key(n: u8) -> Calibrated {
        Calibrated::of(&ContentHash::from_bytes([n; 32]), None, true, [].iter())
    }

    fn place() -> (tempfile::TempDir, Calibrations) {
        let dir = tempfile::tempdir().unwrap();
        let calibrations = Calibrations::at(&dir.path().join("time-limits")).unwrap();
        (dir, calibrations)
    }

    #[test]
    fn a_limit_is_found_only_for_the_facts_of_its_measurement() {
        let (_dir, calibrations) = place();
        assert!(calibrations.find(&key(1)).is_none());
        calibrations.keep(&key(1), &derived(1000)).unwrap();
        calibrations.keep(&key(1), &derived(2000)).unwrap();
        let found = calibrations.find(&key(1)).unwrap();
        assert_eq!((found.limit, found.slowest), (derived(2000).limit, derived(2000).slowest));
        assert!(calibrations.find(&key(2)).is_none());
        let more = Calibrated::of(&ContentHash::from_bytes([1; 32]), Some(Bytes::mib(1)), true, [].iter());
        assert!(calibrations.find(&more).is_none());
    }

    #[test]
    fn a_damaged_or_linked_file_is_ignored() {
        let (dir, calibrations) = place();
        calibrations.keep(&key(1), &derived(1000)).unwrap();
        let path = calibrations.directory.join(key(1).file_name());
        let whole = fs::read_to_string(&path).unwrap();
        let beyond = whole.replace("1000000", "999999999999");
        let nothing = whole.replace("1000000", "0");
        let other = whole.replace("package 01", "package 02");
        for bad in ["", "{", &whole[..whole.len() / 2], "[]", &beyond, &nothing, &other, &"x".repeat(100_000)] {
            fs::write(&path, bad).unwrap();
            assert!(calibrations.find(&key(1)).is_none(), "{bad:.80}");
        }
        let outside = dir.path().join("outside.json");
        fs::write(&outside, &whole).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(&outside, &path).unwrap();
        assert!(calibrations.find(&key(1)).is_none());
        // The link is replaced, and its target is not changed.
        calibrations.keep(&key(1), &derived(3000)).unwrap();
        assert_eq!(calibrations.find(&key(1)).unwrap().limit, Duration::from_secs(3));
        assert_eq!(fs::read_to_string(&outside).unwrap(), whole);
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_not_used() {
        let (_dir, calibrations) = place();
        fs::set_permissions(&calibrations.directory, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Calibrations::at(&calibrations.directory).is_err());
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let (_dir, calibrations) = place();
        for n in 0..FILES_MAX + 10 {
            fs::write(calibrations.directory.join(format!("{n}.json")), "{}").unwrap();
        }
        calibrations.keep(&key(1), &derived(1000)).unwrap();
        assert_eq!(fs::read_dir(&calibrations.directory).unwrap().count(), FILES_MAX);
        assert!(calibrations.find(&key(1)).is_some());
    }
}
