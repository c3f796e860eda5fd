//! The language files of a running server. A process that runs programs reads changed files again as part of
//! `reload.rs`. An API node does so here, and offers the languages of the workers as its own files define them.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cupel_core::cluster::BEAT_EVERY;
use cupel_core::{Core, chain};
use cupel_languages::Registry;
use tokio_util::sync::CancellationToken;

use super::tasks::Ticks;
use crate::config::Config;
use crate::health::ReportedFault;
use crate::local;

/// The operator's language files.
pub(super) struct LanguageFiles {
    pub(super) config: Arc<Config>,
    /// Why changed files are not in effect.
    fault: ReportedFault,
}

/// Names, sizes and times of the files. The time of the last change of the attributes is among them: a file may become
/// readable.
pub(super) type FileStates = Vec<(PathBuf, u64, Option<SystemTime>, (i64, i64))>;

impl LanguageFiles {
    pub(super) fn new(config: Arc<Config>, fault: ReportedFault) -> LanguageFiles {
        LanguageFiles { config, fault }
    }

    pub(super) fn state(&self) -> FileStates {
        let directory = local::language_files(&self.config).and_then(|directory| std::fs::read_dir(directory).ok());
        let files = directory.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: FileStates = files
            .filter_map(|path| {
                let meta = std::fs::metadata(&path).ok()?;
                Some((path, meta.len(), meta.modified().ok(), (meta.ctime(), meta.ctime_nsec())))
            })
            .collect();
        files.sort();
        files
    }

    /// Reads the shipped and the operator's language files. If they have faults, reports these and returns `None`.
    pub(super) fn read(&self) -> Option<Registry> {
        let read = local::registry(&self.config);
        let fault = read.as_ref().err().map(|error| {
            let fault = chain(error);
            tracing::warn!(error = fault, "the language files have faults; the previous languages stay in effect");
            format!("the language files have faults; the previous languages stay in effect: {fault}")
        });
        self.fault.set(fault);
        read.ok()
    }
}

/// The files of an API node, and their state when they were last read.
struct FollowedFiles {
    files: LanguageFiles,
    /// `None` before the first look. The languages of the start were read earlier, so the first look reads the files.
    seen: Option<FileStates>,
}

impl FollowedFiles {
    /// Reads the files if they have changed since the last look. `None` if they have not, or if they have faults.
    fn look(&mut self) -> Option<Registry> {
        // A file that changes while it is read has another state at the next look.
        let state = self.files.state();
        if self.seen.as_ref() == Some(&state) {
            return None;
        }
        self.seen = Some(state);
        self.files.read()
    }
}

/// At each heartbeat interval: reads changed language files again, and the languages that the workers offer.
pub(super) async fn offer_of_workers(core: Core, files: LanguageFiles, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(BEAT_EVERY, shutdown);
    let followed = Arc::new(Mutex::new(FollowedFiles { files, seen: None }));
    // Languages that were read again and are not offered yet.
    let mut read_again = None;
    while ticks.next().await {
        let looked = Arc::clone(&followed);
        let looked =
            tokio::task::spawn_blocking(move || looked.lock().unwrap_or_else(PoisonError::into_inner).look()).await;
        // After a panic, the same files are not read again.
        let read = looked.unwrap_or_else(|error| {
            tracing::error!(%error, "the language files could not be read");
            None
        });
        read_again = read.or(read_again);
        match core.offer_languages_of_workers(read_again.as_ref()).await {
            Ok(()) => read_again = None,
            Err(error) => tracing::warn!(error = chain(&error), "cannot read the workers' languages from the store"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Overrides};

    #[test]
    fn changed_files_are_read_again_and_faults_are_reported_until_they_are_corrected() {
        let data = tempfile::tempdir().unwrap();
        let directory = data.path().join("languages");
        std::fs::create_dir(&directory).unwrap();
        let file = data.path().join("cupel.toml");
        std::fs::write(&file, format!("[languages]\ndirectory = '{}'\n", directory.display())).unwrap();
        let (config, _) = config::load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap();
        let fault = ReportedFault::default();
        let mut followed = FollowedFiles { files: LanguageFiles::new(Arc::new(config), fault.clone()), seen: None };
        let name_of = |languages: Option<Registry>| Some(languages?.find("course")?.name.clone());
        let write = |text: &str| std::fs::write(directory.join("course.toml"), text).unwrap();
        let language = |name: &str| {
            format!(
                "name = '{name}'\nextensions = []\nsource = 'main'\nexecute = ['x']\nsamples = []\n\
                 version = {{ command = ['x'] }}\nimage = 'course/x:1'\n"
            )
        };

        assert!(followed.look().is_some_and(|languages| languages.find("course").is_none()));
        assert!(followed.look().is_none(), "nothing has changed");
        write(&language("one"));
        assert_eq!(name_of(followed.look()).as_deref(), Some("one"));
        write("name = 'faulty'");
        assert!(followed.look().is_none());
        assert!(fault.get().is_some_and(|fault| fault.contains("course.toml")), "{:?}", fault.get());
        assert!(followed.look().is_none() && fault.get().is_some(), "the fault lasts until the file changes");
        write(&language("three"));
        assert_eq!(name_of(followed.look()).as_deref(), Some("three"));
        assert_eq!(fault.get(), None);
        std::fs::remove_file(directory.join("course.toml")).unwrap();
        assert!(followed.look().is_some_and(|languages| languages.find("course").is_none()));
    }
}
