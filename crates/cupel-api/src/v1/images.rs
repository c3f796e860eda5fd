//! `/admin/images`: the container images of the node that receives the request.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::images::{ImageEntry, ImageState, Images, ImagesError};
use cupel_http::app::Shared;
use cupel_http::body::{JsonBody, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_types::ImageName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::response::time::rfc3339;

/// A container image of this node, or an image that is being added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "course/python:2026", "state": "ready", "source": "docker://registry.example/course/python:2026",
    "digest": "sha256:39302704c52a297adc2ede9503107e12fab6ac21ec5d090360af902e2a7a3a0d", "bytes": 408705497, "layers": 3,
    "added_at": "2026-11-23T18:22:23Z", "failure": null
}))]
pub(crate) struct ImageView {
    /// Value of `image` in a language file.
    name: String,
    /// `adding`, `failed` or `ready`.
    state: &'static str,
    /// Reference or file from which the image was added.
    source: String,
    /// Digest of the image's manifest, or of its configuration if it has no manifest; null unless the image is ready.
    digest: Option<String>,
    /// Total size of the files of all layers, in bytes; null unless the image is ready.
    bytes: Option<u64>,
    /// Number of layers; null unless the image is ready.
    layers: Option<u64>,
    /// Time at which the image became ready; null unless it is ready.
    #[schema(format = DateTime)]
    added_at: Option<String>,
    /// Why the image could not be added.
    failure: Option<String>,
}

impl From<ImageEntry> for ImageView {
    fn from(entry: ImageEntry) -> ImageView {
        let ImageEntry { name, source, state } = entry;
        let view = |state| ImageView {
            name: name.to_string(),
            state,
            source,
            digest: None,
            bytes: None,
            layers: None,
            added_at: None,
            failure: None,
        };
        match state {
            ImageState::Adding => view("adding"),
            ImageState::Failed { reason } => ImageView { failure: Some(reason), ..view("failed") },
            ImageState::Ready { digest, bytes, layers, added_at } => ImageView {
                digest: Some(digest),
                bytes: Some(bytes),
                layers: Some(layers as u64),
                added_at: Some(rfc3339(added_at)),
                ..view("ready")
            },
        }
    }
}

/// The images of this node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImageViews {
    /// The images, sorted by name.
    images: Vec<ImageView>,
}

/// An image to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "course/python:2026", "source": "docker://registry.example/course/python:2026" }))]
pub(crate) struct ImageRequest {
    /// Components of lower-case letters, digits, `.`, `_` and `-`, separated by `/`, and a tag after `:`.
    #[schema(
        min_length = 1,
        max_length = 190,
        pattern = "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$"
    )]
    name: String,
    /// `docker://HOST/NAME:TAG`, with or without `@sha256:DIGEST`. The pattern allows the usual references. The server
    /// also accepts less common forms. The operator's settings `[images.registries]` apply.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^docker://[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?(/[a-z0-9]+(-[a-z0-9]+)*)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,100})?(@sha256:[0-9a-f]{64})?$"
    )]
    source: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImageParams {
    /// Name of the image.
    name: String,
}

/// List the container images of this node.
///
/// Languages use images as toolchains. Each worker has its own images. This operation lists the images of the node that
/// answers the request. Nodes that run no programs refuse it.
#[utoipa::path(
    get, path = "/admin/images", tag = "admin", operation_id = "images",
    responses(
        (status = 200, description = "The images", body = ImageViews),
        (status = 409, description = "This node runs no programs", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn images(State(app): State<Shared>, _admin: Caller) -> Result<Json<ImageViews>, ApiError> {
    let entries = of_node(&app)?.list().await.map_err(refused)?;
    Ok(Json(ImageViews { images: entries.into_iter().map(ImageView::from).collect() }))
}

/// Add a container image from a registry.
///
/// The image is pulled, verified and unpacked in the background; `GET /admin/images` shows the result.
#[utoipa::path(
    post, path = "/admin/images", tag = "admin", operation_id = "add_image",
    request_body = ImageRequest,
    responses(
        (status = 202, description = "The image is being added", body = ImageView),
        (status = 409, description = "This node runs no programs, or too many images are being added", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The name or the source is wrong", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn add_image(
    State(app): State<Shared>,
    _admin: Caller,
    JsonBody(body): JsonBody<ImageRequest>,
) -> Result<(StatusCode, Json<ImageView>), ApiError> {
    let images = of_node(&app)?;
    let name = body.name.parse::<ImageName>().map_err(|error| wrong("/name", &error.to_string()))?;
    images.begin_to_add(name.clone(), &body.source).await.map_err(refused)?;
    let entry = ImageEntry { name, source: body.source, state: ImageState::Adding };
    Ok((StatusCode::ACCEPTED, Json(entry.into())))
}

/// Remove a container image of this node.
///
/// Languages that use it become unavailable within ten seconds. Its files are removed when no program uses them.
#[utoipa::path(
    delete, path = "/admin/images", tag = "admin", operation_id = "remove_image",
    params(ImageParams),
    responses(
        (status = 204, description = "The image is removed"),
        (status = 404, description = "There is no such image", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "This node runs no programs", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove_image(
    State(app): State<Shared>,
    _admin: Caller,
    Params(params): Params<ImageParams>,
) -> Result<StatusCode, ApiError> {
    let images = of_node(&app)?;
    let unknown = || ApiError::new(ErrorKind::NotFound, format!("There is no image `{}`.", params.name.escape_debug()));
    let name = params.name.parse::<ImageName>().map_err(|_| unknown())?;
    images.remove(&name).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn of_node(app: &Shared) -> Result<Arc<dyn Images>, ApiError> {
    let detail = "This node runs no programs, so it has no images. Add images on the workers, with `cupel images add`.";
    app.core.images().cloned().ok_or_else(|| ApiError::new(ErrorKind::Conflict, detail))
}

fn wrong(pointer: &str, detail: &str) -> ApiError {
    let detail = crate::v1::faults::sentence(detail);
    ApiError::new(ErrorKind::InvalidBody, detail.clone()).with_errors(vec![FieldError::new(pointer, detail)])
}

fn refused(error: ImagesError) -> ApiError {
    let detail = crate::v1::faults::sentence(&error.to_string());
    match error {
        ImagesError::Unknown(_) => ApiError::new(ErrorKind::NotFound, detail),
        ImagesError::BadSource(reason) => wrong("/source", &reason),
        ImagesError::Busy(_) => ApiError::new(ErrorKind::Conflict, detail),
        ImagesError::Failed(_) => {
            tracing::error!(%error, "an operation on images failed");
            ApiError::new(
                ErrorKind::Internal,
                "The images of this node cannot be read or changed. The node's log has the reason.",
            )
        }
    }
}
