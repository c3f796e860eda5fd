//! The site: the files into which `web/` was built, compressed in advance (except fonts, whose format is compressed),
//! and the routes that serve them.
//!
//! `scripts/build-site.sh` builds and compresses the site into `web/dist`, which this crate embeds. Without that
//! folder, as in a build without Node.js, the crate serves a page that says how to build the site. The site is in a
//! separate crate, so that a change to the site recompiles only this small crate and not the API.
//!
//! *Invariants:* every page loads from this server only, and its content security policy allows neither inline scripts
//! nor inline styles. The name of a file below `assets/` contains a hash of its content, so the content behind a name
//! never changes. Every other response is revalidated. Only the routes of the site get its page with status 200: the
//! paths of the API, of its documentation and of the facades are not among them.
//!
//! The site works below any path: its page has relative links and a `<base>`, which is the path of the server's public
//! address. A proxy removes that path from requests.
#![forbid(unsafe_code)]

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use cupel_http::base_path;
use cupel_http::compressed::{Gzipped, accepts, encoded};

/// An embedded file.
struct File {
    /// Path below the site's root.
    path: &'static str,
    content: Content,
}

// A build without Node.js embeds no file. Lints are checked in such a build, too.
#[allow(dead_code, reason = "the build script constructs the variants that the site needs, if any")]
enum Content {
    Plain(&'static [u8]),
    Compressed { brotli: &'static [u8], gzip: Gzipped },
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Paths that show the site's page: those of `web/src/routes.tsx`, where `$name` is `{name}`.
const PAGES: [&str; 12] = [
    "/",
    "/problems",
    "/problems/{slug}",
    "/playground",
    EMBEDDABLE,
    "/contests",
    "/contests/{slug}",
    "/sign-in",
    "/register",
    "/password",
    "/account",
    "/admin",
];

/// The page that other sites may show in a frame, if the operator names them: a shared program.
const EMBEDDABLE: &str = "/p/{id}";

/// The element of the built page that is replaced by the actual base.
const BASE: &str = "<base href=\"/\">";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors ";

/// Policy of a page that pages of these origins may show in a frame.
fn policy(embed_origins: &[String]) -> HeaderValue {
    let origins = if embed_origins.is_empty() { "'none'".to_owned() } else { embed_origins.join(" ") };
    // A semicolon would begin another directive; the configuration refuses it, as it does other special characters.
    let is_plain = !origins.contains(';');
    let text = format!("{POLICY}{}", if is_plain { &origins } else { "'none'" });
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

/// The content behind a hashed name never changes. Source: RFC 8246.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// Whether this binary contains the site.
pub fn is_built() -> bool {
    page_of(&FILES).is_some()
}

/// Path of the font of the site's texts, below the site's root, for other pages of this server. `None` if this binary
/// does not contain the site.
pub fn font() -> Option<&'static str> {
    let is_font = |path: &str| path.starts_with("assets/inter-") && path.ends_with(".woff2");
    FILES.iter().map(|file| file.path).find(|path| is_font(path))
}

/// Routes of the site, or of a page that says how to build it. `public_url` is the server's address for browsers. Pages
/// of `embed_origins` may show shared programs in a frame.
pub fn routes<S: Clone + Send + Sync + 'static>(public_url: &str, embed_origins: &[String]) -> Router<S> {
    routes_of(&FILES, public_url, embed_origins)
}

/// Returns the page for an unknown address, with status 404: the site, which says that there is no such page. `None` if
/// this binary does not contain the site.
pub fn not_found(public_url: &str) -> Option<impl Fn() -> Response + use<>> {
    not_found_of(&FILES, public_url)
}

fn not_found_of(files: &'static [File], public_url: &str) -> Option<impl Fn() -> Response + use<>> {
    let page = site_page(files, public_url)?;
    Some(move || (StatusCode::NOT_FOUND, page.clone()).into_response())
}

/// The site's page, based on the path of the public address.
fn site_page(files: &'static [File], public_url: &str) -> Option<Page> {
    let text = page_of(files)?.replace(BASE, &format!("<base href=\"{}\">", base_path(public_url))).into();
    Some(Page { text, policy: policy(&[]) })
}

fn page_of(files: &[File]) -> Option<String> {
    let page = files.iter().find(|file| file.path == "index.html")?;
    let Content::Compressed { gzip, .. } = &page.content else { return None };
    String::from_utf8(gzip.plain().ok()?.to_vec()).ok()
}

fn routes_of<S: Clone + Send + Sync + 'static>(
    files: &'static [File],
    public_url: &str,
    embed_origins: &[String],
) -> Router<S> {
    let Some(page) = site_page(files, public_url) else {
        let page = Page { text: include_str!("unbuilt.html").into(), policy: policy(&[]) };
        return Router::new().route("/", get(async move || page.clone()));
    };
    let mut router = Router::new();
    for path in PAGES {
        let mut page = page.clone();
        if path == EMBEDDABLE {
            page.policy = policy(embed_origins);
        }
        router = router.route(path, get(async move || page.clone()));
    }
    for file in files.iter().filter(|file| file.path != "index.html") {
        let path = format!("/{}", file.path);
        router = router.route(&path, get(async move |request: HeaderMap| file.answer(&request)));
    }
    router
}

/// The page. It is small, so it is sent uncompressed.
#[derive(Clone)]
struct Page {
    text: std::sync::Arc<str>,
    policy: HeaderValue,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, self.policy),
            (header::CACHE_CONTROL, REVALIDATED),
        ];
        (headers, self.text.to_string()).into_response()
    }
}

impl File {
    fn answer(&'static self, request: &HeaderMap) -> Response {
        let is_hashed = self.path.starts_with("assets/");
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static(media_type(self.path))),
            (header::CACHE_CONTROL, if is_hashed { FOREVER } else { REVALIDATED }),
        ]);
        match &self.content {
            Content::Plain(bytes) => (headers, Bytes::from_static(bytes)).into_response(),
            Content::Compressed { brotli, .. } if accepts(request, "br") => {
                encoded(headers, HeaderValue::from_static("br"), brotli)
            }
            Content::Compressed { gzip, .. } => gzip.response(request, headers),
        }
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::LazyLock;

    use axum::body::Body;
    use axum::http::Request;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    static BUILT: LazyLock<Vec<File>> = LazyLock::new(|| {
        let file = |path, content: &str| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(content.as_bytes()).unwrap();
            let gzip = Gzipped::new(gzip.finish().unwrap().leak());
            File { path, content: Content::Compressed { brotli: b"br", gzip } }
        };
        vec![
            file("index.html", "<base href=\"/\"><p>site"),
            file("theme.js", "plain"),
            file("assets/index-abc.js", "plain"),
            File { path: "assets/inter-abc.woff2", content: Content::Plain(b"font") },
        ]
    });

    async fn answer(router: Router, path: &str, encodings: &str) -> (u16, HeaderMap, String) {
        let request = Request::get(path).header("accept-encoding", encodings).body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    fn site(public_url: &str) -> Router {
        routes_of(&BUILT, public_url, &[])
    }

    #[tokio::test]
    async fn only_a_shared_program_is_shown_in_frames_and_only_by_the_origins_that_the_operator_names() {
        let policy_of = async |path: &str, origins: &[&str]| {
            let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
            let (_, headers, _) = answer(routes_of(&BUILT, "http://a", &origins), path, "").await;
            let policy = headers["content-security-policy"].to_str().unwrap();
            policy.split_once("frame-ancestors ").unwrap().1.to_owned()
        };
        let two = ["https://a.example", "http://b.example:8080"];
        assert_eq!(policy_of("/p/abc", &two).await, "https://a.example http://b.example:8080");
        assert_eq!(policy_of("/p/abc", &[]).await, "'none'");
        assert_eq!(policy_of("/p/abc", &["https://a.example; script-src *"]).await, "'none'");
        for path in ["/", "/playground", "/sign-in", "/problems/two-sum"] {
            assert_eq!(policy_of(path, &two).await, "'none'", "{path}");
        }
    }

    #[tokio::test]
    async fn every_route_of_the_site_shows_its_page_and_no_other_path_does() {
        for path in [
            "/",
            "/problems",
            "/problems/two-sum",
            "/p/abc",
            "/contests",
            "/contests/spring",
            "/sign-in",
            "/register",
            "/password",
            "/account",
            "/admin",
        ] {
            let (status, headers, body) = answer(site("http://127.0.0.1:8080"), path, "br").await;
            assert_eq!((status, body.contains("<p>site")), (200, true), "{path}");
            assert_eq!(headers["cache-control"], "no-cache");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
        for path in ["/api/v1/none", "/docs/none", "/errors/none", "/sandboxfusion/run_code", "/none", "/index.html"] {
            assert_eq!(answer(site("http://127.0.0.1:8080"), path, "br").await.0, 404, "{path}");
        }
    }

    #[test]
    fn an_unknown_address_shows_the_site_with_status_404() {
        let page = not_found_of(&BUILT, "https://judge.example/cupel").unwrap()();
        assert_eq!(page.status(), 404);
        assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert!(not_found_of(&[], "http://a").is_none());
    }

    #[tokio::test]
    async fn hashed_files_never_change_and_others_are_revalidated() {
        let (_, headers, _) = answer(site("http://a"), "/assets/index-abc.js", "").await;
        assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
        let (_, headers, _) = answer(site("http://a"), "/theme.js", "").await;
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(answer(site("http://a"), "/assets/index-abd.js", "").await.0, 404);
    }

    #[tokio::test]
    async fn a_file_is_sent_in_the_best_encoding_that_the_client_accepts() {
        for (encodings, encoding, body) in [
            ("gzip, deflate, br, zstd", Some("br"), "br"),
            ("gzip;q=1.0, br;q=0", Some("gzip"), "\u{1f}\u{fffd}"),
            ("gzip", Some("gzip"), "\u{1f}\u{fffd}"),
            ("identity", None, "plain"),
            ("", None, "plain"),
        ] {
            let (_, headers, sent) = answer(site("http://a"), "/theme.js", encodings).await;
            assert_eq!(headers.get("content-encoding").map(|v| v.to_str().unwrap()), encoding, "{encodings}");
            assert!(sent.starts_with(body), "{encodings}: {sent:?}");
            assert_eq!(headers["vary"], "accept-encoding");
        }
    }

    #[tokio::test]
    async fn a_font_is_sent_as_it_is() {
        let (_, headers, sent) = answer(site("http://a"), "/assets/inter-abc.woff2", "gzip, br").await;
        assert_eq!((headers.get("content-encoding"), sent.as_str()), (None, "font"));
        assert_eq!(headers["content-type"], "font/woff2");
    }

    #[tokio::test]
    async fn the_page_is_based_on_the_path_of_the_public_address() {
        for (url, base) in [
            ("http://127.0.0.1:8080", "/"),
            ("https://judge.example/", "/"),
            ("https://judge.example/cupel", "/cupel/"),
            ("https://judge.example/a/b/", "/a/b/"),
            ("https://judge.example/a'b", "/"),
        ] {
            let (_, _, body) = answer(site(url), "/problems", "").await;
            assert!(body.starts_with(&format!("<base href=\"{base}\">")), "{url}: {body}");
        }
    }

    #[tokio::test]
    async fn without_the_site_the_root_page_explains_how_to_build_it() {
        let (status, _, body) = answer(routes_of(&[], "http://a", &[]), "/", "").await;
        assert_eq!((status, body.contains("make build")), (200, true));
        assert_eq!(answer(routes_of(&[], "http://a", &[]), "/problems", "").await.0, 404);
    }

    #[test]
    fn the_pages_are_the_routes_of_the_site() {
        let routes = include_str!("../../../web/src/routes.tsx");
        let paths = routes.split("path: '").skip(1).filter_map(|rest| rest.split('\'').next());
        let mut paths: Vec<String> = paths.map(|path| path.replace("$slug", "{slug}").replace("$id", "{id}")).collect();
        paths.sort();
        let mut pages = PAGES.map(str::to_owned);
        pages.sort();
        assert_eq!(paths, pages);
    }
}
