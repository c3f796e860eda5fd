//! `GET /problems/{slug}`: the text, samples and limits of a problem, and the files that belong to its text.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use cupel_function::starter_code;
use cupel_languages::{Language, Registry};
use cupel_problem::{FileRef, MaxScore, Package, Sample, Scoring, Shown, Slug, Statement, StatementFormat};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Raw;
use super::pieces::pieces;
use super::room::Room;
use super::view::{ProblemLineView, points};
use super::{no_such_problem, refusal, seen};
use crate::app::Shared;
use crate::auth::Visitor;
use crate::body::{Id, Params};
use crate::problem::{Problem, ProblemBody};
use crate::v1::response::StartView;

/// Room for the texts of an answer, the statement's first, and of that for each part of a sample.
const TEXT_BYTES_MAX: u32 = 1 << 20;
const SAMPLE_BYTES_MAX: u64 = 64 << 10;

/// Most samples, and most files of each kind, that are told of.
const SAMPLES_MAX: usize = 50;
const FILES_MAX: usize = 200;

/// Largest file that belongs to a text.
const FILE_BYTES_MAX: u64 = 32 << 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetailParams {
    /// The language of the text, such as `en`; the problem's own where there is none in it.
    #[serde(default)]
    lang: Option<String>,
}

/// A problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemView {
    /// What lists show of it.
    problem: ProblemLineView,
    /// Its text; `null` if it has none.
    statement: Option<StatementView>,
    /// In which languages there is a text.
    statement_languages: Vec<String>,
    /// The cases that are shown: the first 50.
    samples: Vec<SampleView>,
    /// How many cases are shown to a submission.
    samples_total: u64,
    /// What a submission may use.
    limits: ProblemLimitsView,
    /// Whether submissions talk with a program of the problem.
    is_interactive: bool,
    /// Whether there are points.
    has_scores: bool,
    /// The most points there are, where there is a most.
    max_score: Option<f64>,
    /// Who made it.
    authors: Vec<String>,
    /// Where it was first set.
    source: Option<String>,
    /// On what terms it may be used, where that is known.
    licence: Option<String>,
    /// Who holds the rights, where that is known.
    rights_owner: Option<String>,
    /// Files for contestants.
    attachments: Vec<FileView>,
    /// What a submission begins with, for a problem that asks for a function or a class: in every language it can be in.
    starter_code: Vec<StarterView>,
    /// Whether it is yours to change.
    may_change: bool,
    /// For those who may change it: whether the current version was found to be as it says; `null`: nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_verified: Option<Option<bool>>,
}

/// The text of a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// Language tag.
    language: String,
    /// `markdown` (with mathematics), `text`, `latex`, `html` or `pdf`. What is `html` is the author's: make it harmless
    /// before you show it.
    format: &'static str,
    /// The text; `null` where it is a file of its own (`pdf`), see `files`.
    text: Option<String>,
    /// Whether the text was too long to be shown whole.
    truncated: bool,
    /// The file itself where it is no text, and files that the text refers to, by the names it has for them.
    files: Vec<FileView>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileView {
    /// Its name, as the text refers to it.
    name: String,
    /// Where it is.
    url: String,
    /// Its size.
    bytes: u64,
}

/// A case that is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleView {
    /// Its name in results.
    name: String,
    /// The input; where your program talks with one of the problem's, it is the latter that reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// The output that is expected, or one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// A conversation: lines that begin with `<` are the judge's, with `>` the submission's.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    /// Whether a part was too long to be shown whole.
    truncated: bool,
}

/// What a submission may use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemLimitsView {
    /// CPU time of one test, in milliseconds. `null`: the package has no limit and has not been verified; submissions get 10 seconds.
    cpu_time_ms: Option<u64>,
    /// Whether verification derived `cpu_time_ms` from the package's own submissions.
    is_time_limit_derived: bool,
    /// How the program was started whose time a derived `cpu_time_ms` follows from. A warm start takes less CPU time than a cold one.
    /// `null`: its language has no warm start, the limit is not derived, or it is unknown.
    time_limit_start: Option<StartView>,
    /// Memory of one test, in KiB.
    memory_kb: u64,
    /// Standard output of one test, in KiB.
    output_kb: u64,
    /// The source, in bytes.
    source_bytes: u64,
    /// The only languages there are for this problem, for one that asks for a function those that one can be called in; `null`: all.
    languages: Option<Vec<String>>,
    /// Languages with limits of their own.
    per_language: Vec<LanguageLimitsView>,
}

/// What a submission begins with.
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
    /// CPU time of one test, in milliseconds.
    cpu_time_ms: Option<u64>,
    /// Memory of one test, in KiB.
    memory_kb: u64,
}

/// Read a problem.
#[utoipa::path(
    get, path = "/problems/{slug}", tag = "problems", operation_id = "problem",
    params(("slug" = String, Path, description = "The problem's name in addresses"), DetailParams),
    responses(
        (status = 200, description = "The problem", body = ProblemView),
        (status = 404, description = "There is none, or it is not shown to you", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn problem(
    State(app): State<Shared>,
    Visitor(seer): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<DetailParams>,
) -> Result<Json<ProblemView>, Problem> {
    let seen = seen(&app, &seer, slug).await?;
    let package = app.core.package(seen.problem.package).await.map_err(refusal)?;
    let standing = match seer.user() {
        Some(user) => app.core.store().standing(seen.problem.id, user).await?,
        None => None,
    };
    let line = match seen.may_change {
        true => ProblemLineView::for_author(&seen.problem, standing.as_ref()),
        false => ProblemLineView::of(&seen.problem, standing.as_ref()),
    };
    let is_verified = seen.may_change.then_some(seen.problem.is_verified);
    let (time_limit, start) = (seen.problem.time_limit, seen.problem.limit_start.map(StartView::from));
    let registry = app.core.registry();
    let made = tokio::task::spawn_blocking(move || {
        let limited = package.package.with_derived_time_limit(time_limit);
        let is_time_limit_derived = matches!(limited, Cow::Owned(_));
        let time_limit_start = start.filter(|_| is_time_limit_derived);
        view(line, &limited, &registry, params.lang.as_deref()).map(|view| ProblemView {
            is_verified,
            may_change: seen.may_change,
            limits: ProblemLimitsView { is_time_limit_derived, time_limit_start, ..view.limits },
            ..view
        })
    });
    made.await.map_err(|e| Problem::internal(&e))?.map(Json).map_err(|e| Problem::internal(&e))
}

fn view(
    problem: ProblemLineView,
    package: &Package,
    languages: &Registry,
    language: Option<&str>,
) -> std::io::Result<ProblemView> {
    let what = &package.problem;
    let slug = problem.slug.clone();
    let asked = |statement: &&Statement| Some(statement.language.as_str()) == language;
    let english = |statement: &&Statement| statement.language == "en";
    let statements = || what.statements.iter();
    let statement = statements().find(asked).or_else(|| statements().find(english)).or_else(|| statements().next());
    let max_score = match (what.scoring, what.tests.root().max) {
        (Scoring::Points { .. }, MaxScore::Bounded(max)) => Some(points(max)),
        (Scoring::Points { .. }, MaxScore::Unbounded) | (Scoring::PassFail, _) => None,
    };
    let limits = &what.limits;
    let ms = |time: std::time::Duration| time.as_millis() as u64;
    let mut room = Room::of(TEXT_BYTES_MAX as usize);
    let starter_code = starters(package, languages)?;
    let callable = || starter_code.iter().map(|starter| starter.language.clone()).collect();
    let allowed = limits.languages.as_ref().map(|ids| ids.iter().map(ToString::to_string).collect());
    let allowed = if what.signature.is_some() { Some(callable()) } else { allowed };
    Ok(ProblemView {
        statement: statement.map(|statement| statement_view(&slug, package, statement, &mut room)).transpose()?,
        statement_languages: what.statements.iter().map(|statement| statement.language.clone()).collect(),
        samples: what
            .samples()
            .take(SAMPLES_MAX)
            .map(|sample| sample_view(package, &sample, &mut room))
            .collect::<Result<_, _>>()?,
        samples_total: what.samples().count() as u64,
        limits: ProblemLimitsView {
            cpu_time_ms: limits.time.limit.map(ms),
            is_time_limit_derived: false,
            time_limit_start: None,
            memory_kb: limits.memory.as_kib(),
            output_kb: limits.output.as_kib(),
            source_bytes: limits.code.get(),
            languages: allowed,
            per_language: limits
                .per_language
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
    room: &mut Room,
) -> std::io::Result<StatementView> {
    let is_text = statement.format != StatementFormat::Pdf;
    let text = is_text.then(|| room.text_of(package, &statement.file, u64::from(TEXT_BYTES_MAX))).transpose()?;
    let (text, truncated) = text.map_or((None, false), |(text, is_cut)| (Some(text), is_cut));
    let assets = statement.assets.iter().take(FILES_MAX);
    let mut files: Vec<FileView> = assets.map(|file| file_view(slug, name_in(statement, file), file)).collect();
    if !is_text {
        files.insert(0, file_view(slug, statement.file.path.name(), &statement.file));
    }
    Ok(StatementView {
        language: statement.language.clone(),
        format: statement.format.as_str(),
        text,
        truncated,
        files,
    })
}

/// What the text calls a file that lies beside it.
fn name_in<'f>(statement: &Statement, file: &'f FileRef) -> &'f str {
    let parent = statement.file.path.parent();
    parent.and_then(|parent| file.path.below(parent.as_str())).unwrap_or(file.path.as_str())
}

fn file_view(slug: &str, name: &str, file: &FileRef) -> FileView {
    let url = format!("/api/v1/problems/{slug}/files/{}", encoded(file.path.as_str()));
    FileView { name: name.to_owned(), url, bytes: file.size.get() }
}

/// One segment of a path. Source: RFC 3986, section 2.3: everything but unreserved characters is encoded.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn sample_view(package: &Package, sample: &Sample<'_>, room: &mut Room) -> std::io::Result<SampleView> {
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

/// Fetch a file of a problem's text.
///
/// Images, attachments and statements that are no text. Nothing else of a package can be had here.
#[utoipa::path(
    get, path = "/problems/{slug}/files/{file}", tag = "problems", operation_id = "problem_file",
    params(
        ("slug" = String, Path, description = "The problem's name in addresses"),
        ("file" = String, Path, description = "The file, as `url` has it"),
    ),
    responses(
        (status = 200, description = "The file", body = Raw, content_type = "application/octet-stream"),
        (status = 404, description = "There is none, or the problem is not shown to you", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn file(
    State(app): State<Shared>,
    Visitor(seer): Visitor,
    Path((slug, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let slug = slug.parse::<Slug>().map_err(|_| no_such_problem())?;
    let seen = seen(&app, &seer, slug).await?;
    let package = app.core.package(seen.problem.package).await.map_err(refusal)?;
    let found = found_file(&package.package, &file).filter(|found| found.size.get() <= FILE_BYTES_MAX).cloned();
    let found = found.ok_or_else(|| Problem::not_found("file"))?;
    let kind = media_type(found.path.name());
    let name = encoded(found.path.name());
    let length = found.size.get();
    let opened = tokio::task::spawn_blocking(move || package.package.open(&found));
    let opened = opened.await.map_err(|e| Problem::internal(&e))?.map_err(|e| Problem::internal(&e))?;
    let mut response = pieces(opened).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.name));
    // Whatever it is, it gets no script, no form and no origin of ours.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    let how = if kind.is_shown { "inline" } else { "attachment" };
    if let Ok(value) = HeaderValue::try_from(format!("{how}; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Only what contestants are meant to see: never a test, a checker or a solution.
fn found_file<'p>(package: &'p Package, path: &str) -> Option<&'p FileRef> {
    let problem = &package.problem;
    let of_statements = problem.statements.iter().flat_map(|statement| {
        let itself = (statement.format == StatementFormat::Pdf).then_some(&statement.file);
        itself.into_iter().chain(&statement.assets)
    });
    of_statements.chain(&problem.attachments).find(|file| file.path.as_str() == path)
}

struct MediaType {
    name: &'static str,
    /// Whether a browser may show it; everything else is offered to be kept.
    is_shown: bool,
}

/// By the end of the name; what is not known is bytes.
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
    fn a_file_is_shown_only_where_that_is_harmless() {
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

    #[test]
    fn a_path_becomes_one_segment() {
        assert_eq!(encoded("images/é 1.png"), "images%2F%C3%A9%201.png");
    }
}
