//! `GET /problems/{slug}`: statement, samples and limits of a problem; its editorial, and the files of both.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use cupel_function::starter_code;
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Visitor;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_languages::{Language, Registry};
use cupel_problem::{
    FileRef, MaxScore, Package, Problem, ProblemLimits, Sample, Scoring, Shown, Slug, Statement, StatementFormat,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Raw;
use super::chunked_download::chunks;
use super::statement_html::{html_of, turn_to_render};
use super::text_budget::JsonTextBudget;
use super::view::{ProblemLineView, points};
use super::{no_such_problem, refusal, seen};
use crate::v1::response::path::encoded;
use crate::v1::response::step::StartView;

/// Maximum total size of the texts in a response, as JSON. The statement is read first.
const TEXT_BYTES_MAX: u32 = 1 << 20;
/// Maximum size of each part of a sample, as read from its file.
const SAMPLE_BYTES_MAX: u64 = 64 << 10;

/// Maximum number of samples, and of files of each kind, in a response.
const SAMPLES_MAX: usize = 50;
const FILES_MAX: usize = 200;

/// Maximum size of a file that is served. Larger files are treated as missing.
const FILE_BYTES_MAX: u64 = 32 << 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetailParams {
    /// Language of the text, such as `en`. If there is no text in this language, a text in a variant of it is sent,
    /// such as `zh-CN` for `zh`; else the English text; else the first.
    #[serde(default)]
    lang: Option<String>,
    /// Whether a text in Markdown is sent as HTML, in `html`, instead of `text`.
    #[serde(default)]
    html: bool,
}

/// A problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemView {
    /// The fields that lists show.
    problem: ProblemLineView,
    /// The statement; `null` if the problem has none.
    statement: Option<StatementView>,
    /// Languages of the available statements.
    statement_languages: Vec<String>,
    /// Whether the problem has an editorial that you may read now.
    has_editorial: bool,
    /// The sample cases: the first 50.
    samples: Vec<SampleView>,
    /// Total number of sample cases.
    samples_total: u64,
    /// Number of tests of a submission, including the samples.
    tests_total: u64,
    /// Limits of a submission.
    limits: ProblemLimitsView,
    /// Whether submissions communicate with a program of the problem.
    is_interactive: bool,
    /// Whether the problem has scores.
    has_scores: bool,
    /// The maximum score, if there is one.
    max_score: Option<f64>,
    /// Names of the authors.
    authors: Vec<String>,
    /// Where the problem was first used.
    source: Option<String>,
    /// Licence, if known.
    licence: Option<String>,
    /// Holder of the rights, if known.
    rights_owner: Option<String>,
    /// Attached files for contestants.
    attachments: Vec<FileView>,
    /// Code to start from, in every supported language, if the problem asks for a function or a class.
    starter_code: Vec<StarterView>,
    /// Whether you may change the problem.
    may_change: bool,
    /// For users who may change the problem: whether the current version passed verification; `null`: not verified yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_verified: Option<Option<bool>>,
}

/// The statement of a problem, or its editorial.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// Language tag.
    language: String,
    /// `markdown` (with mathematics), `text`, `latex`, `html` or `pdf`. `html` comes from the author: sanitize it
    /// before you show it.
    format: &'static str,
    /// The text; `null` if it is a PDF, which is in `files`, or if `html` has the text.
    text: Option<String>,
    /// The text as HTML, if it is Markdown and you requested HTML. Raw HTML in it is escaped, and its links have the
    /// scheme `http`, `https` or `mailto` or are relative. An image of the package is referred to by its `name` in
    /// `files`. Mathematics is TeX in elements with the class `math-inline` or `math-display`.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// Whether the text was truncated.
    truncated: bool,
    /// The file itself if it is not text, and the files that the text refers to, by the names that the text uses.
    files: Vec<FileView>,
}

/// The editorial of a problem, in one language.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EditorialView {
    /// The editorial.
    editorial: StatementView,
    /// Languages of the available editorials.
    languages: Vec<String>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileView {
    /// Name, as used in the text.
    name: String,
    /// URL of the file.
    url: String,
    /// Size in bytes.
    bytes: u64,
}

/// A sample case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleView {
    /// Name in results.
    name: String,
    /// The input. For an interactive problem, the interactor reads the input, not your program.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// The expected output, or one of several accepted outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// The communication: lines that begin with `<` are from the judge, lines with `>` from the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    /// Whether a part was truncated.
    truncated: bool,
}

/// Limits of a submission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemLimitsView {
    /// CPU time per test, in milliseconds. `null`: the package sets no limit and has not been verified; submissions get
    /// 10 seconds.
    cpu_time_ms: Option<u64>,
    /// Whether verification derived `cpu_time_ms` from the package's own submissions.
    is_time_limit_derived: bool,
    /// How the program that determined a derived `cpu_time_ms` was started. A warm start takes less CPU time than a
    /// cold one. `null`: the program's language has no warm start, the limit is not derived, or the start is unknown.
    time_limit_start: Option<StartView>,
    /// Memory per test, in KiB.
    memory_kb: u64,
    /// Standard output per test, in KiB.
    output_kb: u64,
    /// Size of the source, in bytes.
    source_bytes: u64,
    /// Permitted languages; for a function problem, the languages in which the function can be called. `null`: all.
    languages: Option<Vec<String>>,
    /// Languages with their own limits.
    per_language: Vec<LanguageLimitsView>,
}

/// Code to start from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StarterView {
    /// The language's id.
    language: String,
    /// The code.
    code: String,
}

/// Limits of one language.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LanguageLimitsView {
    /// The language's id.
    language: String,
    /// CPU time per test, in milliseconds.
    cpu_time_ms: Option<u64>,
    /// Memory per test, in KiB.
    memory_kb: u64,
}

/// Get a problem.
#[utoipa::path(
    get, path = "/problems/{slug}", tag = "problems", operation_id = "problem",
    params(("slug" = String, Path, description = "The problem's slug"), DetailParams),
    responses(
        (status = 200, description = "The problem", body = ProblemView),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn problem(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<DetailParams>,
) -> Result<Json<ProblemView>, ApiError> {
    let seen = seen(&app, &principal, slug).await?;
    let package = app.core.package(seen.problem().package).await.map_err(refusal)?;
    let standing = app.core.standing(&seen).await?;
    let line = match seen.may_change() {
        true => ProblemLineView::for_author(seen.problem(), standing.as_ref()),
        false => ProblemLineView::of(seen.problem(), standing.as_ref()),
    };
    let line = if app.core.withholds_hints(&seen).await? { line.without_hints() } else { line };
    let has_editorial = !app.core.editorials(&seen, &package.package.problem).await?.is_empty();
    let is_verified = seen.may_change().then_some(seen.problem().is_verified);
    let (time_limit, start) = (seen.problem().time_limit, seen.problem().limit_start.map(StartView::from));
    let registry = app.core.registry();
    let turn = if params.html { turn_to_render().await } else { None };
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let limited = package.package.with_derived_time_limit(time_limit);
        let is_time_limit_derived = matches!(limited, Cow::Owned(_));
        let time_limit_start = start.filter(|_| is_time_limit_derived);
        view(line, &limited, &registry, params.lang.as_deref(), params.html).map(|view| ProblemView {
            is_verified,
            has_editorial,
            may_change: seen.may_change(),
            limits: ProblemLimitsView { is_time_limit_derived, time_limit_start, ..view.limits },
            ..view
        })
    });
    rendered.await.map_err(|e| ApiError::internal(&e))?.map(Json).map_err(|e| ApiError::internal(&e))
}

fn view(
    problem: ProblemLineView,
    package: &Package,
    languages: &Registry,
    language: Option<&str>,
    as_html: bool,
) -> std::io::Result<ProblemView> {
    let what = &package.problem;
    let slug = problem.slug.clone();
    let max_score = match (what.scoring, what.tests.root().max) {
        (Scoring::Points { .. }, MaxScore::Bounded(max)) => Some(points(max)),
        (Scoring::Points { .. }, MaxScore::Unbounded) | (Scoring::PassFail, _) => None,
    };
    let limits = &what.limits;
    let ms = |time: std::time::Duration| time.as_millis() as u64;
    let mut room = JsonTextBudget::of(TEXT_BYTES_MAX as usize);
    let starter_code = starters(package, languages)?;
    let ProblemLimits {
        time,
        memory,
        output,
        code,
        languages: permitted,
        per_language,
        // Not shown: these limits follow from the shown ones, or apply to the package's own programs and the compiler.
        wall_time: _,
        on_output_limit: _,
        on_waiting: _,
        compile: _,
        validation: _,
    } = limits;
    let callable = || starter_code.iter().map(|starter| starter.language.clone()).collect();
    let allowed = permitted.as_ref().map(|ids| ids.iter().map(ToString::to_string).collect());
    let allowed = if what.signature.is_some() { Some(callable()) } else { allowed };
    Ok(ProblemView {
        statement: in_language(&what.statements, language)
            .map(|statement| statement_view(&slug, package, statement, as_html, &mut room))
            .transpose()?,
        statement_languages: languages_of(&what.statements),
        samples: what
            .samples()
            .take(SAMPLES_MAX)
            .map(|sample| sample_view(package, &sample, &mut room))
            .collect::<Result<_, _>>()?,
        samples_total: what.samples().count() as u64,
        tests_total: what.tests.cases().count() as u64,
        limits: ProblemLimitsView {
            cpu_time_ms: time.limit.map(ms),
            is_time_limit_derived: false,
            time_limit_start: None,
            memory_kb: memory.as_kib(),
            output_kb: output.as_kib(),
            source_bytes: code.get(),
            languages: allowed,
            per_language: per_language
                .keys()
                .map(|id| LanguageLimitsView {
                    language: id.to_string(),
                    cpu_time_ms: limits.cpu_time(id).map(ms),
                    memory_kb: limits.memory(id).as_kib(),
                })
                .collect(),
        },
        is_interactive: what.is_interactive(),
        has_scores: what.scoring != Scoring::PassFail,
        max_score,
        authors: what.authors.iter().map(|author| author.name.clone()).collect(),
        source: what.source.clone(),
        licence: what.licence.name.clone(),
        rights_owner: what.licence.rights_owner.clone(),
        attachments: what
            .attachments
            .iter()
            .take(FILES_MAX)
            .map(|file| file_view(&slug, file.path.name(), file))
            .collect(),
        starter_code,
        has_editorial: false,
        may_change: false,
        is_verified: None,
        problem,
    })
}

fn starters(package: &Package, languages: &Registry) -> std::io::Result<Vec<StarterView>> {
    if package.problem.signature.is_none() {
        return Ok(Vec::new());
    }
    let allowed = package.problem.limits.languages.as_ref();
    let offered =
        |language: &&Language| language.is_available() && allowed.is_none_or(|allowed| allowed.contains(&language.id));
    let mut starters = Vec::new();
    for language in languages.iter().filter(offered) {
        let code = starter_code(package, language)?;
        starters.extend(code.map(|code| StarterView { language: language.id.to_string(), code }));
    }
    Ok(starters)
}

fn statement_view(
    slug: &str,
    package: &Package,
    statement: &Statement,
    as_html: bool,
    room: &mut JsonTextBudget,
) -> std::io::Result<StatementView> {
    let is_text = statement.format != StatementFormat::Pdf;
    let text = is_text.then(|| room.text_of(package, &statement.file, u64::from(TEXT_BYTES_MAX))).transpose()?;
    let (text, truncated) = text.map_or((None, false), |(text, is_cut)| (Some(text), is_cut));
    let assets = statement.assets.iter().take(FILES_MAX);
    let mut files: Vec<FileView> = assets.map(|file| file_view(slug, name_in(statement, file), file)).collect();
    if !is_text {
        files.insert(0, file_view(slug, statement.file.path.name(), &statement.file));
    }
    let view = StatementView {
        language: statement.language.clone(),
        format: statement.format.as_str(),
        text,
        html: None,
        truncated,
        files,
    };
    Ok(if as_html { view.with_html() } else { view })
}

impl StatementView {
    /// Converts Markdown to HTML. A text in another format, or whose HTML would be too long, stays unchanged.
    fn with_html(self) -> StatementView {
        let is_markdown = self.format == StatementFormat::Markdown.as_str();
        match self.text.as_deref().filter(|_| is_markdown).and_then(html_of) {
            Some(html) => StatementView { text: None, html: Some(html), ..self },
            None => self,
        }
    }
}

/// Name that the text uses for a file.
fn name_in<'f>(statement: &Statement, file: &'f FileRef) -> &'f str {
    let parent = statement.file.path.parent();
    parent.and_then(|parent| file.path.below(parent.as_str())).unwrap_or(file.path.as_str())
}

fn file_view(slug: &str, name: &str, file: &FileRef) -> FileView {
    let url = format!("/api/v1/problems/{slug}/files/{}", encoded(file.path.as_str()));
    FileView { name: name.to_owned(), url, bytes: file.size.get() }
}

fn sample_view(package: &Package, sample: &Sample<'_>, room: &mut JsonTextBudget) -> std::io::Result<SampleView> {
    let mut truncated = false;
    let mut text = |file: &FileRef| {
        let (text, is_cut) = room.text_of(package, file, SAMPLE_BYTES_MAX)?;
        truncated |= is_cut;
        Ok::<_, std::io::Error>(text)
    };
    let (input, output, conversation) = match sample.shown {
        Shown::Pair { input, answer } => (Some(text(input)?), answer.as_ref().map(&mut text).transpose()?, None),
        Shown::Conversation(file) => (None, None, Some(text(file)?)),
    };
    Ok(SampleView { name: sample.case.id.to_string(), input, output, conversation, truncated })
}

/// Get the editorial of a problem.
///
/// It explains the solution. While a contest of the problem's authors with the problem is running, only users who may
/// change the problem can read it. Participants of a contest can read it when their own time has ended.
#[utoipa::path(
    get, path = "/problems/{slug}/editorial", tag = "problems", operation_id = "problem_editorial",
    params(("slug" = String, Path, description = "The problem's slug"), DetailParams),
    responses(
        (status = 200, description = "The editorial", body = EditorialView),
        (status = 404, description = "The problem does not exist, it has no editorial, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn editorial(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<DetailParams>,
) -> Result<Json<EditorialView>, ApiError> {
    let seen = seen(&app, &principal, slug).await?;
    let package = app.core.package(seen.problem().package).await.map_err(refusal)?;
    let editorials = app.core.editorials(&seen, &package.package.problem).await?;
    let languages = languages_of(editorials);
    let found = in_language(editorials, params.lang.as_deref()).cloned();
    let found = found.ok_or_else(|| ApiError::not_found("editorial"))?;
    let turn = if params.html { turn_to_render().await } else { None };
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let slug = seen.problem().slug.as_str();
        let mut room = JsonTextBudget::of(TEXT_BYTES_MAX as usize);
        statement_view(slug, &package.package, &found, params.html, &mut room)
    });
    let editorial = rendered.await.map_err(|e| ApiError::internal(&e))?.map_err(|e| ApiError::internal(&e))?;
    Ok(Json(EditorialView { editorial, languages }))
}

/// The text in this language, else in a variant of it (`zh-CN` for `zh`), else the English text, else the first.
fn in_language<'p>(texts: &'p [Statement], language: Option<&str>) -> Option<&'p Statement> {
    let of = |language: &str| texts.iter().find(|text| text.language == language);
    let variant = |language: &str| texts.iter().find(|text| text.language.split('-').next() == Some(language));
    language
        .and_then(|language| of(language).or_else(|| variant(language)))
        .or_else(|| of("en"))
        .or_else(|| texts.first())
}

fn languages_of(texts: &[Statement]) -> Vec<String> {
    texts.iter().map(|text| text.language.clone()).collect()
}

/// Get a file of a problem's statement or editorial.
///
/// Images, attachments, and statements and editorials that are not text. Other files of a package are not available
/// here.
#[utoipa::path(
    get, path = "/problems/{slug}/files/{file}", tag = "problems", operation_id = "problem_file",
    params(
        ("slug" = String, Path, description = "The problem's slug"),
        ("file" = String, Path, description = "The file, as in its `url`"),
    ),
    responses(
        (status = 200, description = "The file", body = Raw, content_type = "application/octet-stream"),
        (status = 404, description = "The file does not exist, or you may not see the problem", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn file(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Path((slug, file)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let slug = slug.parse::<Slug>().map_err(|_| no_such_problem())?;
    let seen = seen(&app, &principal, slug).await?;
    let package = app.core.package(seen.problem().package).await.map_err(refusal)?;
    let editorials = app.core.editorials(&seen, &package.package.problem).await?;
    let found = found_file(&package.package.problem, editorials, &file)
        .filter(|found| found.size.get() <= FILE_BYTES_MAX)
        .cloned();
    let found = found.ok_or_else(|| ApiError::not_found("file"))?;
    let kind = media_type(found.path.name());
    let name = encoded(found.path.name());
    let length = found.size.get();
    let opened = tokio::task::spawn_blocking(move || package.package.open(&found));
    let opened = opened.await.map_err(|e| ApiError::internal(&e))?.map_err(|e| ApiError::internal(&e))?;
    let mut response = chunks(opened).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.name));
    // The policy forbids scripts and forms and sets an opaque origin, regardless of the file's type.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    let how = if kind.is_shown { "inline" } else { "attachment" };
    if let Ok(value) = HeaderValue::try_from(format!("{how}; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Finds a file for contestants, or one of an editorial that the caller may read; never a test, a checker or a
/// solution.
fn found_file<'p>(problem: &'p Problem, editorials: &'p [Statement], path: &str) -> Option<&'p FileRef> {
    let of_texts = problem.statements.iter().chain(editorials).flat_map(|statement| {
        let itself = (statement.format == StatementFormat::Pdf).then_some(&statement.file);
        itself.into_iter().chain(&statement.assets)
    });
    of_texts.chain(&problem.attachments).find(|file| file.path.as_str() == path)
}

struct MediaType {
    name: &'static str,
    /// Whether a browser may display the file; other files are offered as a download.
    is_shown: bool,
}

/// Media type by file extension; `application/octet-stream` if the extension is unknown.
fn media_type(name: &str) -> MediaType {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let (name, is_shown) = match end.as_str() {
        "png" => ("image/png", true),
        "jpg" | "jpeg" => ("image/jpeg", true),
        "gif" => ("image/gif", true),
        "webp" => ("image/webp", true),
        "svg" => ("image/svg+xml", true),
        "pdf" => ("application/pdf", false),
        "txt" | "md" | "in" | "out" | "ans" => ("text/plain; charset=utf-8", true),
        "zip" => ("application/zip", false),
        _ => ("application/octet-stream", false),
    };
    MediaType { name, is_shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_file_types_are_displayed() {
        for (name, kind, is_shown) in [
            ("a.PNG", "image/png", true),
            ("a.svg", "image/svg+xml", true),
            ("a.html", "application/octet-stream", false),
            ("a.js", "application/octet-stream", false),
            ("a", "application/octet-stream", false),
            ("a.pdf", "application/pdf", false),
        ] {
            let found = media_type(name);
            assert_eq!((found.name, found.is_shown), (kind, is_shown), "{name}");
        }
    }
}
