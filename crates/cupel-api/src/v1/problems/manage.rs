//! Operations for authors: import, new versions, export, verification, visibility, deletion.

use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::problems::{AuthorError, ImportedVersion, NewPackage, ProblemKey, VersionException, Wish};
use cupel_core::{ExecuteRequest, NewSubmission, NewSubmissionKind};
use cupel_http::app::Shared;
use cupel_http::body::{Id, JsonBody, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::notes::Notes;
use cupel_http::submission_rate::SubmissionRate;
use cupel_package::{Container, ExportError, PackageFinding, archive, export};
use cupel_problem::{Package, Slug, Visibility};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::chunked_download::chunks;
use super::upload::Upload;
use super::view::{FindingView, ProblemLineView};
use super::{Raw, no_such_problem, refusal, slug_taken, view};
use crate::v1::faults::Shape;
use crate::v1::filters::PageParams;
use crate::v1::intake::{self, Receipt, Wait, WaitParams};
use crate::v1::response::accepted::Accepted;
use crate::v1::response::graded::ResponseParts;
use crate::v1::response::page::Pagination;
use crate::v1::response::step::StartView;
use crate::v1::response::submission::SubmissionView;
use crate::v1::response::time::rfc3339;

/// Header that names a part of the problem that the export omits; sent once for each part, at most 20 times.
const WARNING: HeaderName = HeaderName::from_static("cupel-warning");
const WARNINGS_MAX: usize = 20;
const WARNING_CHARACTERS_MAX: usize = 200;

/// Longest reason for an exception.
const REASON_CHARACTERS_MAX: usize = 1000;

/// Maximum number of exceptions listed for the versions of a problem.
const EXCEPTIONS_MAX: u64 = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParams {
    /// The problem's name in URLs, instead of the package's: 1 to 64 characters from `a-z`, `0-9` and `-`.
    #[serde(default)]
    slug: Option<String>,
}

/// Result of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportedView {
    /// The problem after the import.
    problem: ProblemLineView,
    /// Number of the imported version.
    version: u32,
    /// Whether the imported version is the current one. If not, the version is staged: verify it, then make it current
    /// with `PATCH`.
    is_current: bool,
    /// SHA-256 of the content of the imported version's package.
    package: String,
    /// Format of the import, such as `kattis-2025-09`.
    format: &'static str,
    /// Warnings about the package.
    warnings: Vec<FindingView>,
    /// Whether anything changed: `false` if the package was already the current version or already staged.
    is_new: bool,
}

impl From<ImportedVersion> for ImportedView {
    fn from(imported: ImportedVersion) -> ImportedView {
        ImportedView {
            problem: ProblemLineView::for_author(&imported.problem, None),
            version: imported.number,
            is_current: imported.is_current,
            package: imported.package.to_string(),
            format: imported.format.as_str(),
            warnings: imported.warnings.iter().map(FindingView::from).collect(),
            is_new: imported.is_new,
        }
    }
}

/// Import a problem.
///
/// The body is the archive: zip, tar or gzipped tar, in the format of Kattis (legacy or 2025-09), DOMjudge, DMOJ,
/// Polygon or Cupel. The problem becomes a draft that you own. An invalid package is refused as a whole, with every
/// error.
#[utoipa::path(
    post, path = "/problems", tag = "authoring", operation_id = "import_problem",
    params(ImportParams),
    request_body(
        content((Raw = "application/zip"), (Raw = "application/gzip"), (Raw = "application/x-tar"), (Raw = "application/x-gzip"),
            (Raw = "application/octet-stream")),
        description = "The archive",
    ),
    responses(
        (status = 201, description = "The problem, as your draft", body = ImportedView),
        (status = 409, description = "Another problem has this slug", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The package is invalid. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn import(
    State(app): State<Shared>,
    caller: Caller,
    Params(params): Params<ImportParams>,
    Upload(archive): Upload,
) -> Result<Response, ApiError> {
    let slug = params.slug.map(|text| slug_of(&text)).transpose()?;
    let new = NewPackage { archive: archive.path().to_owned(), slug };
    let (core, user) = (app.core.clone(), caller.user);
    // Runs to completion even if the client disconnects, because an unpacked package that is refused must be removed.
    let imported = tokio::spawn(async move {
        let imported = core.import_problem(user, new).await;
        drop(archive);
        imported
    });
    let imported = imported.await.map_err(|e| ApiError::internal(&e))?.map_err(|error| match error {
        AuthorError::SlugTaken => slug_taken(
            "Another problem has this slug. Choose another one (`?slug=`). If it is yours, upload this package as its new version \
             (`PUT /problems/{slug}/package`).",
        ),
        error => refusal(error),
    })?;
    tracing::info!(by = %caller.user, problem = %imported.problem.slug, "problem imported");
    let place = format!("/api/v1/problems/{}", imported.problem.slug);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(ImportedView::from(imported))).into_response())
}

const SLUG_RULE: &str = "A slug is 1 to 64 characters from `a-z`, `0-9` and `-`, and neither begins nor ends with `-`.";

/// The parameter `slug`.
fn slug_of(text: &str) -> Result<Slug, ApiError> {
    text.parse().map_err(|_| ApiError::new(ErrorKind::InvalidParameter, SLUG_RULE))
}

/// Upload a new version.
///
/// Unless it is staged, the uploaded version becomes the current one; submissions keep the version with which they were
/// judged until you rejudge them. Uploading the current package again changes nothing; uploading an earlier package
/// makes its version current again.
///
/// While the problem is visible to others, a version that was not verified before is staged (`is_current` is `false`),
/// and the current one stays in use. Verify it with `POST /problems/{slug}/versions/{version}/verify`, make it current
/// with `PATCH /problems/{slug}` and `{"version": …}`, then rejudge the affected submissions (`GET` and `POST
/// /problems/{slug}/rejudge?outdated=true`).
#[utoipa::path(
    put, path = "/problems/{slug}/package", tag = "authoring", operation_id = "new_version",
    params(("slug" = String, Path, description = "The problem's slug")),
    request_body(
        content((Raw = "application/zip"), (Raw = "application/gzip"), (Raw = "application/x-tar"), (Raw = "application/x-gzip"),
            (Raw = "application/octet-stream")),
        description = "The archive",
    ),
    responses(
        (status = 200, description = "The problem after the change", body = ImportedView),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The package is invalid. Nothing has changed", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn new_version(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    request: Request,
) -> Result<Json<ImportedView>, ApiError> {
    // Checked before the body is read, because an archive is large.
    let problem = app.core.to_change(&caller.principal(), ProblemKey::Slug(slug)).await.map_err(refusal)?;
    let Upload(archive) = Upload::from_request(request, &app).await?;
    let key = ProblemKey::Id(problem.id);
    let (core, principal) = (app.core.clone(), caller.principal());
    let imported = tokio::spawn(async move { core.new_version(&principal, key, archive.path()).await });
    let imported = imported.await.map_err(|e| ApiError::internal(&e))?.map_err(refusal)?;
    Ok(Json(imported.into()))
}

/// Maximum number of packages that are written at the same time: each takes a processor and a blocking thread, of which
/// all requests have a limited number.
static EXPORTING: Semaphore = Semaphore::const_new(4);

/// Format of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// `kattis` (Kattis 2025-09, the default) or `original` (the stored package, unchanged).
    #[serde(default)]
    #[param(inline)]
    form: FormName,
}

/// Format of an exported package.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormName {
    /// Kattis 2025-09.
    #[default]
    Kattis,
    /// The format in which the package was imported.
    Original,
}

/// Export a problem as a zip, in Kattis 2025-09 format or as it was imported.
///
/// Information that Kattis format cannot express is listed in `cupel-warning` headers, in the words of `cupel problem
/// export`. Kattis format cannot express function problems at all. With `?form=original`, every problem is exported in
/// the format of its import, and importing it again gives the same hash. The archive has the files of the current
/// version as the import stored them. The import removes a top-level directory that contains everything, replaces links
/// by their targets, unpacks the test archive of a DMOJ package, and fills in the constants of a Kattis 2025-09
/// package.
#[utoipa::path(
    get, path = "/problems/{slug}/package", tag = "authoring", operation_id = "export_problem",
    params(("slug" = String, Path, description = "The problem's slug"), ExportParams),
    responses(
        (status = 200, description = "The archive", body = Raw, content_type = "application/zip",
            headers(("cupel-warning" = String, description = "Information that the format cannot express, one header each, at most 20. Characters outside ASCII are replaced by `?`"))),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The format cannot express this package", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn package(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<ExportParams>,
) -> Result<Response, ApiError> {
    let problem = app.core.to_change(&caller.principal(), ProblemKey::Slug(slug)).await.map_err(refusal)?;
    let begun = app.exports.begin(caller.user)?;
    let package = app.core.package(problem.package).await.map_err(refusal)?;
    // The semaphore is never closed.
    let turn = EXPORTING.acquire().await.ok();
    let place = app.core.archive_file().await.map_err(|e| ApiError::internal(&e))?.into_temp_path();
    let time_limit = problem.time_limit;
    let written = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        // A temporary file of this name was created and deleted, so nothing else uses the name.
        let target = place.to_path_buf();
        drop(place);
        let exported = match params.form {
            FormName::Kattis => export(&package.package.with_derived_time_limit(time_limit), &target, Container::Zip)
                .map(|warnings| warnings.iter().map(ToString::to_string).collect()),
            FormName::Original => archive(&package.package, &target).map(|()| left_out(&package.package, time_limit)),
        };
        let exported = exported.map_err(|error| match error {
            ExportError::Inexpressible(refused) => inexpressible(&refused.findings),
            error => ApiError::internal(&error),
        });
        let warnings: Vec<String> = exported?;
        let opened = std::fs::File::open(&target);
        // The file can be removed now: its content remains until the descriptor is closed.
        let removed = std::fs::remove_file(&target);
        removed.and(opened).map(|file| (file, warnings)).map_err(|e| ApiError::internal(&e))
    });
    let (file, warnings) = written.await.map_err(|e| ApiError::internal(&e))??;
    let counted = move |body: Body| {
        Body::new(body.map_frame(move |frame| {
            let _begun = &begun;
            frame
        }))
    };
    let mut response = chunks(file).into_response().map(counted);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{}.zip\"", problem.slug)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    for value in warnings.iter().take(WARNINGS_MAX).filter_map(|warning| in_header(warning)) {
        response.headers_mut().append(WARNING, value);
    }
    Ok(response)
}

/// Warnings about information that the original package does not contain.
fn left_out(package: &Package, time_limit: Option<Duration>) -> Vec<String> {
    let derived = time_limit.filter(|_| package.problem.limits.time.limit.is_none());
    let warning = |limit: Duration| {
        format!(
            "the package has no time limit; this server derived {} s, which this archive does not contain",
            limit.as_secs_f64()
        )
    };
    derived.map(warning).into_iter().collect()
}

/// Refusal to export in Kattis format, with the alternative.
fn inexpressible(findings: &[PackageFinding]) -> ApiError {
    view::refused(findings).and_also(" Export the package as it was imported with `?form=original`.")
}

/// Text restricted to what a header may contain (RFC 9110, section 5.5), and to a length that clients and proxies
/// accept.
fn in_header(text: &str) -> Option<HeaderValue> {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    HeaderValue::try_from(text.chars().take(WARNING_CHARACTERS_MAX).map(plain).collect::<String>()).ok()
}

/// Verify a problem.
///
/// The problem's validators check its inputs, its checker is tested with outputs whose verdict is known, and its
/// submissions must have their expected results. Verification is an ordinary submission of yours. Its result lists the
/// expectations that are not met. With `?wait=`, the response is delayed until the verification has ended or the wait
/// is over.
#[utoipa::path(
    post, path = "/problems/{slug}/verify", tag = "authoring", operation_id = "verify_problem",
    params(("slug" = String, Path, description = "The problem's slug"), WaitParams),
    responses(
        (status = 202, description = "Accepted. The problem will be verified even if the server restarts", body = Accepted),
        (status = 200, description = "The verification ended within the time to wait", body = SubmissionView),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, no live worker has the languages, a disk is full, or the store cannot be reached. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn verify(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    Id(slug): Id<Slug>,
    wait: Wait,
    key: IdempotencyKey,
) -> Result<Response, ApiError> {
    verify_one(app, caller, notes, slug, None, wait, key).await
}

/// Verify a version of a problem.
///
/// Like `POST /problems/{slug}/verify`, for any version. A staged version can be verified while contestants use the
/// current one.
#[utoipa::path(
    post, path = "/problems/{slug}/versions/{version}/verify", tag = "authoring", operation_id = "verify_version",
    params(("slug" = String, Path, description = "The problem's slug"),
        ("version" = u32, Path, description = "The version's number"), WaitParams),
    responses(
        (status = 202, description = "Accepted. The problem will be verified even if the server restarts", body = Accepted),
        (status = 200, description = "The verification ended within the time to wait", body = SubmissionView),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, no live worker has the languages, a disk is full, or the store cannot be reached. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn verify_version(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    Path((slug, version)): Path<(String, String)>,
    wait: Wait,
    key: IdempotencyKey,
) -> Result<Response, ApiError> {
    let slug = slug.parse::<Slug>().map_err(|_| no_such_problem())?;
    let version = version.parse::<u32>().map_err(|_| ApiError::not_found("version"))?;
    verify_one(app, caller, notes, slug, Some(version), wait, key).await
}

/// Verifies `version`; `None`: the current version.
async fn verify_one(
    app: Shared,
    caller: Caller,
    notes: Notes,
    slug: Slug,
    version: Option<u32>,
    wait: Wait,
    key: IdempotencyKey,
) -> Result<Response, ApiError> {
    let problem = app.core.to_change(&caller.principal(), ProblemKey::Slug(slug)).await.map_err(refusal)?;
    let to_verify = app.core.to_verify(&problem, version).await.map_err(refusal)?;
    let path = match version {
        Some(number) => format!("/api/v1/problems/{}/versions/{number}/verify", problem.slug),
        None => format!("/api/v1/problems/{}/verify", problem.slug),
    };
    let idempotency = key.for_request(&app, &path, &bytes::Bytes::new());
    let new = NewSubmission {
        request_id: Some(notes.request_id().to_owned()),
        ..NewSubmission::new(NewSubmissionKind::Verify(to_verify))
    };
    let parts = ResponseParts {
        disclosure: problem.disclosure(),
        slug: Some(problem.slug.to_string()),
        version: Some(version.unwrap_or(problem.version)),
        ..ResponseParts::default()
    };
    let rate = SubmissionRate::new(&app, &caller, &notes);
    let request = ExecuteRequest { idempotency, ..ExecuteRequest::new(caller.user, new, &rate) };
    intake::respond(&app, &caller, &wait, request, Shape::default(), Receipt::VERIFICATION, parts).await
}

/// Changes to a problem; omitted fields stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "visibility": "public" }))]
pub(crate) struct ChangeRequest {
    /// `draft` (visible to its authors and administrators), `private` (also to its readers and, once their contest has
    /// begun, to the participants of a contest with the problem) or `public`. Only a verified version may be visible to
    /// others, unless an administrator makes an exception (`exception`).
    #[serde(default)]
    visibility: Option<VisibilityName>,
    /// New name in URLs: 1 to 64 characters from `a-z`, `0-9` and `-`.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
    slug: Option<String>,
    /// User names of all users who may see the problem while it is private, whether or not they take part in a contest
    /// with it; replaces the previous list.
    #[serde(default)]
    #[schema(max_items = 1000)]
    readers: Option<Vec<String>>,
    /// User names of all users who may change the problem, besides its owner; replaces the previous list. Each must have
    /// the role `author` or `admin`.
    #[serde(default)]
    #[schema(max_items = 1000)]
    authors: Option<Vec<String>>,
    /// Number of the version that becomes the current one. While the problem is visible to others, that version must be
    /// verified, unless an administrator makes an exception (`exception`).
    #[serde(default)]
    version: Option<u32>,
    /// For administrators: why an unverified version becomes visible, in 1 to 1000 characters. The reason is stored
    /// with your name and the time, and the problem's authors see it in `GET /problems/{slug}/versions`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1000, pattern = "\\S")]
    exception: Option<String>,
    /// Whether the problem is made a draft even if it is in a contest that has not ended, or renamed even if it is in a
    /// contest that is running or begins within an hour. The contestants then get 404.
    #[serde(default)]
    force: bool,
}

/// Who may see a problem.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VisibilityName {
    /// The problem's authors, and administrators.
    Draft,
    /// Also the problem's readers and, once their contest has begun, the participants of a contest with the problem.
    Private,
    /// Everybody.
    Public,
}

/// Publish, hide or rename a problem, and set its readers and authors.
#[utoipa::path(
    patch, path = "/problems/{slug}", tag = "authoring", operation_id = "change_problem",
    params(("slug" = String, Path, description = "The problem's slug")),
    request_body = ChangeRequest,
    responses(
        (status = 200, description = "The problem after the change", body = ProblemLineView),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The slug is taken, the version has not been verified, or a contest has the problem: for a draft, one that has not ended; for a new slug, one that is running or begins within an hour", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    JsonBody(body): JsonBody<ChangeRequest>,
) -> Result<Json<ProblemLineView>, ApiError> {
    let visibility = body.visibility.map(|name| match name {
        VisibilityName::Draft => Visibility::Draft,
        VisibilityName::Private => Visibility::Private,
        VisibilityName::Public => Visibility::Public,
    });
    let refuse =
        |_| ApiError::new(ErrorKind::InvalidBody, SLUG_RULE).with_errors(vec![FieldError::new("/slug", SLUG_RULE)]);
    let new_slug = body.slug.map(|text| text.parse::<Slug>().map_err(refuse)).transpose()?;
    let exception = body.exception.map(|text| reason_of(&text)).transpose()?;
    let wish = Wish {
        version: body.version,
        exception,
        visibility,
        slug: new_slug,
        readers: body.readers,
        authors: body.authors,
        force: body.force,
    };
    let changed = app.core.change_problem(&caller.principal(), ProblemKey::Slug(slug), wish).await;
    let changed = changed.map_err(|error| match error {
        error @ AuthorError::InContest { .. } => {
            refusal(error).and_also(" To do it nevertheless, send `\"force\": true`.")
        }
        error => refusal(error),
    })?;
    tracing::info!(by = %caller.user, problem = %changed.slug, visibility = changed.visibility.as_str(), "problem changed");
    Ok(Json(ProblemLineView::for_author(&changed, None)))
}

/// The trimmed reason, if its length is valid.
fn reason_of(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON_CHARACTERS_MAX {
        let detail = format!("`exception` must be a reason of 1 to {REASON_CHARACTERS_MAX} characters.");
        let error = FieldError::new("/exception", detail.clone());
        return Err(ApiError::new(ErrorKind::InvalidBody, detail).with_errors(vec![error]));
    }
    Ok(text.to_owned())
}

/// Delete a draft that has no submissions and is in no contest.
#[utoipa::path(
    delete, path = "/problems/{slug}", tag = "authoring", operation_id = "delete_problem",
    params(("slug" = String, Path, description = "The problem's slug")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The problem is not a draft, has submissions, or is in a contest", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
) -> Result<StatusCode, ApiError> {
    let (core, principal) = (app.core.clone(), caller.principal());
    // Runs to completion even if the client disconnects; otherwise, packages that no problem uses would remain.
    let deleted = tokio::spawn(async move { core.delete_problem(&principal, ProblemKey::Slug(slug)).await });
    deleted.await.map_err(|e| ApiError::internal(&e))?.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionPage {
    /// Newest first.
    versions: Vec<VersionView>,
    pagination: Pagination,
}

/// A version of a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    /// Version number, from 1.
    version: u32,
    /// SHA-256 of its package.
    package: String,
    /// Format in which the version was imported.
    format: String,
    /// Whether this is the current version.
    is_current: bool,
    /// Whether the version passed verification; `null`: not verified yet.
    is_verified: Option<bool>,
    /// CPU time limit that verification derived, in milliseconds; `null`: no limit was derived, or the package sets
    /// one.
    time_limit_ms: Option<u64>,
    /// How the program that determined `time_limit_ms` was started. `null` if the program's language has no warm start,
    /// there is no limit, or the start is unknown.
    time_limit_start: Option<StartView>,
    /// Why administrators made the version visible although it was not verified, newest first.
    exceptions: Vec<ExceptionView>,
    /// Time of the import.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A decision by an administrator to make an unverified version visible.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExceptionView {
    /// The administrator's name at that time.
    username: String,
    /// Time of the decision.
    #[schema(format = DateTime)]
    at: String,
    /// The reason.
    reason: String,
}

/// List the versions of a problem.
#[utoipa::path(
    get, path = "/problems/{slug}/versions", tag = "authoring", operation_id = "versions",
    params(("slug" = String, Path, description = "The problem's slug"), PageParams),
    responses(
        (status = 200, description = "A page", body = VersionPage),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn versions(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(page): Params<PageParams>,
) -> Result<Json<VersionPage>, ApiError> {
    let offset = page.offset()?;
    let problem = app.core.to_change(&caller.principal(), ProblemKey::Slug(slug)).await.map_err(refusal)?;
    let (versions, total) = app.core.versions(&problem, offset, page.limit).await?;
    let exceptions = app.core.exceptions(&problem, EXCEPTIONS_MAX).await?;
    let of_version = |number| {
        let own = exceptions.iter().filter(move |one| one.number == number);
        let view = |one: &VersionException| ExceptionView {
            username: one.username.clone(),
            at: rfc3339(one.at),
            reason: one.reason.clone(),
        };
        own.map(view).collect()
    };
    let versions = versions.into_iter().map(|version| VersionView {
        exceptions: of_version(version.number),
        version: version.number,
        package: version.package.to_string(),
        format: version.format,
        is_current: version.number == problem.version,
        is_verified: version.is_verified,
        time_limit_ms: version.time_limit.map(|time| time.as_millis() as u64),
        time_limit_start: version.limit_start.map(StartView::from),
        created_at: rfc3339(version.at),
    });
    Ok(Json(VersionPage {
        versions: versions.collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}
