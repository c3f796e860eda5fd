//! Offers languages that are added to a running server: language files with an image, and the images themselves.
//!
//! At each heartbeat, a node checks whether its language files, its images or its failed pulls have changed. If so, it
//! reads all of them. It also does so at the start if a language runs in Docker Engine; the start waits for that for at
//! most [`FIRST_LOOK_MAX`], because the engine may answer slowly. At the start and at each heartbeat, it also removes
//! the files of images that have lost their names, unless they are in use.
//!
//! For a language with an image, the node runs the version command in the sandbox. If that fails, the cause may be the
//! machine or Docker Engine, so the node reads the languages again after a pause, which doubles with each failure. The
//! toolchains of the machine are probed only at the start, because a running server starts no programs of the machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_core::cluster::BEAT_EVERY;
use cupel_core::{Core, chain};
use cupel_languages::{FoundImage, Language, Probe, Pulling, Registry};
use cupel_runner::Runner;
use cupel_types::{ContentHash, ImageName};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::language_files::{FileStates, LanguageFiles};
use super::tasks::Ticks;
use crate::images::{self, MachineProbe, Pulls};

/// The sources of languages, and their state when the languages were last read.
pub(super) struct LanguageSources {
    pub(super) files: LanguageFiles,
    pub(super) probe: MachineProbe,
    /// The images that the background task pulls.
    pub(super) pulls: Pulls,
    /// The failed pulls that the languages show.
    pub(super) failures: BTreeMap<ImageName, String>,
    pub(super) runner: Arc<dyn Runner>,
    /// Why files of images could not be removed at the last heartbeat.
    pub(super) prune_fault: Option<String>,
    /// When languages that are unavailable in their images are probed again.
    pub(super) retry: Retry,
}

/// When languages that are unavailable in their images are probed again.
#[derive(Default)]
pub(super) struct Retry {
    /// Number of consecutive probes after which a language was unavailable.
    failures: u32,
    due: Option<Instant>,
}

impl Retry {
    /// Records the result of a probe.
    fn record(&mut self, languages: &Registry, now: Instant) {
        let mut of_images = languages.iter().filter(|language| language.found_image.is_some());
        (self.failures, self.due) = match of_images.any(|language| !language.is_available()) {
            true => (self.failures.saturating_add(1), Some(now + images::pause(self.failures))),
            false => (0, None),
        };
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

/// State of the sources of languages.
#[derive(PartialEq)]
struct State {
    files: FileStates,
    /// The images of languages in Docker Engine, without those that the engine lacks at present.
    in_engine: BTreeMap<ImageName, ContentHash>,
}

impl LanguageSources {
    fn state(&self, languages: &Registry) -> State {
        State { files: self.files.state(), in_engine: self.probe.ids_in_engine(languages) }
    }

    /// Whether the images of the store or the failed pulls have changed since the languages were last read, or a failed
    /// probe is to be repeated.
    fn is_outdated(&self) -> bool {
        self.probe.is_outdated() || self.pulls.failures() != self.failures || self.retry.is_due(Instant::now())
    }

    /// Reads the languages again, and offers them.
    fn reload(&mut self, core: &Core) {
        self.failures = self.pulls.failures();
        self.probe.read_again();
        let Some(mut registry) = self.files.read() else { return };
        self.pulls.want(&registry);
        let before = core.registry();
        self.probe.add_direct(&mut registry, &self.files.config);
        registry.probe_beside(&before, &ImageProbe(self));
        registry.keep_available_in_images();
        for language in registry.iter().filter(|language| language.is_available()) {
            let known = before.get(&language.id);
            if known.is_none_or(|known| known.installed_version() != language.installed_version()) {
                let version = language.installed_version().unwrap_or_default();
                tracing::info!(language = language.id.as_str(), version, "a language is offered now");
                self.runner.offer(language);
            }
        }
        self.retry.record(&registry, Instant::now());
        core.set_registry(registry);
    }

    /// Removes the files of images that have lost their names, such as those that a reload has released.
    fn remove_unneeded_images(&mut self) {
        let fault = self.probe.remove_unneeded().err().map(|error| chain(&error));
        if let Some(error) = &fault
            && fault != self.prune_fault
        {
            tracing::warn!(error, "cannot remove the files of images that have lost their names");
        }
        self.prune_fault = fault;
    }
}

/// Runs the programs of images in the server's sandbox.
struct ImageProbe<'a>(&'a LanguageSources);

impl Probe for ImageProbe<'_> {
    fn version(&self, _: &[String]) -> Result<String, String> {
        Err("the server has not looked for it yet; restart the server".to_owned())
    }

    fn image(&self, name: &ImageName, language: &Language) -> Result<FoundImage, String> {
        self.0.probe.image(name, language)
    }

    fn pulling(&self, name: &ImageName) -> Option<Pulling> {
        self.0.probe.pulling(name)
    }

    fn fingerprint(&self, program: &str) -> Option<String> {
        self.0.probe.fingerprint(program)
    }

    fn version_in(&self, image: &FoundImage, command: &[String]) -> Result<String, String> {
        self.0.runner.run_in_image(&image.root, command, &image.env)
    }

    fn is_installed_in(&self, image: &FoundImage, program: &str) -> Result<bool, String> {
        self.0.probe.is_installed_in(image, program)
    }
}

/// Maximum time for which the start waits for the languages of Docker Engine. They are offered when the engine has
/// answered.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(10);

/// Starts the task that looks for changes at each heartbeat. If a language runs in Docker Engine, waits until the task
/// has looked for the first time, for at most [`FIRST_LOOK_MAX`].
pub(super) async fn start(core: &Core, sources: LanguageSources, shutdown: CancellationToken) -> JoinHandle<()> {
    let waits = core.registry().iter().any(images::is_in_engine);
    let (looked, first_look) = oneshot::channel();
    let task = tokio::spawn(reload(core.clone(), sources, looked, shutdown));
    if waits && tokio::time::timeout(FIRST_LOOK_MAX, first_look).await.is_err() {
        tracing::warn!("Docker Engine answers slowly; its languages are offered later");
    }
    task
}

async fn reload(
    core: Core,
    mut sources: LanguageSources,
    first_look: oneshot::Sender<()>,
    shutdown: CancellationToken,
) {
    let mut ticks = Ticks::every(BEAT_EVERY, shutdown);
    let mut first_look = Some(first_look);
    let mut seen = None;
    loop {
        let core = core.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let languages = core.registry();
            let state = sources.state(&languages);
            let has_changed = match &seen {
                Some(seen) => *seen != state,
                None => {
                    sources.retry.record(&languages, Instant::now());
                    languages.iter().any(images::is_in_engine)
                }
            };
            // The old languages hold their images.
            drop(languages);
            if has_changed || sources.is_outdated() {
                sources.reload(&core);
            }
            sources.remove_unneeded_images();
            (sources, Some(state))
        });
        match looked.await {
            Ok(looked) => (sources, seen) = looked,
            Err(error) => {
                tracing::error!(%error, "the task that reads languages again has failed");
                return;
            }
        }
        if let Some(first_look) = first_look.take() {
            let _ = first_look.send(());
        }
        if !ticks.next().await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use cupel_types::Root;

    use super::*;

    #[test]
    fn a_language_whose_probe_failed_in_its_image_is_probed_again_after_growing_pauses() {
        struct Flaky(bool);
        impl Probe for Flaky {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Err("it is not installed".to_owned())
            }
            fn image(&self, _: &ImageName, _: &Language) -> Result<FoundImage, String> {
                let digest = ContentHash::from_bytes([1; 32]);
                Ok(FoundImage { digest, env: Vec::new(), root: Root::System })
            }
            fn is_installed_in(&self, _: &FoundImage, _: &str) -> Result<bool, String> {
                Ok(true)
            }
            fn version_in(&self, _: &FoundImage, _: &[String]) -> Result<String, String> {
                if self.0 { Ok("1.0".to_owned()) } else { Err("the engine was busy".to_owned()) }
            }
        }
        const FILE: &str = "name = 'x'\nextensions = []\nsource = 'main'\nexecute = ['x']\nsamples = []\n\
                            version = { command = ['x'] }\nimage = 'course/x:1'\n";
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x.toml"), FILE).unwrap();
        let probed = |works: bool| {
            let mut registry = Registry::load(Some(directory.path())).unwrap();
            registry.probe(&Flaky(works));
            registry
        };
        let (mut retry, now) = (Retry::default(), Instant::now());
        for pause in [5, 10, 20] {
            retry.record(&probed(false), now);
            assert!(!retry.is_due(now + Duration::from_secs(pause - 1)));
            assert!(retry.is_due(now + Duration::from_secs(pause)));
        }
        retry.record(&probed(true), now);
        assert!(!retry.is_due(now + Duration::from_secs(3600)));
        retry.record(&probed(false), now);
        assert!(retry.is_due(now + Duration::from_secs(5)));
    }
}
