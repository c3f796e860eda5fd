//! `/languages`: the programming languages.

use axum::Json;
use axum::extract::{Path, State};
use cupel_http::app::Shared;
use cupel_http::caller::Anybody;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_languages::{Availability, ImageExecutor, Language, Library, Registry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::v1::faults::sentence;
use crate::v1::response::limits::LimitsView;

/// A language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "language_id": "python", "display_name": "Python 3.11", "timeout_seconds": 10, "max_memory_mb": 256,
    "available": true, "pulling": false, "unavailable_reason": null, "version": "3.11.2", "version_of": null, "image": null,
    "executor": null, "image_digest": null, "images": [],
    "libraries": [{ "name": "NumPy", "version": "1.24.2" }], "aliases": ["python3", "py"],
    "extensions": ["py"], "source_file": "main.py", "compiled": false,
    "limits": {
        "cpu_time_ms": 10000, "wall_time_ms": 30000, "idle_time_ms": 15000, "memory_kb": 262144, "processes": 64,
        "open_files": 256, "file_size_kb": 65536, "disk_kb": 131072, "inodes": 4096, "output_kb": 65536, "stack_kb": 65536
    },
    "limits_max": {
        "cpu_time_ms": 60000, "wall_time_ms": 180000, "idle_time_ms": 180000, "memory_kb": 1048576, "processes": 256,
        "open_files": 1024, "file_size_kb": 262144, "disk_kb": 524288, "inodes": 16384, "output_kb": 65536,
        "stack_kb": 262144
    }
}))]
pub(crate) struct LanguageView {
    /// Id of the language, to be sent as `language`.
    language_id: String,
    /// Display name.
    display_name: String,
    /// Default CPU time of a program, in seconds, rounded up.
    timeout_seconds: u64,
    /// Default memory of a program, in MiB.
    max_memory_mb: u64,
    /// Whether this server, or a worker of its cluster, has the language.
    available: bool,
    /// Whether it is not available yet because workers are pulling its container image. Submissions are accepted and
    /// wait.
    pulling: bool,
    /// Why the language is not available.
    unavailable_reason: Option<String>,
    /// Version that was found on the machines that run programs.
    version: Option<String>,
    /// Id of the language of which this entry is another version. The field `version` of a request selects a version.
    version_of: Option<String>,
    /// The container image that contains the toolchain; null if the toolchain is installed on the machines that run
    /// programs.
    image: Option<String>,
    /// Where programs of the image run. `native` is the server's own sandbox, `docker` is Docker Engine. Null without
    /// an image.
    executor: Option<&'static str>,
    /// Digest of the container image.
    image_digest: Option<String>,
    /// Images that a request for this language may name as `image`.
    images: Vec<String>,
    /// Libraries that programs can use here in addition to those of the toolchain.
    libraries: Vec<LibraryView>,
    /// Other ids of the language.
    aliases: Vec<String>,
    /// File-name extensions, without the dot.
    extensions: Vec<String>,
    /// File name of `source_code` in the sandbox.
    source_file: String,
    /// Whether programs are compiled before they run.
    compiled: bool,
    /// Default limits of a program.
    limits: LimitsView,
    /// Maximum limits of a program.
    limits_max: LimitsView,
}

impl LanguageView {
    fn of(language: &Language, registry: &Registry) -> LanguageView {
        let (version, unavailable_reason) = match &language.availability {
            Availability::Available { .. } => (language.version_number().map(str::to_owned), None),
            other => (None, other.reason().map(str::to_owned)),
        };
        LanguageView {
            language_id: language.id.to_string(),
            display_name: language.name.clone(),
            timeout_seconds: language.limits.cpu_time.as_millis().div_ceil(1000) as u64,
            max_memory_mb: language.limits.memory.as_mib(),
            available: unavailable_reason.is_none(),
            pulling: language.is_being_pulled(),
            unavailable_reason,
            version,
            version_of: language.version_of.as_ref().map(ToString::to_string),
            image: language.image.as_ref().map(ToString::to_string),
            executor: language.executor.map(ImageExecutor::as_str),
            image_digest: language.image_digest().map(str::to_owned),
            images: registry.images_of(&language.id).iter().map(ToString::to_string).collect(),
            libraries: language.libraries.iter().filter_map(LibraryView::of).collect(),
            aliases: language.aliases.clone(),
            extensions: language.extensions.clone(),
            source_file: language.source.to_string(),
            compiled: !language.compile.is_empty(),
            limits: language.limits.into(),
            limits_max: language.limits_max.into(),
        }
    }
}

/// A library.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "NumPy", "version": "1.24.2" }))]
pub(crate) struct LibraryView {
    /// Name of the library.
    name: String,
    /// The installed version.
    version: String,
}

impl LibraryView {
    /// `None` for a library that is not installed.
    fn of(library: &Library) -> Option<LibraryView> {
        Some(LibraryView { name: library.name.clone(), version: library.version.clone()? })
    }
}

/// The languages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LanguageViews {
    /// The languages, sorted by id.
    languages: Vec<LanguageView>,
}

/// List the languages.
///
/// Unavailable languages are listed with the reason. `POST /execute` refuses them, except while workers are pulling
/// their image (`pulling`). Languages that exist only for clients of other products are not listed.
#[utoipa::path(
    get, path = "/languages", tag = "languages", operation_id = "languages",
    responses((status = 200, description = "The languages", body = LanguageViews)),
)]
pub(crate) async fn languages(State(app): State<Shared>, _client: Anybody) -> Json<LanguageViews> {
    let registry = app.core.registry();
    let listed = registry.iter().filter(|language| language.listed);
    Json(LanguageViews { languages: listed.map(|language| LanguageView::of(language, &registry)).collect() })
}

/// Get one language by id or alias, case-insensitive.
#[utoipa::path(
    get, path = "/languages/{language_id}", tag = "languages", operation_id = "language",
    params(("language_id" = String, Path, description = "Id or alias")),
    responses(
        (status = 200, description = "The language", body = LanguageView),
        (status = 404, description = "There is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn language(
    State(app): State<Shared>,
    _client: Anybody,
    Path(name): Path<String>,
) -> Result<Json<LanguageView>, ApiError> {
    let registry = app.core.registry();
    registry.find(&name).map(|language| Json(LanguageView::of(language, &registry))).ok_or_else(|| {
        let detail = sentence(&registry.unknown(&name, "`GET /api/v1/languages`"));
        ApiError::new(cupel_http::error::ErrorKind::NotFound, detail)
    })
}
