//! Client of a server: its address, its credentials and its HTTP API. `live.rs` follows a run over `GET /live`.
//!
//! Everything that a server sends is untrusted: sizes are bounded, and text that is not the program's own output is
//! printed with [`harmless`].

pub(super) mod args;
mod input;
pub(super) mod limits;
pub(super) mod live;
mod proxy;
mod socket;
mod tls;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_problem::Slug;
use cupel_types::{BoxPath, Bytes};
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Uri};
use ureq::{Agent, RequestBuilder};

use self::args::{Credentials, ServerUrl};
use super::shared_args::parse_url;
use super::{Exit, Failure, OrExit};
use crate::terminal::harmless;

/// Maximum time to open a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Maximum time of one request. The server answers a request with `?wait=` much earlier.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// Maximum size of a response. A result contains all output that the server keeps.
const RESPONSE_BYTES_MAX: u64 = 128 << 20;

/// Maximum total time for which requests wait because the server's rate limit refused them, or because the server is
/// full.
const RATE_WAIT_MAX: Duration = Duration::from_secs(120);

/// Size of a request body from which the client asks the server before it sends the body. Otherwise, a server that
/// refuses the size may close the connection while the client still sends, and the client loses the reason. Source: RFC
/// 9110, section 10.1.1; curl does so from the same size on.
const EXPECT_BYTES_MIN: usize = 1 << 20;

/// Maximum size of a file with an API key.
const KEY_BYTES_MAX: u64 = 4 << 10;

/// Pause between two requests that wait for the end of a run. The server answers each of them only after some seconds.
const WAIT_PAUSE: Duration = Duration::from_millis(200);

/// A server and the credentials for it.
#[derive(Clone)]
pub(super) struct Server {
    agent: Agent,
    /// The address of its site, without a slash at the end.
    url: String,
    /// `None`: requests have no credentials.
    authorization: Option<String>,
    /// The proxy of the requests, for messages.
    proxy: Option<String>,
    tls: Arc<rustls::ClientConfig>,
}

impl Server {
    /// Reads the credentials. Opens no connection.
    pub(super) fn new(url: &str, credentials: &Credentials) -> Result<Server, Failure> {
        let key = key(credentials)?.ok_or_else(no_key)?;
        Server::with_key(url, credentials, Some(key))
    }

    /// Like [`Server::new`], for requests that need no key, such as those that read public problems.
    pub(super) fn for_readers(url: &str, credentials: &Credentials) -> Result<Server, Failure> {
        Server::with_key(url, credentials, key(credentials)?)
    }

    /// Like [`Server::new`], with a key from elsewhere.
    pub(super) fn with_key(url: &str, credentials: &Credentials, key: Option<String>) -> Result<Server, Failure> {
        let trusted = tls::trusted(credentials.ca_file.as_deref()).or_exit(Exit::Usage)?;
        let url = url.trim_end_matches('/').to_owned();
        let uri = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
        let uri = uri.ok_or_else(|| anyhow!("{url} is not the address of a server")).or_exit(Exit::Usage)?;
        let proxy = proxy::Named::of(&uri, |name| std::env::var(name).ok());
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A redirected request would lack the credentials, or its body.
            .max_redirects(0)
            .proxy(proxy.as_ref().map(|named| named.proxy.clone()))
            .tls_config(trusted.for_requests())
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_global(Some(REQUEST_MAX))
            .build()
            .into();
        Ok(Server {
            agent,
            url,
            authorization: key.map(|key| format!("Bearer {key}")),
            proxy: proxy.map(|named| named.described()),
            tls: Arc::new(trusted.for_sockets()?),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn authorized<Body>(&self, request: RequestBuilder<Body>) -> RequestBuilder<Body> {
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        let get = || self.authorized(self.agent.get(self.address(path))).call();
        self.request(&[429], get)
    }

    /// Sends a request that the server performs only once, even if it is repeated.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let (key, body) = (random_key(), body.to_string());
        self.request(&[429, 503], || {
            let request = self.authorized(self.agent.post(self.address(path)));
            let request = request.header("idempotency-key", &key).content_type("application/json");
            if body.len() < EXPECT_BYTES_MIN {
                request.send(&body)
            } else {
                request.header("expect", "100-continue").send(&body)
            }
        })
    }

    /// The final state of a run that has ended.
    pub(super) fn result(&self, run: &str) -> Result<Value, Failure> {
        let read = self.get(&format!("/execute/{run}?wait=10"));
        read.map_err(|Failure { exit, error }| Failure {
            exit,
            error: error.context(format!("cannot read the result of the run {run}")),
        })
    }

    /// Waits until a run has ended.
    pub(super) fn wait(&self, run: &str) -> Result<(), Failure> {
        while matches!(self.result(run)?["status"].as_str(), Some("queued" | "running")) {
            std::thread::sleep(WAIT_PAUSE);
        }
        Ok(())
    }

    /// Cancels a run, unless it has ended.
    pub(super) fn cancel(&self, run: &str) -> Result<Value, Failure> {
        let address = self.address(&format!("/execute/{run}"));
        self.request(&[429], || self.authorized(self.agent.delete(&address)).call())
    }

    /// The content of a file that the program of a run left behind.
    pub(super) fn artifact(&self, run: &str, path: &BoxPath, max: Bytes) -> Result<Vec<u8>, Failure> {
        let name = percent_encoding::utf8_percent_encode(path.as_str(), percent_encoding::NON_ALPHANUMERIC);
        let address = self.address(&format!("/submissions/{run}/artifacts/{name}"));
        let mut response = self.send(&[429], || self.authorized(self.agent.get(&address)).call())?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(max.get().saturating_add(1)).read_to_vec();
        match (status, body) {
            (200, Ok(data)) => Ok(data),
            (_, _) => Err(anyhow!("{} does not send the file {}: status {status}", self.url, harmless(path.as_str())))
                .or_exit(Exit::Server),
        }
    }

    fn address(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    /// Sends a request, and reads a JSON document.
    fn request(
        &self,
        busy: &[u16],
        send: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Failure> {
        let mut response = self.send(busy, send)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(RESPONSE_BYTES_MAX).read_json::<Value>();
        match (status, body) {
            (200..=299, Ok(body)) => Ok(body),
            (_, Ok(problem)) if problem["code"].is_string() => Err(refused(&self.url, status, &problem)),
            (_, _) => {
                Err(anyhow!("{} does not answer as a Cupel server: status {status}", self.url)).or_exit(Exit::Server)
            }
        }
    }

    /// Sends a request. If the server refuses it with a status in `busy`, sends it again at the time that the server
    /// names.
    fn send(
        &self,
        busy: &[u16],
        send: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let begun = Instant::now();
        loop {
            let response = send().map_err(|error| self.unreachable(error)).or_exit(Exit::Server)?;
            let status = response.status().as_u16();
            if (300..400).contains(&status) {
                return Err(redirected(&self.url, status, response.headers()));
            }
            let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
            if busy.contains(&status)
                && let Some(pause) = retry_after.map(|seconds: u64| Duration::from_secs(seconds.max(1)))
                && begun.elapsed().saturating_add(pause) <= RATE_WAIT_MAX
            {
                std::thread::sleep(pause);
                continue;
            }
            return Ok(response);
        }
    }

    fn unreachable(&self, error: ureq::Error) -> anyhow::Error {
        let error = anyhow::Error::from(error);
        unreachable(
            &self.url,
            match &self.proxy {
                Some(proxy) => error.context(proxy.clone()),
                None => error,
            },
        )
    }
}

/// The server and the name of a problem. `problem`: its name in URLs, or the URL of its page.
pub(super) fn server_and_slug(
    problem: &str,
    server_url: &ServerUrl,
    credentials: &Credentials,
    connect: impl FnOnce(&str, &Credentials) -> Result<Server, Failure>,
) -> Result<(Server, Slug), Failure> {
    let (url, slug) = match problem.rsplit_once("/problems/") {
        Some((url, slug)) if parse_url(url).is_ok() => (url, slug.trim_end_matches('/')),
        _ => (server_url.server.as_str(), problem),
    };
    let wrong = || format!("{problem:?} is neither the name of a problem nor the URL of its page");
    let slug = slug.parse().with_context(wrong).or_exit(Exit::Usage)?;
    Ok((connect(url, credentials)?, slug))
}

/// The error for a server that gives no answer.
fn unreachable(url: &str, cause: impl Into<anyhow::Error>) -> anyhow::Error {
    let hint = "check the address, and whether the server is running";
    cause.into().context(format!("cannot reach the server {url}; {hint}"))
}

/// The error for a redirection. It is not followed, because the API key is for the server that the user has named.
fn redirected(url: &str, status: u16, headers: &HeaderMap) -> Failure {
    let to = headers.get("location").and_then(|location| location.to_str().ok()).unwrap_or_default();
    let to = harmless(to.split_once("/api/v1").map_or(to, |(site, _)| site));
    let error = anyhow!("{url} does not answer, but redirects to {to} (status {status}): use that address");
    Failure { exit: Exit::Server, error }
}

/// The error for a refused request. `problem`: the server's error document.
fn refused(url: &str, status: u16, problem: &Value) -> Failure {
    let whole = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or_default();
    let mut details = vec![harmless(whole)];
    // The detail of the document is that of the first error, perhaps with the place in front.
    let faults = problem["errors"].as_array().into_iter().flatten().filter_map(|fault| fault["detail"].as_str());
    details.extend(
        faults.enumerate().filter(|(i, fault)| *i > 0 || !whole.ends_with(fault)).map(|(_, fault)| harmless(fault)),
    );
    details.dedup();
    let detail = details.join("\n  ");
    let (exit, what) = match status {
        401 => (Exit::Auth, format!("{url} refused the API key: {detail}")),
        403 => (Exit::Auth, format!("the API key does not permit this on {url}: {detail}")),
        404 => (Exit::NotFound, format!("not found on {url}: {detail}")),
        400 | 409 | 413 | 415 | 422 => (Exit::Usage, format!("{url} refused the request: {detail}")),
        429 => (Exit::Server, format!("the rate limit of {url} is used up: {detail}")),
        _ => (Exit::Server, format!("{url} failed (status {status}): {detail}")),
    };
    Failure { exit, error: anyhow!(what) }
}

/// The error for a command that needs an API key.
pub(super) fn no_key() -> Failure {
    let hint = "set CUPEL_API_KEY, or name a file with --key-file; `cupel key create` on the server prints a key";
    Failure { exit: Exit::Auth, error: anyhow!("there is no API key: {hint}") }
}

/// Reads the API key, if there is one.
pub(super) fn key(credentials: &Credentials) -> Result<Option<String>, Failure> {
    let text = match &credentials.key_file {
        Some(path) => {
            let cannot = || format!("cannot read the API key in {}", path.display());
            let file = std::fs::File::open(path).with_context(cannot).or_exit(Exit::Usage)?;
            let mut text = String::new();
            file.take(KEY_BYTES_MAX).read_to_string(&mut text).with_context(cannot).or_exit(Exit::Usage)?;
            text
        }
        None => std::env::var("CUPEL_API_KEY").unwrap_or_default(),
    };
    key_in(&text)
}

/// Returns the API key in a text: without a byte order mark, and without spaces and line ends around it. `None`: the
/// text is empty.
pub(super) fn key_in(text: &str) -> Result<Option<String>, Failure> {
    let key = text.trim_start_matches('\u{feff}').trim();
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(anyhow!("the API key has characters that no key has")).or_exit(Exit::Auth);
    }
    Ok((!key.is_empty()).then(|| key.to_owned()))
}

/// The id of the submission in the server's answer.
pub(super) fn submitted(answer: &Value) -> Result<String, Failure> {
    let id = answer["submission_id"].as_str().context("the server did not name the submission");
    id.map(str::to_owned).or_exit(Exit::Server)
}

/// A new idempotency key.
pub(super) fn random_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The fields of a request that name a program: `language`, and `files` or `source_code`.
pub(super) fn source_fields(language: &str, file: Option<&BoxPath>, source: &[u8]) -> Value {
    match (file, std::str::from_utf8(source)) {
        (None, Ok(text)) => json!({ "language": language, "source_code": text }),
        (file, _) => {
            let path = file.map_or("main", BoxPath::as_str);
            json!({ "language": language, "files": [{ "path": path, "content_base64": BASE64_STANDARD.encode(source) }] })
        }
    }
}
