//! Web pages: the first steps with the API, the API documentation, documents of the repository, and the password form
//! of a one-time link.
//!
//! *Invariant:* every page works without any other host: scripts and styles are in this binary, and the content
//! security policy allows no others.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use cupel_http::app::Shared;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::notes::Notes;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use sha2::{Digest, Sha256};

use crate::etag::is_known;
use crate::openapi::openapi_json;
use crate::swagger;

// Documents of the repository; some of their sections are for developers only.
const PACKAGES: &str = include_str!("../../../docs/packages.md");
const OWN_FORMAT: &str = include_str!("../../cupel-package/README.md");
const FUNCTIONS: &str = include_str!("../../cupel-function/README.md");
const DEVELOPER_HEADING: &str = "## Packages that each test run";
const AUTHOR_HEADING: &str = "## Cupel's own format";

/// Documents for users, below `/docs/`. Each has its path in the repository's folder `docs`, with or without `.md`, so
/// that links between the documents also work here.
const PAGES: [(&str, &str); 15] = [
    ("contests", include_str!("../../../docs/contests.md")),
    ("errors", include_str!("../../../docs/errors.md")),
    ("facades/jobe", include_str!("../../../docs/facades/jobe.md")),
    ("facades/judge0", include_str!("../../../docs/facades/judge0.md")),
    ("facades/piston", include_str!("../../../docs/facades/piston.md")),
    ("facades/sandboxfusion", include_str!("../../../docs/facades/sandboxfusion.md")),
    ("live", include_str!("../../../docs/live.md")),
    ("many-runs", include_str!("../../../docs/many-runs.md")),
    ("migrating/jobe", include_str!("../../../docs/migrating/jobe.md")),
    ("migrating/judge0", include_str!("../../../docs/migrating/judge0.md")),
    ("migrating/piston", include_str!("../../../docs/migrating/piston.md")),
    ("migrating/sandboxfusion", include_str!("../../../docs/migrating/sandboxfusion.md")),
    ("reference/cli", include_str!("../../../docs/reference/cli.md")),
    ("socketio", include_str!("../../../docs/socketio.md")),
    ("webhooks", include_str!("../../../docs/webhooks.md")),
];

/// Documentation of the package formats, Cupel's own format and function problems, as Markdown: `/docs/formats` and
/// `cupel help formats`.
pub fn package_formats() -> String {
    let packages = PACKAGES.split(DEVELOPER_HEADING).next().unwrap_or_default();
    let own = OWN_FORMAT.split_once(AUTHOR_HEADING).map(|(_, own)| own).unwrap_or_default();
    format!("{packages}{AUTHOR_HEADING}{own}\n## Function problems\n\n{FUNCTIONS}")
}

/// URL of a one-time link, up to the token. `address` is the server's public address. The site reads the token from the
/// fragment, which browsers do not send, so no server or proxy logs it. A server without the site has a page without
/// scripts, which needs the token in the query.
pub fn link_address(address: &str, has_site: bool) -> String {
    let end = if has_site { "#" } else { "?token=" };
    format!("{}{PASSWORD_PAGE}{end}", address.trim_end_matches('/'))
}

/// Path of the password form of a one-time link.
const PASSWORD_PAGE: &str = "/password";

/// Documents that are built once.
pub(crate) struct Documents {
    landing: String,
    landing_policy: HeaderValue,
    password: String,
    password_policy: HeaderValue,
    /// HTML template and content security policy of documents: in `/docs/`, and in a folder of `/docs/`.
    frames: [(String, HeaderValue); 2],
}

impl Documents {
    /// `font`: path of the site's font. If it is `None`, the pages use a font of the reader's machine.
    pub(crate) fn new(version: &str, font: Option<&str>) -> Documents {
        let (landing, landing_policy) =
            styled(include_str!("landing.html"), font.map(|path| format!("../{path}")), "'none'");
        let (password, password_policy) = styled(include_str!("password.html"), font.map(str::to_owned), "'self'");
        let frame = |root: &str| {
            let (page, policy) = styled(include_str!("page.html"), font.map(|path| format!("{root}{path}")), "'none'");
            (page.replace("{root}", root), policy)
        };
        Documents {
            password,
            password_policy,
            frames: [frame("../"), frame("../../")],
            landing: landing.replace("{version}", &escaped(version)),
            landing_policy,
        }
    }
}

/// A page in the design of the site, and its policy. The page has one inline style, which the policy allows by its
/// hash, and no scripts. `font` is relative to the page.
fn styled(page: &str, font: Option<String>, form_action: &str) -> (String, HeaderValue) {
    let mut style = include_str!("landing.css").to_owned();
    if let Some(font) = font {
        style += &format!(
            "@font-face{{font-family:'Inter Variable';font-weight:100 900;font-display:swap;src:url({font}) format('woff2')}}\n"
        );
    }
    let hash = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, Sha256::digest(style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; font-src 'self'; img-src 'self'; base-uri 'none'; form-action {form_action}; frame-ancestors 'none'"
    );
    let page = page.replace("{style}", &style).replace("{mark}", include_str!("mark.svg").trim_end());
    (page, HeaderValue::try_from(policy).unwrap_or(swagger::POLICY))
}

/// Routes of the pages. If `has_site`, the site serves the page of one-time links, so these routes omit it.
pub(crate) fn routes(documents: Documents, has_site: bool) -> Router<Shared> {
    let router = match has_site {
        true => Router::new(),
        false => Router::new().route(PASSWORD_PAGE, get(password).post(set_password)),
    };
    router
        .route("/openapi.json", get(openapi))
        .route("/docs", get(docs_without_slash))
        .route("/docs/", get(docs_index))
        .route("/docs/formats", get(formats))
        .route("/docs/{folder}/{name}", get(page_in_folder))
        .route("/docs/start", get(landing))
        .route("/docs/{file}", get(docs))
        .route("/errors", get(errors))
        .route("/errors/{code}", get(error))
        .layer(Extension(Arc::new(documents)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn html(body: String, policy: HeaderValue) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}

/// `/docs/start`: the commands on the page use the address from the reader's request.
async fn landing(Extension(documents): Extension<Arc<Documents>>, request: HeaderMap) -> Response {
    let page = documents.landing.replace("{address}", &address(&request));
    html(page, documents.landing_policy.clone())
}

/// Fields of the page's form.
#[derive(Default, serde::Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// `/password`: target of a one-time link, if the server does not have the site. Opening the page does not use up the
/// link.
async fn password(Extension(documents): Extension<Arc<Documents>>, uri: Uri) -> Response {
    let form = Query::<PasswordForm>::try_from_uri(&uri).map_or_else(|_| PasswordForm::default(), |Query(form)| form);
    password_page(&documents, &password_form(&form.token, ""))
}

/// `POST /password`: receives the form of the page.
async fn set_password(
    State(app): State<Shared>,
    Extension(documents): Extension<Arc<Documents>>,
    Extension(notes): Extension<Notes>,
    body: Body,
) -> Result<Response, ApiError> {
    /// Enough for the token and a password of 256 escaped characters.
    const FORM_BYTES_MAX: usize = 8 * 1024;
    let body = tokio::time::timeout(app.settings.body_time_max, axum::body::to_bytes(body, FORM_BYTES_MAX)).await;
    let body = body.map_err(|_elapsed| ApiError::new(ErrorKind::RequestTimeout, "The form did not arrive in time."))?;
    let form = body.ok().and_then(|body| {
        let uri = Uri::try_from([b"/?", &body[..]].concat()).ok()?;
        Query::<PasswordForm>::try_from_uri(&uri).ok()
    });
    let Query(form) = form
        .ok_or_else(|| ApiError::new(ErrorKind::MalformedRequest, "The request body is not the data of this form."))?;
    match crate::v1::membership::reset(&app, &notes, &form.token, &form.password).await {
        Ok(()) => Ok(password_page(
            &documents,
            "<p role=\"status\">Your password is set. <a href=\"sign-in\">Sign in</a> with it.</p>",
        )),
        Err(error) => {
            let mut page = password_page(&documents, &password_form(&form.token, error.detail()));
            *page.status_mut() = error.kind().status();
            Ok(page)
        }
    }
}

fn password_form(token: &str, wrong: &str) -> String {
    let token = escaped(token);
    let wrong = if wrong.is_empty() { String::new() } else { format!("<p role=\"alert\">{}</p>\n", escaped(wrong)) };
    format!(
        "{wrong}<form method=\"post\" action=\"password\">\n\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\n\
         <label for=\"password\">New password</label>\n\
         <input id=\"password\" type=\"password\" name=\"password\" minlength=\"8\" maxlength=\"256\" autocomplete=\"new-password\" aria-describedby=\"hint\" required autofocus>\n\
         <p id=\"hint\" class=\"hint\">8 to 256 characters</p>\n\
         <button>Set password</button>\n</form>"
    )
}

fn password_page(documents: &Documents, content: &str) -> Response {
    let mut page = html(documents.password.replace("{content}", content), documents.password_policy.clone());
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}

/// Address from the headers of the request. A forged header affects only its sender, who alone sees this page. If the
/// host is missing, too long, or contains a character that could be special in HTML or a shell, the default is used.
fn address(request: &HeaderMap) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b".:-[]".contains(&c);
    let host = request.get(header::HOST).and_then(|host| host.to_str().ok());
    let host =
        host.filter(|host| (1..=255).contains(&host.len()) && host.bytes().all(plain)).unwrap_or("127.0.0.1:8080");
    let is_https = request.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    format!("{}://{host}", if is_https { "https" } else { "http" })
}

/// `/errors`: the list of all errors.
async fn errors() -> Redirect {
    Redirect::permanent("docs/errors")
}

/// `/errors/{code}`: target of an error's `type`.
async fn error(Path(code): Path<String>) -> Result<String, ApiError> {
    let kind = ErrorKind::ALL.iter().find(|kind| kind.code() == code);
    let kind = kind.ok_or_else(|| ApiError::new(ErrorKind::NotFound, "There is no error with this code."))?;
    Ok(format!("{} ({})\n\n{}\n", kind.title(), kind.status().as_u16(), kind.meaning()))
}

/// `/openapi.json`
async fn openapi(request: HeaderMap) -> Response {
    // Not a `LazyLock`, for the reason at `openapi::built`.
    static TAG: OnceLock<HeaderValue> = OnceLock::new();
    let tag = TAG.get_or_init(|| {
        let digest = Sha256::digest(openapi_json().as_bytes());
        let tag: String = digest[..12].iter().map(|b| format!("{b:02x}")).collect();
        HeaderValue::try_from(format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
    });
    let headers = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if is_known(&request, tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

/// `/docs`: relative links in the page need the slash.
async fn docs_without_slash() -> Redirect {
    Redirect::permanent("docs/")
}

/// `/docs/`
async fn docs_index(request: HeaderMap) -> Response {
    swagger::file("index.html", &request).unwrap_or_else(no_such_page)
}

/// `/docs/formats`: the same text as `cupel help formats`.
async fn formats(Extension(documents): Extension<Arc<Documents>>, request: HeaderMap) -> Response {
    documents.document(&package_formats(), false, &request)
}

impl Documents {
    /// A document in Markdown: as a page for browsers, and unchanged for programs.
    fn document(&self, text: &str, is_in_folder: bool, request: &HeaderMap) -> Response {
        if !cupel_http::accepts_html(request) {
            let headers = [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                (header::CACHE_CONTROL, "no-cache"),
                (header::VARY, "accept"),
            ];
            return (headers, text.to_owned()).into_response();
        }
        let (frame, policy) = &self.frames[usize::from(is_in_folder)];
        let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("Documentation");
        let page =
            frame.replace("{title}", &escaped(&title.replace('`', ""))).replace("{content}", &html_of_document(text));
        let mut response = html(page, policy.clone());
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        response
    }

    fn page(&self, path: &str, request: &HeaderMap) -> Option<Response> {
        let path = path.strip_suffix(".md").unwrap_or(path);
        let (_, text) = PAGES.iter().find(|(known, _)| *known == path)?;
        Some(self.document(text, path.contains('/'), request))
    }
}

/// A document as HTML. Headings have the ids to which links refer, and wide tables scroll.
fn html_of_document(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, options).collect();
    for at in 0..events.len() {
        let Event::Start(Tag::Heading { .. }) = &events[at] else { continue };
        let title: String = events[at..]
            .iter()
            .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
            .filter_map(|event| match event {
                Event::Text(text) | Event::Code(text) => Some(&**text),
                _ => None,
            })
            .collect();
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
            *id = Some(fragment(&title).into());
        }
    }
    let mut page = String::with_capacity(text.len() * 2);
    pulldown_cmark::html::push_html(&mut page, events.into_iter());
    // The content security policy forbids style attributes, with which the library aligns columns.
    page.replace(" style=\"text-align: right\"", " class=\"right\"")
        .replace(" style=\"text-align: left\"", "")
        .replace(" style=\"text-align: center\"", "")
        .replace("<table>", "<div class=\"wide\"><table>")
        .replace("</table>", "</table></div>")
}

/// The id that GitHub gives to a heading, so that a link to it works both on GitHub and here.
fn fragment(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// `/docs/{folder}/{name}`
async fn page_in_folder(
    Extension(documents): Extension<Arc<Documents>>,
    Path((folder, name)): Path<(String, String)>,
    request: HeaderMap,
) -> Response {
    documents.page(&format!("{folder}/{name}"), &request).unwrap_or_else(no_such_page)
}

/// `/docs/{file}`: a document, a folder of documents, or a file of the API documentation.
async fn docs(
    Extension(documents): Extension<Arc<Documents>>,
    Path(file): Path<String>,
    request: HeaderMap,
) -> Response {
    let is_folder = PAGES.iter().any(|(path, _)| path.split_once('/').is_some_and(|(folder, _)| folder == file));
    if is_folder {
        return Redirect::temporary("start").into_response();
    }
    documents.page(&file, &request).or_else(|| swagger::file(&file, &request)).unwrap_or_else(no_such_page)
}

fn no_such_page() -> Response {
    ApiError::new(ErrorKind::NoSuchRoute, "There is no such page.").into_response()
}
