//! Pulls an image from a registry into an OCI layout on disk. All content is verified later, when it is read from the
//! layout.
//!
//! Credentials are those of Docker (`config.json`, with its helpers). They are sent to the registry of the reference
//! and to the token service that this registry names. The token service must use HTTPS or be the registry itself. After
//! a redirect to another host, the client does not send them. If the user's own credentials cannot be read, the pull
//! continues without them, and the error for a refused access has the reason. Sources: OCI Distribution Specification
//! 1.1; Docker Registry, "Token Authentication Specification" and "OAuth2 Token Authentication".

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cupel_types::ContentHash;
use docker_credential::DockerCredential;
use oci_spec::distribution::{ParseError, Reference};
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout_at;

use super::credentials;
use crate::bounds::{FreeSpace, ImageBounds};
use crate::error::ImageError;
use crate::hashing::{hash_of, parse_digest};
use crate::pattern::glob;
use crate::plan::{CONFIG_MAX, MANIFEST_MAX, architecture, blob_path};

/// Settings for the access to registries.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// Patterns of the references that may be pulled. `*` matches any characters except `/`, and `**` matches any
    /// characters. If the list is empty, all references are allowed.
    pub allowed: Vec<String>,
    /// Hosts, with ports, that are reached by HTTP without TLS. `localhost` and the loopback addresses of IPv4 are
    /// always reached without TLS.
    pub insecure: Vec<String>,
    /// Mirrors of a host. The host itself is tried last.
    pub mirrors: Vec<(String, String)>,
    /// A file like Docker's `config.json`; `None` for the user's own file (`$DOCKER_CONFIG`, `~/.docker`).
    pub credentials: Option<PathBuf>,
    /// Socket of the Docker Engine for `docker-daemon:`; `None` for the socket of `DOCKER_HOST` or
    /// `/var/run/docker.sock`.
    pub docker_socket: Option<PathBuf>,
    /// Maximum time without a byte from the registry or engine.
    pub silence_max: Duration,
    /// Maximum time until a registry, with its mirrors, or an engine has sent the whole image.
    pub time_max: Duration,
}

impl Default for RegistryOptions {
    fn default() -> RegistryOptions {
        RegistryOptions {
            allowed: Vec::new(),
            insecure: Vec::new(),
            mirrors: Vec::new(),
            credentials: None,
            docker_socket: None,
            silence_max: Duration::from_secs(30),
            time_max: Duration::from_secs(30 * 60),
        }
    }
}

/// Maximum time to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// Maximum size of the answer of a token service, in bytes.
const TOKEN_MAX: u64 = 1 << 20;

/// Maximum number of characters of a registry's message that are included in an error.
const REASON_CHARACTERS_MAX: usize = 200;

/// Media types of manifests and indexes.
const MANIFESTS: &[&str] = &[
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

pub(super) fn parse(reference: &str) -> Result<Reference, String> {
    reference.parse().map_err(|error: ParseError| error.to_string())
}

/// The digest in a reference.
pub(super) fn digest(reference: &str) -> Option<ContentHash> {
    parse_digest(parse(reference).ok()?.digest()?).ok()
}

impl RegistryOptions {
    /// The reason of a pull that exceeded `time_max`.
    pub(super) fn too_slow(&self) -> String {
        let seconds = self.time_max.as_secs_f32();
        format!("failed: it did not send the whole image within {seconds} s (`images.registries.time_max`)")
    }

    /// Whether the operator allows an image of this source. Only images of registries can be forbidden.
    pub fn allows(&self, source: &super::Source) -> bool {
        match source {
            super::Source::Registry { reference } => parse(reference).is_ok_and(|parsed| self.allows_parsed(&parsed)),
            super::Source::Path { .. } | super::Source::Daemon { .. } => true,
        }
    }

    fn allows_parsed(&self, reference: &Reference) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|pattern| matches(pattern, reference))
    }
}

/// The fields of a manifest that a pull needs.
#[derive(Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

/// The part of a configuration with the layers' digests.
#[derive(Deserialize)]
struct Configuration {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// Downloads an image into an empty directory, and returns the digest of its manifest. Layers for which `is_known`
/// returns true are skipped. The compressed sizes of the other layers must fit into `room`.
pub(crate) fn pull(
    reference: &str,
    into: &Path,
    options: &RegistryOptions,
    bounds: &ImageBounds,
    room: FreeSpace,
    is_known: &dyn Fn(&ContentHash) -> bool,
) -> Result<ContentHash, ImageError> {
    let parsed =
        parse(reference).map_err(|reason| super::SourceError::new(&format!("docker://{reference}"), reason))?;
    if !options.allows_parsed(&parsed) {
        let reason = "the operator's settings do not allow this reference (`images.registries.allowed`)";
        return Err(super::SourceError::new(&format!("docker://{reference}"), reason).into());
    }
    // This fails if the process has already chosen a TLS implementation, which is not an error.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ImageError::io("start a runtime for", into))?;
    let mirrors = options.mirrors.iter().filter(|(host, _)| host == parsed.registry());
    let hosts = mirrors.map(|(_, mirror)| mirror.as_str()).chain([parsed.registry()]);
    let mut last = None;
    let until = (Instant::now() + options.time_max).into();
    for host in hosts {
        let there = on_host(&parsed, host);
        let pull = Pull { options, bounds, room, is_known, into, reference: &there, host };
        // An image that is refused may be one that a mirror has damaged.
        let is_mirror = host != parsed.registry();
        let is_of_host = |error: &ImageError| match error {
            ImageError::Remote { .. } => true,
            ImageError::Refused { .. } => is_mirror,
            _ => false,
        };
        let Ok(result) = runtime.block_on(async { timeout_at(until, pull.run()).await }) else {
            return Err(ImageError::remote(format!("the registry `{host}`"), &options.too_slow()));
        };
        match result {
            Err(error) if is_of_host(&error) => {
                tracing::warn!(host, error = %error, "cannot pull an image");
                last = Some(error);
            }
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| ImageError::Remote { remote: reference.to_owned(), reason: "has no host".to_owned() }))
}

/// The same image on another host.
fn on_host(reference: &Reference, host: &str) -> Reference {
    let (host, repository) = (host.to_owned(), reference.repository().to_owned());
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => Reference::with_digest(host, repository, digest.to_owned()),
        (None, tag) => Reference::with_tag(host, repository, tag.unwrap_or("latest").to_owned()),
    }
}

/// Whether a pattern of the operator matches `HOST/NAME:TAG`, or `HOST/NAME@DIGEST` if the reference has a digest,
/// which decides alone which image is pulled. A pattern may leave out the tag or the digest.
fn matches(pattern: &str, reference: &Reference) -> bool {
    let name = format!("{}/{}", reference.registry(), reference.repository());
    let full = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => format!("{name}@{digest}"),
        (None, Some(tag)) => format!("{name}:{tag}"),
        (None, None) => name.clone(),
    };
    glob(pattern.as_bytes(), full.as_bytes()) || glob(pattern.as_bytes(), name.as_bytes())
}

struct Pull<'a> {
    options: &'a RegistryOptions,
    bounds: &'a ImageBounds,
    room: FreeSpace,
    is_known: &'a dyn Fn(&ContentHash) -> bool,
    into: &'a Path,
    reference: &'a Reference,
    host: &'a str,
}

impl Pull<'_> {
    async fn run(&self) -> Result<ContentHash, ImageError> {
        let client = |redirects| {
            reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .read_timeout(self.options.silence_max)
                .redirect(redirects)
                .user_agent(concat!("cupel/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| self.failed(error))
        };
        let (http, exchange) = (client(Policy::default())?, client(Policy::none())?);
        let mut access = Access { http, exchange, login: self.login()?, authorization: None };
        // The answer names the token service, if the registry has one.
        let url = format!("{}/v2/", self.origin());
        let answer = access.send(&url, None).await.map_err(|error| self.failed(error))?;
        self.authorize(&mut access, &answer).await?;
        std::fs::create_dir_all(self.into.join("blobs/sha256")).map_err(ImageError::io("create", self.into))?;
        let wanted = self.reference.digest().map(parse_digest).transpose();
        let wanted = wanted.map_err(|reason| super::SourceError::new(&self.reference.whole(), reason))?;
        let (digest, mut manifest) = self.manifest(&mut access, self.reference, wanted).await?;
        if let Some(entries) = manifest.manifests.take() {
            let fits = |entry: &&Descriptor| {
                entry.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == architecture())
            };
            // If no entry matches, the plan reports an error that lists the available platforms.
            let Some(entry) = entries.iter().find(fits) else { return Ok(digest) };
            let inner = parse_digest(&entry.digest).map_err(|reason| ImageError::refused("the index", reason))?;
            let host = self.reference.registry().to_owned();
            let there = Reference::with_digest(host, self.reference.repository().to_owned(), entry.digest.clone());
            (_, manifest) = self.manifest(&mut access, &there, Some(inner)).await?;
        }
        let Some(config) = manifest.config else { return Ok(digest) };
        if manifest.layers.len() > self.bounds.layers_max {
            return Ok(digest);
        }
        if config.size > CONFIG_MAX {
            let reason = format!("its configuration has {} bytes; the maximum is {CONFIG_MAX}", config.size);
            return Err(ImageError::refused("the manifest", reason));
        }
        let path = self.blob(&mut access, &config).await?;
        let text = std::fs::read(&path).map_err(ImageError::io("read", &path))?;
        let diff_ids: Vec<Option<ContentHash>> = match serde_json::from_slice::<Configuration>(&text) {
            Ok(config) => config.rootfs.diff_ids.iter().map(|id| parse_digest(id).ok()).collect(),
            Err(_) => Vec::new(),
        };
        let is_known = |at: usize| diff_ids.get(at).copied().flatten().is_some_and(|id| (self.is_known)(&id));
        let missing: Vec<_> = manifest.layers.iter().enumerate().filter(|(at, _)| !is_known(*at)).collect();
        let bytes = missing.iter().fold(0u64, |sum, (_, layer)| sum.saturating_add(layer.size));
        if bytes > self.bounds.bytes_max {
            let reason = format!("its layers have {bytes} bytes, more than an image may have");
            return Err(ImageError::refused("the manifest", reason));
        }
        if let Some(needed) = bytes.checked_sub(self.room.bytes).filter(|needed| *needed > 0) {
            return Err(ImageError::Full { needed, bound: self.room.bound });
        }
        for (_, layer) in missing {
            self.blob(&mut access, layer).await?;
        }
        Ok(digest)
    }

    /// Whether the registry is reached without TLS: a registry at `localhost` or a loopback address of IPv4, or one for
    /// which the operator allows it.
    fn is_plain(&self) -> bool {
        let name = self.host.rsplit_once(':').map_or(self.host, |(name, _)| name);
        let is_local = name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
        is_local || self.options.insecure.iter().any(|host| host == self.host)
    }

    /// The credentials for the registry.
    fn login(&self) -> Result<Login, ImageError> {
        use docker_credential::DockerCredential::{IdentityToken, UsernamePassword};
        let found = match (&self.options.credentials, users_credentials()) {
            (Some(path), _) => {
                let file = File::open(path).map_err(ImageError::io("read the credentials in", path))?;
                self.credential(file)
            }
            (None, None) => Ok(None),
            (None, Some(path)) => match File::open(&path) {
                Ok(file) => self.credential(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
        };
        Ok(match found {
            Ok(Some(UsernamePassword(name, password))) => Login::Password(name, password),
            Ok(Some(IdentityToken(token))) => Login::Token(token),
            Ok(None) => Login::Anonymous { fault: None },
            Err(reason) => {
                tracing::warn!(host = self.host, reason, "cannot read the credentials for a registry");
                Login::Anonymous { fault: Some(reason) }
            }
        })
    }

    /// The credentials for the registry in a file, or of the helper that the file names; `None` if there are none.
    fn credential(&self, file: File) -> Result<Option<DockerCredential>, String> {
        // The key for Docker Hub has historical reasons (Docker CLI, `config.json`).
        let server = if self.host == "docker.io" { "https://index.docker.io/v1/" } else { self.host };
        credentials::read(file, server)
    }

    /// Chooses the authorization of further requests by the challenge in an answer of the registry.
    async fn authorize(&self, access: &mut Access, answer: &reqwest::Response) -> Result<(), ImageError> {
        let headers = answer.headers().get_all(reqwest::header::WWW_AUTHENTICATE);
        let headers = headers.iter().filter(|_| self.is_of_registry(answer));
        let challenge = headers.filter_map(|header| header.to_str().ok()).find_map(Challenge::of);
        access.authorization = match (&access.login, challenge) {
            (_, Some(challenge)) => Some(Authorization::Bearer(self.token(access, &challenge).await?)),
            (Login::Password(name, password), None) => Some(Authorization::Basic(name.clone(), password.clone())),
            // An identity token is for a token service only.
            (Login::Token(_) | Login::Anonymous { .. }, None) => None,
        };
        Ok(())
    }

    /// Whether an answer is from the registry itself. After a redirect, it is from another host, which must not choose
    /// where the credentials are sent.
    fn is_of_registry(&self, answer: &reqwest::Response) -> bool {
        reqwest::Url::parse(&self.origin()).is_ok_and(|registry| registry.origin() == answer.url().origin())
    }

    /// Requests a token from the token service that the registry names.
    async fn token(&self, access: &Access, challenge: &Challenge) -> Result<String, ImageError> {
        let remote = || format!("the token service of the registry `{}`", self.host);
        let scope = format!("repository:{}:pull", self.reference.repository());
        let mut fields = vec![("scope", scope.as_str())];
        fields.extend(challenge.service.as_deref().map(|service| ("service", service)));
        let is_secret = !matches!(access.login, Login::Anonymous { .. });
        if is_secret && !may_have_password(&challenge.realm, &format!("{}/v2/", self.origin())) {
            let reason = format!("requests the password at `{}`, which is another host without HTTPS", challenge.realm);
            return Err(ImageError::remote(format!("the registry `{}`", self.host), &reason));
        }
        let request = match &access.login {
            Login::Anonymous { .. } => access.http.get(&challenge.realm).query(&fields),
            Login::Password(name, password) => {
                access.http.get(&challenge.realm).query(&fields).basic_auth(name, Some(password))
            }
            Login::Token(token) => {
                let own = [("grant_type", "refresh_token"), ("client_id", "cupel"), ("refresh_token", token.as_str())];
                fields.extend(own);
                access.exchange.post(&challenge.realm).form(&fields)
            }
        };
        let answer = request.send().await.map_err(|error| self.failed(error))?;
        let status = answer.status();
        let text = self.read(answer, TOKEN_MAX, "the answer of the token service").await?;
        if !status.is_success() {
            let reason = format!("answered {status}{}{}", reason_of(&text), access.login.fault(status));
            return Err(ImageError::remote(remote(), &reason));
        }
        #[derive(Deserialize)]
        struct Tokens {
            token: Option<String>,
            access_token: Option<String>,
        }
        let tokens: Option<Tokens> = serde_json::from_slice(&text).ok();
        let token = tokens.and_then(|tokens| tokens.token.or(tokens.access_token));
        token.ok_or_else(|| ImageError::remote(remote(), "sent no token"))
    }

    /// Requests a part of the image. Any answer other than success is an error.
    async fn get(
        &self,
        access: &mut Access,
        path: &str,
        accept: Option<&str>,
    ) -> Result<reqwest::Response, ImageError> {
        let url = format!("{}/v2/{}/{path}", self.origin(), self.reference.repository());
        let mut answer = access.send(&url, accept).await.map_err(|error| self.failed(error))?;
        // A token is valid for some minutes, and a layer may take longer.
        if answer.status() == StatusCode::UNAUTHORIZED && access.has_token() && self.is_of_registry(&answer) {
            self.authorize(access, &answer).await?;
            answer = access.send(&url, accept).await.map_err(|error| self.failed(error))?;
        }
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = self.read(answer, MANIFEST_MAX, "the error of the registry").await?;
        let reason = format!("answered {status}{}{}", reason_of(&text), access.login.fault(status));
        Err(ImageError::remote(format!("the registry `{}`", self.host), &reason))
    }

    /// Reads an answer of at most `max` bytes; `part` is its name in errors.
    async fn read(&self, mut answer: reqwest::Response, max: u64, part: &str) -> Result<Vec<u8>, ImageError> {
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(error))? {
            text.extend_from_slice(&chunk);
            if text.len() as u64 > max {
                return Err(ImageError::refused(part, format!("it has more than {max} bytes")));
            }
        }
        Ok(text)
    }

    /// The scheme and host of the registry.
    fn origin(&self) -> String {
        let scheme = if self.is_plain() { "http" } else { "https" };
        format!("{scheme}://{}", self.reference.resolve_registry())
    }

    /// Downloads a manifest. `wanted` is its expected digest.
    async fn manifest(
        &self,
        access: &mut Access,
        reference: &Reference,
        wanted: Option<ContentHash>,
    ) -> Result<(ContentHash, Manifest), ImageError> {
        let version = reference.digest().or(reference.tag()).unwrap_or("latest");
        let answer = self.get(access, &format!("manifests/{version}"), Some(&MANIFESTS.join(", "))).await?;
        let text = self.read(answer, MANIFEST_MAX, "the manifest").await?;
        let digest = hash_of(&text);
        if let Some(wanted) = wanted
            && wanted != digest
        {
            let reason = format!("the registry sent one with the digest sha256:{digest} for sha256:{wanted}");
            return Err(ImageError::refused("the manifest", reason));
        }
        let path = self.into.join(blob_path(&digest));
        std::fs::write(&path, &text).map_err(ImageError::io("write", &path))?;
        let manifest = serde_json::from_slice(&text)
            .map_err(|error| ImageError::refused("the manifest", format!("it is not one of an image: {error}")))?;
        Ok((digest, manifest))
    }

    /// Downloads a blob, and returns its path.
    async fn blob(&self, access: &mut Access, blob: &Descriptor) -> Result<PathBuf, ImageError> {
        let digest = parse_digest(&blob.digest).map_err(|reason| ImageError::refused("the manifest", reason))?;
        let refused = |reason: String| ImageError::refused(blob.digest.as_str(), reason);
        if blob.size > self.bounds.bytes_max {
            return Err(refused(format!("it has {} bytes, more than an image may have", blob.size)));
        }
        let path = self.into.join(blob_path(&digest));
        let mut file = File::create(&path).map_err(ImageError::io("write", &path))?;
        let mut answer = self.get(access, &format!("blobs/sha256:{digest}"), None).await?;
        let (mut left, mut hash) = (blob.size, Sha256::new());
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(error))? {
            left = left
                .checked_sub(chunk.len() as u64)
                .ok_or_else(|| refused(format!("the registry sent more than the announced {} bytes", blob.size)))?;
            hash.update(&chunk);
            file.write_all(&chunk).map_err(ImageError::io("write", &path))?;
        }
        if left > 0 {
            return Err(refused(format!("the registry sent {left} bytes fewer than the announced {}", blob.size)));
        }
        let sent = ContentHash::from_bytes(hash.finalize().into());
        if sent != digest {
            return Err(refused(format!("the registry sent content with the digest sha256:{sent}")));
        }
        Ok(path)
    }

    /// A failed request. The address is left out, because after a redirect it may contain a signature.
    fn failed(&self, error: reqwest::Error) -> ImageError {
        let reason = format!("failed: {}", cupel_types::chain(&error.without_url()));
        ImageError::remote(format!("the registry `{}`", self.host), &reason)
    }
}

/// The client of one registry.
struct Access {
    http: reqwest::Client,
    /// The client for identity tokens, which are in the body of a request. It follows no redirect, because a redirect
    /// with status 307 or 308 would send the body to another host.
    exchange: reqwest::Client,
    login: Login,
    /// The authorization of requests to the registry.
    authorization: Option<Authorization>,
}

/// The operator's credentials for a registry.
enum Login {
    /// No credentials, or the reason why they cannot be used.
    Anonymous {
        fault: Option<String>,
    },
    Password(String, String),
    /// An identity token, which the token service exchanges for a token of the registry.
    Token(String),
}

impl Login {
    /// Why the credentials were not used, after an answer that refuses access.
    fn fault(&self, status: StatusCode) -> String {
        match self {
            Login::Anonymous { fault: Some(fault) }
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                format!("; the credentials were not used: {fault}")
            }
            _ => String::new(),
        }
    }
}

/// The user's own file with credentials. Source: Docker CLI.
fn users_credentials() -> Option<PathBuf> {
    // An empty variable counts as unset, as in the Docker CLI.
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")))?;
    Some(directory.join("config.json"))
}

enum Authorization {
    Basic(String, String),
    Bearer(String),
}

impl Access {
    fn has_token(&self) -> bool {
        matches!(self.authorization, Some(Authorization::Bearer(_)))
    }

    async fn send(&self, url: &str, accept: Option<&str>) -> reqwest::Result<reqwest::Response> {
        let mut request = self.http.get(url);
        if let Some(accept) = accept {
            request = request.header(reqwest::header::ACCEPT, accept);
        }
        // After a redirect to another host, the client leaves the authorization out.
        request = match &self.authorization {
            Some(Authorization::Basic(name, password)) => request.basic_auth(name, Some(password)),
            Some(Authorization::Bearer(token)) => request.bearer_auth(token),
            None => request,
        };
        request.send().await
    }
}

/// The challenge of a registry that has a token service.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    /// The address of the token service.
    realm: String,
    service: Option<String>,
}

impl Challenge {
    /// The challenge in a `WWW-Authenticate` header.
    fn of(header: &str) -> Option<Challenge> {
        let challenges = http_auth::parser::ChallengeParser::new(header).map_while(Result::ok);
        let mut bearers = challenges.filter(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"));
        let parameters = bearers.next()?.params;
        let named = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        Some(Challenge { realm: named("realm")?, service: named("service") })
    }
}

/// The first message of an error of a registry, with `: ` before it. Source: OCI Distribution Specification 1.1, "Error
/// Codes".
fn reason_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<RegistryError>,
    }
    #[derive(Deserialize)]
    struct RegistryError {
        #[serde(default)]
        message: String,
    }
    let body = serde_json::from_slice::<Body>(body).ok();
    let message = body.and_then(|body| body.errors.into_iter().next()).map(|fault| fault.message).unwrap_or_default();
    let shown: String = message.chars().filter(|c| !c.is_control()).take(REASON_CHARACTERS_MAX).collect();
    if shown.is_empty() { String::new() } else { format!(": {shown}") }
}

/// Whether the password of `registry` may be sent to a token service: by HTTPS, or if the token service is on the
/// registry's own host.
fn may_have_password(realm: &str, registry: &str) -> bool {
    let (Ok(realm), Ok(registry)) = (reqwest::Url::parse(realm), reqwest::Url::parse(registry)) else { return false };
    realm.scheme() == "https" || realm.origin() == registry.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_a_token_service_only_by_https_or_to_the_registry_itself() {
        let header = r#"Basic realm="x", Bearer realm="https://auth.example/token",service="registry.example""#;
        let (realm, service) = ("https://auth.example/token".to_owned(), Some("registry.example".to_owned()));
        assert_eq!(Challenge::of(header), Some(Challenge { realm, service }));
        assert_eq!(Challenge::of(r#"Basic realm="registry""#), None);
        for (realm, registry, expected) in [
            ("https://auth.example/token", "https://registry.example/v2/", true),
            ("http://auth.example/token", "https://registry.example/v2/", false),
            ("http://registry.example/token", "https://registry.example/v2/", false),
            ("http://127.0.0.1:5000/token", "http://127.0.0.1:5000/v2/", true),
            ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000/v2/", false),
            ("token", "https://registry.example/v2/", false),
        ] {
            assert_eq!(may_have_password(realm, registry), expected, "{realm} {registry}");
        }
    }

    #[test]
    fn an_operator_allows_references_by_patterns() {
        let reference = parse("registry.example/course/a:1").unwrap();
        for (pattern, expected) in [
            ("registry.example/course/*", true),
            ("registry.example/course/*:1", true),
            ("registry.example/*", false),
            ("registry.example/**", true),
            ("*/course/a", true),
            ("other.example/**", false),
            ("registry.example/course/a:2", false),
        ] {
            assert_eq!(matches(pattern, &reference), expected, "{pattern}");
        }
        // Only the digest decides which image is pulled.
        let digest = format!("sha256:{}", "0".repeat(64));
        let reference = parse(&format!("registry.example/course/a:1@{digest}")).unwrap();
        for (pattern, expected) in [
            ("registry.example/course/a:1", false),
            ("registry.example/course/a", true),
            (&*format!("registry.example/course/a@{digest}"), true),
        ] {
            assert_eq!(matches(pattern, &reference), expected, "{pattern}");
        }
    }
}
