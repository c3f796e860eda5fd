//! Uploads of archives: written to disk as they arrive, with a size limit and a deadline, and never held in memory as a
//! whole.

use std::io::Write as _;
use std::path::Path;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::BytesMut;
use cupel_http::app::Shared;
use cupel_http::at_once::Begun;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::notes::Notes;
use cupel_types::UserId;
use http_body_util::BodyExt;
use tempfile::NamedTempFile;

/// Bytes that are buffered before each write.
const PIECE_BYTES: usize = 256 << 10;

/// Accepted media types of an archive.
const MEDIA_TYPES: [&str; 5] =
    ["application/zip", "application/gzip", "application/x-tar", "application/x-gzip", "application/octet-stream"];

/// An uploaded archive.
pub(super) struct Upload(pub(super) Archive);

/// The file of an archive. When dropped, the file is deleted, and the upload has ended.
pub(super) struct Archive {
    file: NamedTempFile,
    _begun: Begun,
}

impl Archive {
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }
}

impl FromRequest<Shared> for Upload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Upload, ApiError> {
        let essence = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = essence.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_coded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
        if is_coded || !MEDIA_TYPES.contains(&essence.as_str()) {
            let detail = format!("Send the archive itself, as one of: {}.", MEDIA_TYPES.join(", "));
            return Err(ApiError::new(ErrorKind::UnsupportedMediaType, detail));
        }
        let bytes_max = app.settings.package_bytes_max;
        let too_large =
            || ApiError::new(ErrorKind::BodyTooLarge, format!("An archive may have at most {bytes_max} bytes."));
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > bytes_max) {
            return Err(too_large());
        }
        // The caller was identified before the body is read.
        let user = request.extensions().get::<Notes>().and_then(Notes::user);
        let begun = app.uploads.begin(user.unwrap_or_else(|| UserId::from_uuid(uuid::Uuid::nil())))?;
        let deadline = tokio::time::Instant::now() + app.settings.package_time_max;
        let mut file = app.core.archive_file().await.map_err(|e| ApiError::internal(&e))?;
        let (mut body, mut piece, mut written): (Body, _, u64) = (request.into_body(), BytesMut::new(), 0);
        loop {
            let frame = tokio::time::timeout_at(deadline, body.frame()).await.map_err(|_elapsed| {
                let seconds = app.settings.package_time_max.as_secs();
                ApiError::new(ErrorKind::RequestTimeout, format!("The archive did not arrive within {seconds} s."))
            })?;
            let data = match frame {
                None => break,
                Some(Err(_broken)) => {
                    let detail = "The body ended too early or is not framed correctly.";
                    return Err(ApiError::new(ErrorKind::MalformedRequest, detail));
                }
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            written += data.len() as u64;
            if written > bytes_max {
                return Err(too_large());
            }
            piece.extend_from_slice(&data);
            if piece.len() >= PIECE_BYTES {
                file = write(file, std::mem::take(&mut piece)).await?;
            }
        }
        Ok(Upload(Archive { file: write(file, piece).await?, _begun: begun }))
    }
}

/// Writes on a blocking thread.
async fn write(mut file: NamedTempFile, piece: BytesMut) -> Result<NamedTempFile, ApiError> {
    let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file)).await;
    written.map_err(|e| ApiError::internal(&e))?.map_err(|e| ApiError::internal(&e))
}
