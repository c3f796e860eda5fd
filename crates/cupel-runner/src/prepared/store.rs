//! Prepared artefacts on disk, one directory per artefact. The directory's name contains a hash of everything that
//! determines the artefact.
//!
//! ```text
//! ROOT/LANGUAGE/NAME-KEY/sums        one line per file: SHA-256, bytes, path
//! ROOT/LANGUAGE/NAME-KEY/files/…     the files, visible to programs below /opt/cupel/prepared
//! ROOT/LANGUAGE/NAME-KEY.failed      why the artefact could not be built, as text
//! ROOT/LANGUAGE/.unfinished-…        being written
//! ```
//!
//! Invariants: a directory with its final name is complete, because it was renamed to that name. If two processes write
//! the same artefact, the second finds the directory of the first and discards its own. All users may read all files,
//! regardless of the umask, because each lane has a separate user. Names come from language files and toolchains, never
//! from tenants.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cupel_languages::{HostProbe, Language, Placeholders, Prepare};
use cupel_sandbox::privileges;
use cupel_types::{BoxFiles, BoxPath};
use sha2::{Digest, Sha256};

/// Path of the store inside a cell.
pub const TARGET: &str = "/opt/cupel/prepared";

/// Names of files and directories of the store.
const FILES: &str = "files";
const SUMS: &str = "sums";
const UNFINISHED: &str = ".unfinished-";

/// Age from which an unfinished artefact is assumed to be left by a crash.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A directory of prepared artefacts.
#[derive(Clone, Debug)]
pub struct PreparedStore {
    root: PathBuf,
}

/// Name of an artefact: the name of its step and a hash of everything that determines it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ArtefactKey(String);

/// How thoroughly an artefact is checked before use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Every file exists and has the recorded size. Fast enough to do before each run.
    Sizes,
    /// Every file has the recorded checksum.
    Contents,
}

impl PreparedStore {
    /// Opens the store at the path `names` below the directory `beneath`. Creates missing directories on the path,
    /// owned by the owner of `beneath`. Symbolic links on the path are not followed, because this process may be root
    /// and that owner may be untrusted.
    ///
    /// # Errors
    /// The directory cannot be found or created.
    pub fn open(beneath: &Path, names: &[&str]) -> io::Result<PreparedStore> {
        let mut root = fs::canonicalize(beneath)?;
        privileges::make_beneath(&root, names)?;
        root.extend(names);
        Ok(PreparedStore { root })
    }

    /// Path of the store on this machine.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of this artefact inside a cell, if it exists and is complete.
    pub(super) fn find(&self, language: &Language, key: &ArtefactKey, check: Check) -> Option<String> {
        let directory = self.directory(language).join(&key.0);
        let sums = fs::read_to_string(directory.join(SUMS)).ok()?;
        let whole =
            !sums.is_empty() && sums.lines().all(|line| is_whole(&directory.join(FILES), line, check).is_some());
        whole.then(|| format!("{TARGET}/{}/{}/{FILES}", language.id, key.0))
    }

    /// Stores an artefact. Replaces an incomplete artefact of the same name.
    pub(super) fn put(&self, language: &Language, key: &ArtefactKey, kept: &BoxFiles) -> io::Result<()> {
        let directory = self.directory(language);
        make_directory(&directory)?;
        let unfinished = directory.join(format!("{UNFINISHED}{:016x}", rand::random::<u64>()));
        let written = write_all(&unfinished, kept).and_then(|()| {
            let place = directory.join(&key.0);
            match fs::rename(&unfinished, &place) {
                // The name is taken: another writer was faster, or the artefact there is damaged.
                Err(_) if place.exists() && self.find(language, key, Check::Contents).is_none() => {
                    fs::remove_dir_all(&place)?;
                    fs::rename(&unfinished, &place)
                }
                Err(_) if place.exists() => Ok(()),
                renamed => renamed,
            }
        });
        // The directory still exists if another writer was faster, or after a failure.
        let _ = fs::remove_dir_all(&unfinished);
        written?;
        let _ = fs::remove_file(self.failure_path(language, key));
        Ok(())
    }

    /// Stores why an artefact could not be built. If this write fails, only the reason is missing.
    pub(super) fn put_failure(&self, language: &Language, key: &ArtefactKey, why: &str) {
        let _ =
            make_directory(&self.directory(language)).and_then(|()| fs::write(self.failure_path(language, key), why));
    }

    /// The reason why the last attempt to build this artefact failed.
    pub(super) fn failure(&self, language: &Language, key: &ArtefactKey) -> Option<String> {
        fs::read_to_string(self.failure_path(language, key)).ok()
    }

    /// Removes artefacts that a language no longer uses: those of other toolchains, and unfinished ones left by a
    /// crash.
    pub(super) fn keep_only(&self, language: &Language, keys: &[ArtefactKey], now: SystemTime) {
        let Ok(entries) = fs::read_dir(self.directory(language)) else { return };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(now);
            let is_wanted = match name.starts_with(UNFINISHED) {
                true => now.duration_since(modified).unwrap_or_default() < ABANDONED,
                false => keys.iter().any(|key| name == key.0 || name == format!("{}.failed", key.0)),
            };
            if !is_wanted {
                tracing::info!(language.id = %language.id, name, "removing a prepared artefact that is no longer used");
                let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
            }
        }
    }

    fn directory(&self, language: &Language) -> PathBuf {
        self.root.join(language.id.as_str())
    }

    fn failure_path(&self, language: &Language, key: &ArtefactKey) -> PathBuf {
        self.directory(language).join(format!("{}.failed", key.0))
    }
}

impl ArtefactKey {
    /// Key of a step with the current toolchain. Artefacts of earlier steps need no separate field: their paths are in
    /// the step's commands.
    pub(super) fn of(language: &Language, step: &Prepare) -> ArtefactKey {
        let mut hash = Sha256::new();
        let mut field = |text: &[u8]| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        // The first field names the scheme. Every change to the hashed fields or to the stored files must change this
        // name, and thereby every key.
        field(b"cupel prepared 1");
        field(language.installed_version().unwrap_or_default().as_bytes());
        let values = Placeholders::new(&language.source, step.limits.memory);
        for template in &step.commands {
            field(b"command");
            for word in template.fill(&values) {
                field(word.as_bytes());
                word.split([':', '=', ',']).for_each(|part| fingerprint(part.trim_end_matches("/*"), &mut field));
            }
            if let Some(program) = template.program().and_then(|name| HostProbe::default().find(name)) {
                fingerprint(&program.to_string_lossy(), &mut field);
            }
        }
        for (name, value) in language.environment(&[]) {
            field(name.as_bytes());
            field(value.as_bytes());
        }
        for file in step.files.iter() {
            field(file.path.as_str().as_bytes());
            field(&file.data);
        }
        step.outputs.iter().for_each(|pattern| field(pattern.as_bytes()));
        step.inputs.iter().for_each(|path| fingerprint(path, &mut field));
        let hex = hash.finalize().iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        ArtefactKey(format!("{}-{hex}", step.name))
    }
}

/// Distinguishes versions of a toolchain's file or directory by size and modification time, without reading it. A
/// package manager sets the modification times of installed files, and renames the files into place, which changes the
/// directory's time.
fn fingerprint(path: &str, field: &mut impl FnMut(&[u8])) {
    if !path.starts_with('/') {
        return;
    }
    if let Ok(metadata) = fs::metadata(path) {
        let size = if metadata.is_dir() { 0 } else { metadata.len() };
        field(format!("{path} {size} {}.{:09}", metadata.mtime(), metadata.mtime_nsec()).as_bytes());
    }
}

/// Creates a directory that all users may read, regardless of the umask.
fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

fn write_all(directory: &Path, kept: &BoxFiles) -> io::Result<()> {
    let root = directory.join(FILES);
    make_directory(directory)?;
    make_directory(&root)?;
    let mut sums = String::new();
    for file in kept.iter() {
        let mut parent = root.clone();
        let components: Vec<&str> = file.path.as_str().split('/').collect();
        for component in &components[..components.len() - 1] {
            parent.push(component);
            make_directory(&parent)?;
        }
        let path = root.join(file.path.as_str());
        fs::write(&path, &file.data)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(if file.executable { 0o755 } else { 0o644 }))?;
        let _ = writeln!(sums, "{} {} {}", hex(&Sha256::digest(&file.data)), file.data.len(), file.path);
    }
    fs::write(directory.join(SUMS), sums)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Checks one file against its line in `sums`.
fn is_whole(root: &Path, line: &str, check: Check) -> Option<()> {
    let (sum, rest) = line.split_once(' ')?;
    let (bytes, path) = rest.split_once(' ')?;
    let path = root.join(BoxPath::new(path).ok()?.as_str());
    let metadata = fs::symlink_metadata(&path).ok()?;
    let sizes_agree = metadata.is_file() && metadata.len() == bytes.parse::<u64>().ok()?;
    let agrees = sizes_agree && (check == Check::Sizes || sum == digest(&path)?);
    agrees.then_some(())
}

fn digest(path: &Path) -> Option<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path).ok()?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use cupel_languages::Registry;
    use cupel_types::BoxFile;

    use super::*;

    fn file(path: &str, data: &[u8]) -> BoxFile {
        BoxFile { path: BoxPath::new(path).unwrap(), data: data.into(), executable: false }
    }

    /// Language whose "toolchain" is a file of the test.
    fn language(directory: &Path, extra: &str) -> Language {
        let text = format!(
            "name = 'X'\nextensions = ['x']\nsource = 'main.x'\nexecute = ['true']\nversion = {{ command = ['x'] }}\n\
             samples = []\n[packages]\n[[prepare]]\nname = 'one'\ncommands = [['true', '{}']]\noutputs = ['*']\n{extra}",
            directory.join("toolchain").display()
        );
        let languages = directory.join("languages");
        fs::create_dir_all(&languages).unwrap();
        fs::write(languages.join("x.toml"), text).unwrap();
        Registry::load(Some(&languages)).unwrap().find("x").unwrap().clone()
    }

    struct PreparedFixture {
        dir: tempfile::TempDir,
        store: PreparedStore,
        language: Language,
        key: ArtefactKey,
    }

    fn kept() -> PreparedFixture {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("toolchain"), "1").unwrap();
        let store = PreparedStore::open(dir.path(), &["prepared"]).unwrap();
        let language = language(dir.path(), "");
        let key = ArtefactKey::of(&language, &language.prepare[0]);
        store.put(&language, &key, &BoxFiles::new(vec![file("a/b", b"bytes"), file("c", b"")])).unwrap();
        PreparedFixture { dir, store, language, key }
    }

    impl PreparedFixture {
        fn path(&self, of: &str) -> PathBuf {
            self.store.directory(&self.language).join(&self.key.0).join(of)
        }

        fn find(&self, check: Check) -> Option<String> {
            self.store.find(&self.language, &self.key, check)
        }
    }

    #[test]
    fn a_stored_artefact_is_found_and_readable_by_all_users() {
        let kept = kept();
        let place = format!("/opt/cupel/prepared/x/{}/files", kept.key.0);
        assert_eq!((kept.find(Check::Sizes), kept.find(Check::Contents)), (Some(place.clone()), Some(place)));
        for (path, mode) in [("", 0o755), ("files", 0o755), ("files/a", 0o755), ("files/a/b", 0o644)] {
            assert_eq!(fs::metadata(kept.path(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
        }
    }

    #[test]
    fn a_damaged_artefact_is_not_used_and_can_be_replaced() {
        type Damage = fn(&PreparedFixture);
        let damages: [(Damage, bool); 5] = [
            (|kept| fs::write(kept.path("files/a/b"), "byte").unwrap(), false),
            (|kept| fs::write(kept.path("files/a/b"), "BYTES").unwrap(), true),
            (|kept| fs::remove_file(kept.path("files/c")).unwrap(), false),
            (|kept| fs::write(kept.path(SUMS), "").unwrap(), false),
            (|kept| fs::write(kept.path(SUMS), "nonsense\n../x 1 /etc/passwd\n").unwrap(), false),
        ];
        for (i, (damage, sizes_agree)) in damages.into_iter().enumerate() {
            let kept = kept();
            damage(&kept);
            assert_eq!(kept.find(Check::Sizes).is_some(), sizes_agree, "{i}");
            assert_eq!(kept.find(Check::Contents), None, "{i}");
            kept.store.put(&kept.language, &kept.key, &BoxFiles::new(vec![file("a/b", b"bytes")])).unwrap();
            assert!(kept.find(Check::Contents).is_some(), "{i}");
        }
    }

    #[test]
    fn concurrent_writers_of_one_artefact_leave_one_copy() {
        let kept = kept();
        fs::remove_dir_all(kept.path("")).unwrap();
        let files = BoxFiles::new(vec![file("a", &[7; 100_000])]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| kept.store.put(&kept.language, &kept.key, &files).unwrap());
            }
        });
        assert!(kept.find(Check::Contents).is_some());
        assert_eq!(fs::read_dir(kept.store.directory(&kept.language)).unwrap().count(), 1);
    }

    #[test]
    fn a_changed_toolchain_or_step_changes_the_key() {
        let kept = kept();
        let key = |extra| {
            let language = language(kept.dir.path(), extra);
            ArtefactKey::of(&language, &language.prepare[0])
        };
        assert_eq!(key(""), kept.key, "an unchanged toolchain has the same key");
        assert_ne!(key("files = { a = 'x' }"), kept.key);
        assert_ne!(key("inputs = ['/usr/bin/env']"), kept.key);
        assert_eq!(key("inputs = ['/usr/no/such/file']"), kept.key);
        fs::write(kept.dir.path().join("toolchain"), "22").unwrap();
        assert_ne!(key(""), kept.key);
    }

    #[test]
    fn unused_artefacts_are_removed() {
        let kept = kept();
        let directory = kept.store.directory(&kept.language);
        fs::create_dir(directory.join("one-0123456789abcdef")).unwrap();
        fs::create_dir(directory.join(".unfinished-1")).unwrap();
        kept.store.put_failure(&kept.language, &kept.key, "why");
        assert_eq!(kept.store.failure(&kept.language, &kept.key).as_deref(), Some("why"));
        let count = || fs::read_dir(&directory).unwrap().count();
        let (keys, now) = ([kept.key.clone()], fs::metadata(&directory).unwrap().modified().unwrap());
        kept.store.keep_only(&kept.language, &keys, now);
        assert_eq!(count(), 3, "a writer may still be active");
        kept.store.keep_only(&kept.language, &keys, now + 2 * ABANDONED);
        assert_eq!(count(), 2);
        kept.store.keep_only(&kept.language, &[], now);
        assert_eq!(count(), 0);
    }
}
