//! Pulls the images that language files name with a source (`image_source`), in the background.
//!
//! ```text
//!  language files ──► Pulls ──► task: one image at a time ──► index of the store ──► reload.rs offers the language
//!                       │
//!                       └──► probe, heartbeat, /healthz: the image is missing, and why
//! ```
//!
//! The source is a key of the language file, not a setting: a digest belongs to the commands that need it, so both
//! change together, and language files are distributed to all nodes anyway. The settings only say which images are
//! allowed and how registries are reached (`images.registries`, `images.disk_max`).
//!
//! An image is pulled if the store has no image with its name, or has it from another source. So a new digest in a
//! language file replaces the image, and the earlier image stays in use until the new image is complete. An image is
//! added as for an administrator's request ([`ManagedImages::begin`]), with the same bounds, and `GET /admin/images`
//! shows it. After a failure, the next attempt follows after a pause, which doubles with each failure, up to
//! [`PAUSE_MAX`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::cluster::BEAT_EVERY;
use cupel_core::images::ImagesError;
use cupel_images::{ImageStore, Source};
use cupel_languages::{Pulling, Registry};
use cupel_types::ImageName;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{ManagedImages, is_in_engine};

/// Pause after the first failure. It doubles with each further failure of the same image, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(10 * 60);

/// Pause after a failure that follows this number of failures.
pub(crate) fn pause(failures: u32) -> Duration {
    PAUSE_MIN.saturating_mul(2u32.saturating_pow(failures)).min(PAUSE_MAX)
}

/// The images that this process pulls, with the state of each. Clones share their contents.
#[derive(Clone, Default)]
pub(crate) struct Pulls(Arc<Mutex<BTreeMap<ImageName, Pull>>>);

struct Pull {
    source: Source,
    /// Number of failed attempts since the last success.
    failures: u32,
    /// Why the last attempt failed.
    failure: Option<String>,
    /// When the next attempt may begin; `None`: at once.
    not_before: Option<Instant>,
}

impl Pulls {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ImageName, Pull>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, pulls the images of these languages, and no others. An image whose source is unchanged keeps its
    /// state.
    pub(crate) fn want(&self, registry: &Registry) {
        let mut all = self.all();
        let mut before = std::mem::take(&mut *all);
        for language in registry.iter().filter(|language| !is_in_engine(language)) {
            // The sources were checked when the files were loaded (`check_sources`).
            let source = language.image_source.as_ref().and_then(|text| text.parse::<Source>().ok());
            let (Some(name), Some(source)) = (&language.image, source) else { continue };
            let known = before.remove(name).filter(|known| known.source == source);
            let new = || Pull { source, failures: 0, failure: None, not_before: None };
            all.entry(name.clone()).or_insert_with(|| known.unwrap_or_else(new));
        }
    }

    /// The state of an image that is missing. `None`: this process does not pull it.
    pub(super) fn state_of(&self, name: &ImageName) -> Option<Pulling> {
        self.all().get(name).map(|pull| Pulling { failure: pull.failure.clone() })
    }

    /// The images whose last attempt failed, and the reasons.
    pub(crate) fn failures(&self) -> BTreeMap<ImageName, String> {
        let all = self.all();
        all.iter().filter_map(|(name, pull)| Some((name.clone(), pull.failure.clone()?))).collect()
    }

    /// The images whose next attempt may begin.
    fn due(&self, now: Instant) -> Vec<(ImageName, Source)> {
        let all = self.all();
        let due = all.iter().filter(|(_, pull)| pull.not_before.is_none_or(|at| at <= now));
        due.map(|(name, pull)| (name.clone(), pull.source.clone())).collect()
    }

    /// Records the end of an attempt. Does nothing if the image now has another source, or is no longer wanted.
    fn record(&self, name: &ImageName, source: &Source, result: Result<(), String>, now: Instant) {
        let mut all = self.all();
        let Some(pull) = all.get_mut(name).filter(|pull| pull.source == *source) else { return };
        match result {
            Ok(()) => (pull.failures, pull.failure, pull.not_before) = (0, None, None),
            Err(reason) => {
                let pause = pause(pull.failures);
                pull.failures = pull.failures.saturating_add(1);
                pull.failure = Some(reason);
                pull.not_before = Some(now + pause);
            }
        }
    }
}

/// Pulls missing images until the process stops. An attempt that runs then is abandoned; the next addition removes its
/// files.
pub(crate) async fn pull(pulls: Pulls, images: Arc<ManagedImages>, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(BEAT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        for (name, source) in pulls.due(Instant::now()) {
            if shutdown.run_until_cancelled(pull_one(&pulls, &images, &name, &source)).await.is_none() {
                return;
            }
        }
    }
}

/// Pulls an image unless the store has it.
async fn pull_one(pulls: &Pulls, images: &ManagedImages, name: &ImageName, source: &Source) {
    let result = match images.has(name, source).await {
        Ok(true) => Ok(()),
        Ok(false) => match images.begin(name.clone(), source.clone()) {
            Ok(adding) => {
                let result = adding.await.unwrap_or_else(|error| Err(error.to_string()));
                let label = if result.is_ok() { "pulled" } else { "failed" };
                metrics::counter!("cupel_image_pulls_total", "result" => label).increment(1);
                result
            }
            // An administrator is adding images. This is not a failure of the source.
            Err(_) => return,
        },
        Err(error) => Err(error.to_string()),
    };
    pulls.record(name, source, result, Instant::now());
}

impl ManagedImages {
    /// Whether the store has this image from this source.
    async fn has(&self, name: &ImageName, source: &Source) -> Result<bool, ImagesError> {
        let images = self.with_store(ImageStore::list).await?;
        Ok(images.iter().any(|image| image.name == *name && image.is_from(source)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name = 'x'\nextensions = []\nsource = 'main'\nexecute = ['x']\nsamples = []\n\
                        version = { command = ['x'] }\nimage = 'course/x:1'\n";

    fn registry(files: &[(&str, &str)]) -> Registry {
        let directory = tempfile::tempdir().unwrap();
        for (name, more) in files {
            std::fs::write(directory.path().join(name), format!("{FILE}{more}")).unwrap();
        }
        Registry::load(Some(directory.path())).unwrap()
    }

    #[test]
    fn an_image_is_wanted_for_as_long_as_a_language_file_names_its_source() {
        let (pulls, now) = (Pulls::default(), Instant::now());
        let name: ImageName = "course/x:1".parse().unwrap();
        let due = || pulls.due(now).into_iter().map(|(_, source)| source.to_string()).collect::<Vec<_>>();
        pulls.want(&registry(&[("x.toml", "")]));
        assert!(due().is_empty() && pulls.state_of(&name).is_none(), "an operator adds it");

        let one = registry(&[("x.toml", "image_source = 'docker://a/b:1'"), ("y.toml", "")]);
        pulls.want(&one);
        assert_eq!((due(), pulls.state_of(&name)), (vec!["docker://a/b:1".to_owned()], Some(Pulling::default())));
        let source: Source = "docker://a/b:1".parse().unwrap();
        pulls.record(&name, &source, Err("down".to_owned()), now);
        pulls.want(&one);
        assert!(due().is_empty(), "a reload does not shorten the pause");
        assert_eq!(pulls.failures(), [(name.clone(), "down".to_owned())].into());

        pulls.want(&registry(&[("x.toml", "image_source = 'docker://a/b:2'")]));
        assert_eq!((due(), pulls.state_of(&name)), (vec!["docker://a/b:2".to_owned()], Some(Pulling::default())));
        pulls.record(&name, &source, Err("the earlier source".to_owned()), now);
        assert!(pulls.failures().is_empty());
        pulls.want(&registry(&[("x.toml", "image_source = 'docker://a/b:2'\nexecutor = 'docker'")]));
        assert!(due().is_empty() && pulls.state_of(&name).is_none());
    }

    #[test]
    fn the_pause_doubles_with_each_failure_and_ends_with_a_success() {
        let (pulls, now) = (Pulls::default(), Instant::now());
        let (name, source): (ImageName, Source) = ("course/x:1".parse().unwrap(), "docker://a/b:1".parse().unwrap());
        pulls.want(&registry(&[("x.toml", "image_source = 'docker://a/b:1'")]));
        let mut pauses = Vec::new();
        for _ in 0..40 {
            pulls.record(&name, &source, Err("down".to_owned()), now);
            let pause = (0..).map(Duration::from_secs).find(|pause| !pulls.due(now + *pause).is_empty()).unwrap();
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses[..8], [5, 10, 20, 40, 80, 160, 320, 600]);
        assert!(pauses[8..].iter().all(|pause| *pause == 600), "{pauses:?}");
        pulls.record(&name, &source, Ok(()), now);
        assert!(pulls.failures().is_empty() && !pulls.due(now).is_empty());
        pulls.record(&name, &source, Err("down".to_owned()), now);
        assert!(pulls.due(now + Duration::from_secs(4)).is_empty() && !pulls.due(now + PAUSE_MIN).is_empty());
    }
}
