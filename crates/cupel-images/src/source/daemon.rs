//! Reads an image from a running Docker Engine. `GET /images/get` of the engine's API returns the archive that `docker
//! save` writes. Source: Docker Engine API 1.41.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;

use crate::bounds::ImageBounds;
use crate::error::ImageError;
use crate::source::RegistryOptions;

/// The engine's default socket; `DOCKER_HOST` may name another one.
const SOCKET: &str = "/var/run/docker.sock";
/// The reader of an error message stops after this many bytes.
const MESSAGE_MAX: usize = 4096;

/// Writes the archive of an image to a file.
pub(crate) fn save(name: &str, to: &Path, bounds: &ImageBounds, options: &RegistryOptions) -> Result<(), ImageError> {
    let socket = options.engine_socket()?;
    let engine = || format!("the Docker Engine at {}", socket.display());
    let failed = |reason: String| ImageError::remote(engine(), &format!("failed: {reason}"));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("this process cannot start a runtime: {error}")))?;
    let chain = |error: reqwest::Error| failed(cupel_types::chain(&error));
    let silent = |time: Duration| failed(format!("it sent nothing for {} s", time.as_secs_f32()));
    let saving = async {
        let client = reqwest::Client::builder().unix_socket(socket.as_path()).build().map_err(chain)?;
        // The engine ignores the host name.
        let request = client.get("http://docker/images/get").query(&[("names", name)]);
        // The engine first writes all layers to its disk, and sends nothing until then.
        let response = request.send().await.map_err(chain)?;
        let silence_max = options.silence_max;
        let status = response.status();
        let mut body = response.bytes_stream();
        if !status.is_success() {
            let mut text = Vec::new();
            while let Ok(Some(Ok(chunk))) = timeout(silence_max, body.next()).await {
                text.extend_from_slice(&chunk);
                if text.len() > MESSAGE_MAX {
                    break;
                }
            }
            let message = serde_json::from_slice(&text)
                .ok()
                .and_then(|value: serde_json::Value| Some(value.get("message")?.as_str()?.to_owned()));
            return Err(failed(message.unwrap_or_else(|| format!("it answered with status {status}"))));
        }
        let mut file = std::fs::File::create(to).map_err(ImageError::io("create", to))?;
        let mut left = bounds.bytes_max;
        while let Some(chunk) = timeout(silence_max, body.next()).await.map_err(|_| silent(silence_max))? {
            let chunk = chunk.map_err(chain)?;
            left = left.checked_sub(chunk.len() as u64).ok_or_else(|| {
                ImageError::refused("the archive", format!("it has more than {} bytes", bounds.bytes_max))
            })?;
            file.write_all(&chunk).map_err(ImageError::io("write", to))?;
        }
        Ok(())
    };
    let saved = runtime.block_on(async { timeout(options.time_max, saving).await });
    saved.unwrap_or_else(|_| Err(ImageError::remote(engine(), &options.too_slow())))
}

impl RegistryOptions {
    /// The socket of the Docker Engine for `docker-daemon:`. `DOCKER_HOST` names it; otherwise, it is the
    /// default. Contexts of the `docker` command are not used.
    ///
    /// # Errors
    /// `DOCKER_HOST` is not the address of a Unix socket.
    pub fn engine_socket(&self) -> Result<PathBuf, ImageError> {
        if let Some(path) = &self.docker_socket {
            return Ok(path.clone());
        }
        // Like `docker`, treats an empty variable as unset.
        let Some(host) = std::env::var_os("DOCKER_HOST").filter(|host| !host.is_empty()) else {
            return Ok(PathBuf::from(SOCKET));
        };
        match host.to_str().and_then(|host| host.strip_prefix("unix://")) {
            Some(path) => Ok(PathBuf::from(path)),
            None => {
                let reason = format!("DOCKER_HOST is `{}`, and only `unix://PATH` is supported", host.display());
                Err(super::SourceError::new("docker-daemon:", reason).into())
            }
        }
    }
}
