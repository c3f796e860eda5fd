//! Settings of container images: those of Cupel's own store, and those of Docker Engine.

use std::path::PathBuf;
use std::time::Duration;

use cupel_images::RegistryOptions;
use cupel_languages::ImageExecutor;
use cupel_runner::DockerSettings;
use cupel_types::Bytes;

use super::Layers;

/// Container images.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    /// `None`: in the data directory.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) disk_max: Bytes,
    /// Patterns of the images that requests may name.
    pub(crate) direct: Vec<String>,
    /// Executor of images whose language file does not select one.
    pub(crate) executor: ImageExecutor,
    pub(crate) registries: RegistryOptions,
}

pub(super) fn images(layers: &mut Layers) -> Images {
    let path = |text: String| (!text.is_empty()).then(|| PathBuf::from(text));
    let directory = path(layers.text("images.directory"));
    let disk_max = layers.bytes("images.disk_max");
    let key = "images.registries.mirrors";
    let mut mirrors = Vec::new();
    for text in layers.list(key) {
        match text.split_once('=') {
            Some((host, mirror)) if !host.is_empty() && !mirror.is_empty() => {
                mirrors.push((host.to_owned(), mirror.to_owned()));
            }
            _ => layers.refuse(key, format!("expected \"HOST=MIRROR\", not {text:?}")),
        }
    }
    let registries = RegistryOptions {
        allowed: layers.list("images.registries.allowed"),
        insecure: layers.list("images.registries.insecure"),
        mirrors,
        credentials: path(layers.text("images.registries.credentials")),
        docker_socket: None,
        silence_max: layers.duration("images.registries.timeout", Duration::from_secs(1)),
        time_max: layers.duration("images.registries.time_max", Duration::from_secs(1)),
    };
    let executors = [("native", ImageExecutor::Native), ("docker", ImageExecutor::Docker)];
    let direct = layers.list("images.direct");
    Images { directory, disk_max, direct, executor: layers.one_of("images.executor", &executors), registries }
}

pub(super) fn docker(layers: &mut Layers) -> DockerSettings {
    let some = |text: String| (!text.is_empty()).then_some(text);
    DockerSettings {
        socket: layers.value("docker.socket", "the absolute path of a socket", |text| {
            text.starts_with('/').then(|| text.to_owned())
        }),
        runtime: some(layers.text("docker.runtime")),
        cpus: layers.value("docker.cpus", "processors such as \"0-3,8\", or \"\"", |text| {
            (text.is_empty() || text.split(',').all(is_range)).then(|| some(text.to_owned()))
        }),
        ready: layers.number("docker.ready", 0..=1000) as usize,
        ready_max: layers.number("docker.ready_max", 0..=10_000) as usize,
    }
}

/// Whether a text is a number, or two ascending numbers with `-` between them. Source: cpuset(7), "List format".
fn is_range(text: &str) -> bool {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
    match text.split_once('-') {
        None => number(text).is_some(),
        Some((first, last)) => number(first).zip(number(last)).is_some_and(|(first, last)| first <= last),
    }
}
