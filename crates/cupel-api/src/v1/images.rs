//! `/admin/images`: the container images of the node that receives the request.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::images::{Addition, ImageDescription, ImageEntry, ImagesError, NodeImages, Pruned, Verification};
use cupel_http::app::Shared;
use cupel_http::body::{JsonBody, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_types::{ContentHash, ImageName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::response::time::rfc3339;

/// A container image of this node, or an image that is being added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "course/python:2026", "state": "ready", "source": "docker://registry.example/course/python:2026",
    "digest": "sha256:39302704c52a297adc2ede9503107e12fab6ac21ec5d090360af902e2a7a3a0d", "bytes": 408705497, "layers": 3,
    "added_at": "2026-11-23T18:22:23Z", "adding": false, "failure": null
}))]
pub(crate) struct ImageView {
    /// Value of `image` in a language file.
    name: String,
    /// `ready` if languages can use an image with this name; otherwise `adding` or `failed`.
    state: &'static str,
    /// Source of the ready image; if none is ready, source of the addition.
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
    /// Whether an image is being added under this name. A ready image remains usable until that has succeeded.
    adding: bool,
    /// Why the last addition under this name failed.
    failure: Option<String>,
}

impl From<ImageEntry> for ImageView {
    fn from(entry: ImageEntry) -> ImageView {
        let ImageEntry { name, ready, addition } = entry;
        let adding = addition.as_ref().is_some_and(|addition| addition.failure.is_none());
        let (source, failure) = addition.map(|Addition { source, failure }| (source, failure)).unwrap_or_default();
        let view = ImageView {
            name: name.to_string(),
            state: if adding { "adding" } else { "failed" },
            source,
            digest: None,
            bytes: None,
            layers: None,
            added_at: None,
            adding,
            failure,
        };
        match ready {
            None => view,
            Some(ready) => ImageView {
                state: "ready",
                source: ready.source,
                digest: Some(ready.digest),
                bytes: Some(ready.bytes),
                layers: Some(ready.layers as u64),
                added_at: Some(rfc3339(ready.added_at)),
                ..view
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

/// What an image consists of, and how its programs run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "course/python:2026", "source": "docker://registry.example/course/python:2026",
    "id": "sha256:5b1c0ec0d0dd62a3a7f2e32b24d0f14b3a86b6f5a6a53e21d08e4d6f7d1a4e0b",
    "digest": "sha256:39302704c52a297adc2ede9503107e12fab6ac21ec5d090360af902e2a7a3a0d", "architecture": "amd64",
    "layers": ["sha256:8e012198eea15b2554b07014081c85fec4967a1b9cc4b65bd9a4bce3ae1c0c88"], "bytes": 408705497,
    "entries": 10304, "left_out": 0, "privileges_dropped": 11, "env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
    "working_directory": "/", "user": "1000", "user_id": 1000, "added_at": "2026-11-23T18:22:23Z", "verification": null
}))]
pub(crate) struct ImageDetails {
    /// Value of `image` in a language file.
    name: String,
    /// Reference or file from which the image was added.
    source: String,
    /// Digest of its configuration.
    id: String,
    /// Digest of its manifest; null for an archive without one.
    digest: Option<String>,
    /// Architecture, as the image names it.
    architecture: String,
    /// Digests of the uncompressed archives of its layers, from the lowest to the highest.
    layers: Vec<String>,
    /// Total size of the files of all layers, in bytes.
    bytes: u64,
    /// Number of files and directories of its root.
    entries: u64,
    /// Number of devices, pipes and sockets that were omitted.
    left_out: u64,
    /// Number of files whose set-user-id bits, set-group-id bits or capabilities were dropped.
    privileges_dropped: u64,
    /// Environment of its programs, as `NAME=VALUE`.
    env: Vec<String>,
    /// `WORKDIR` of the image. If it is an absolute path other than `/`, and has at most 1000 entries, programs find
    /// its entries in their own working directory, `/box`.
    working_directory: Option<String>,
    /// `USER` of the image.
    user: Option<String>,
    /// User id of its programs; never 0.
    user_id: u32,
    /// Time at which the image was added.
    #[schema(format = DateTime)]
    added_at: String,
    /// The last verification since this node started; null if there was none.
    verification: Option<VerificationView>,
}

/// The verification of an image.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationView {
    /// `running`; `unchanged`; `damaged`; or `failed` if the files could not be compared.
    state: &'static str,
    /// Time at which it ended; null while it runs.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// The first 100 paths of files that are damaged, missing or new.
    damaged: Vec<String>,
    /// Number of these files.
    damaged_files: usize,
    /// Why the files could not be compared.
    failure: Option<String>,
}

/// Maximum number of damaged files that a response lists.
const DAMAGED_MAX: usize = 100;

impl From<Verification> for VerificationView {
    fn from(verification: Verification) -> VerificationView {
        let view =
            |state| VerificationView { state, ended_at: None, damaged: Vec::new(), damaged_files: 0, failure: None };
        match verification {
            Verification::Running => view("running"),
            Verification::Ended { at, mut damaged } => {
                let damaged_files = damaged.len();
                damaged.truncate(DAMAGED_MAX);
                let state = if damaged_files == 0 { "unchanged" } else { "damaged" };
                VerificationView { ended_at: Some(rfc3339(at)), damaged_files, damaged, ..view(state) }
            }
            Verification::Failed { at, reason } => {
                VerificationView { ended_at: Some(rfc3339(at)), failure: Some(reason), ..view("failed") }
            }
        }
    }
}

impl ImageDetails {
    fn of(description: ImageDescription, verification: Option<Verification>) -> ImageDetails {
        let digest = |hash: &ContentHash| format!("sha256:{hash}");
        ImageDetails {
            name: description.name.to_string(),
            source: description.source,
            id: digest(&description.id),
            digest: description.digest.as_ref().map(digest),
            architecture: description.architecture,
            layers: description.layers.iter().map(digest).collect(),
            bytes: description.bytes,
            entries: description.entries,
            left_out: description.left_out,
            privileges_dropped: description.privileges_dropped,
            env: description.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            working_directory: description.working_directory,
            user: description.user,
            user_id: description.uid,
            added_at: rfc3339(description.added_at),
            verification: verification.map(VerificationView::from),
        }
    }
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrunedView {
    /// Number of unpacked images.
    unpacked_images: usize,
    /// Number of layers.
    layers: usize,
    /// Number of unpacked images that programs still use; a later request removes them.
    in_use: usize,
    /// Whether nothing was removed because an image was being added or verified; a later request removes it. Absent if
    /// not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deferred: bool,
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

impl ImageParams {
    /// The parsed name. No image has a malformed name, so such a name is treated like an unknown one.
    fn existing(&self) -> Result<ImageName, ApiError> {
        let unknown = || format!("There is no image `{}`.", self.name.escape_debug());
        self.name.parse().map_err(|_| ApiError::new(ErrorKind::NotFound, unknown()))
    }
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
        (status = 409, description = "This node runs no programs, or is adding this image or too many images", body = ErrorBody, content_type = "application/problem+json"),
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
    let entry = images.add(name, body.source).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(entry.into())))
}

/// Describe a container image of this node.
#[utoipa::path(
    get, path = "/admin/images/details", tag = "admin", operation_id = "image",
    params(ImageParams),
    responses(
        (status = 200, description = "The image", body = ImageDetails),
        (status = 404, description = "There is no such image", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "This node runs no programs", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn image(
    State(app): State<Shared>,
    _admin: Caller,
    Params(params): Params<ImageParams>,
) -> Result<Json<ImageDetails>, ApiError> {
    let images = of_node(&app)?;
    let (description, verification) = images.describe(&params.existing()?).await.map_err(refused)?;
    Ok(Json(ImageDetails::of(description, verification)))
}

/// Verify a container image of this node.
///
/// The files of the image are compared in the background with their state when they were unpacked. `GET
/// /admin/images/details` shows the result.
#[utoipa::path(
    post, path = "/admin/images/verify", tag = "admin", operation_id = "verify_image",
    params(ImageParams),
    responses(
        (status = 202, description = "The image is being verified", body = ImageDetails),
        (status = 404, description = "There is no such image", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "This node runs no programs, or an image is being verified", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn verify_image(
    State(app): State<Shared>,
    _admin: Caller,
    Params(params): Params<ImageParams>,
) -> Result<(StatusCode, Json<ImageDetails>), ApiError> {
    let (images, name) = (of_node(&app)?, params.existing()?);
    let (description, verification) = images.verify(name).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(ImageDetails::of(description, verification))))
}

/// Remove what no container image of this node needs.
///
/// Removes layers and unpacked images to which no name refers, and files of interrupted additions. While an image is
/// being added or verified, nothing is removed, and the response has `deferred`.
#[utoipa::path(
    post, path = "/admin/images/prune", tag = "admin", operation_id = "prune_images",
    responses(
        (status = 200, description = "What was removed", body = PrunedView),
        (status = 409, description = "This node runs no programs", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn prune_images(State(app): State<Shared>, _admin: Caller) -> Result<Json<PrunedView>, ApiError> {
    let Pruned { roots, layers, in_use, deferred } = of_node(&app)?.prune().await.map_err(refused)?;
    Ok(Json(PrunedView { unpacked_images: roots, layers, in_use, deferred }))
}

/// Remove a container image of this node.
///
/// Languages that use it become unavailable within ten seconds. Its files are removed when no program uses them. A
/// failed addition under the same name is no longer listed.
#[utoipa::path(
    delete, path = "/admin/images", tag = "admin", operation_id = "remove_image",
    params(ImageParams),
    responses(
        (status = 204, description = "The image is removed"),
        (status = 404, description = "There is no such image", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "This node runs no programs, or is adding this image", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove_image(
    State(app): State<Shared>,
    _admin: Caller,
    Params(params): Params<ImageParams>,
) -> Result<StatusCode, ApiError> {
    let images = of_node(&app)?;
    images.remove(&params.existing()?).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn of_node(app: &Shared) -> Result<NodeImages, ApiError> {
    let detail = "This node runs no programs, so it has no images. Add images on the workers, with `cupel images add`.";
    app.core.images().ok_or_else(|| ApiError::new(ErrorKind::Conflict, detail))
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
