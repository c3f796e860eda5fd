//! OpenAPI 3.1 document, built once from the handlers.
//!
//! Each handler documents only its own responses. This file adds the common responses, so that no handler can omit
//! them: those of all operations, those of operations that identify their callers (401, 429, and 403 if an API key
//! needs a scope) and those of operations with a body (413, …).

use std::sync::OnceLock;

use axum::http::Method;
use cupel_http::app::Shared;
use cupel_http::auth::Who;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder,
    ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::v1::{parameters, webhook_event};
use crate::{access, rules};

const DESCRIPTION: &str = "Runs untrusted programs and judges submissions to problems.\n\n\
Register, log in, send the access token as `Authorization: Bearer`, and submit a program to `POST /api/v1/execute`. \
API keys (`cup_…`) are sent the same way. An API key may call only the operations whose scopes it has; each operation \
names its scope.\n\n\
`GET /api/v1/live` is a WebSocket that starts and follows many runs; [Live runs](/docs/live) describes its messages. \
The same events are available by [Socket.IO](/docs/socketio).\n\n\
Every error is an `application/problem+json` document (RFC 9457); branch on `type`. [Errors](/docs/errors) lists all of \
them. [Webhooks](/docs/webhooks) describes the requests that Cupel sends.\n\n\
[Formats of problem packages](/docs/formats)\n\n\
Clients of other products can use this server with another base URL: [Judge0](/docs/facades/judge0), \
[Piston](/docs/facades/piston), [SandboxFusion](/docs/facades/sandboxfusion), [Jobe](/docs/facades/jobe). Steps and \
differences: migrating from \
[Judge0](/docs/migrating/judge0), [Piston](/docs/migrating/piston), [SandboxFusion](/docs/migrating/sandboxfusion), \
[Jobe](/docs/migrating/jobe)";

/// Routes of the whole native API, and its document. All servers of a process share them. The static does not name
/// [`build`], as a `LazyLock` would: the compiler compiles what a static names even if nothing uses the static, so the
/// unit tests of this crate would contain all handlers.
fn built() -> &'static (axum::Router<Shared>, OpenApi) {
    static BUILT: OnceLock<(axum::Router<Shared>, OpenApi)> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// Routes of the whole native API.
pub(crate) fn routes() -> axum::Router<Shared> {
    built().0.clone()
}

/// The document as JSON, for `cupel openapi` and `/openapi.json`. It is made at the first call, so that the start of a
/// server does not wait for it.
pub fn openapi_json() -> &'static str {
    static JSON: OnceLock<String> = OnceLock::new();
    // The document consists of strings and maps, so it always serializes.
    JSON.get_or_init(|| built().1.to_pretty_json().unwrap_or_default())
}

fn build() -> (axum::Router<Shared>, OpenApi) {
    let (router, mut document) =
        OpenApiRouter::with_openapi(skeleton()).nest("/api/v1", crate::v1::routes()).split_for_parts();
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::DELETE, &mut item.delete),
            (Method::PATCH, &mut item.patch),
            (Method::PUT, &mut item.put),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            add_who(operation, access::who(&method, path));
            let identifies = !IDENTIFY_NOBODY.contains(&(method, path.as_str()));
            add_common_responses(operation, identifies);
            add_error_examples(operation);
            absent_rather_than_null(operation);
            rules::add_to_parameters(operation);
        }
    }
    rules::add_to_bodies(&mut document);
    webhook_event::add_to(&mut document);
    (parameters::check(router, &document), document)
}

fn skeleton() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Cupel")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let tag = |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    let mut document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").description(Some("This server")).build()]))
        .tags(Some([
            tag("execute", "Run programs"),
            tag("submissions", "Submissions: lists, results, webhooks"),
            tag("problems", "Problems: statements, solutions, leaderboards"),
            tag("authoring", "Authoring: import, verification and management of problems"),
            tag("contests", "Contests: participation, standings, organization"),
            tag("languages", "Programming languages"),
            tag("auth", "Accounts, tokens and keys"),
            tag("admin", "For administrators"),
        ]))
        .build();
    let components = document.components.get_or_insert_default();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("JWT or API key".to_owned());
    bearer.description = Some(
        "An access token from `/auth/login`, or an API key. An API key needs the scopes listed for the operation."
            .to_owned(),
    );
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let session = ApiKeyValue::with_description(
        "cupel_session",
        "The session of a browser, from `POST /session`. A request that changes something also needs `X-Cupel-Site`.",
    );
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    let mut schemas = vec![("ApiError".to_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    document
}

/// Adds the permitted callers: as a sentence for people and as `x-callers` for programs.
fn add_who(operation: &mut Operation, who: Option<Who>) {
    let Some(who) = who else { return };
    let description = operation.description.take().filter(|description| !description.is_empty());
    let mut callers = who.sentence().to_owned();
    if let Some(scope) = who.scope() {
        callers.push_str(&format!(" An API key needs the scope `{}`.", scope.as_str()));
    }
    operation.description = Some(match description {
        Some(description) => format!("{description}\n\n{callers}"),
        None => callers,
    });
    operation.security = who.scope().map(|scope| {
        let none: [&str; 0] = [];
        vec![SecurityRequirement::new("bearer", [scope.as_str()]), SecurityRequirement::new("session", none)]
    });
    operation.extensions.get_or_insert_default().insert("x-callers".to_owned(), who.name().into());
}

/// Operations without any of the extractors `Caller`, `Anybody`, `Visitor` and `Follower`. They ignore the credential
/// of the request, and have other rate limits instead of that of reads.
const IDENTIFY_NOBODY: &[(Method, &str)] = &[
    (Method::POST, "/api/v1/auth/register"),
    (Method::POST, "/api/v1/auth/login"),
    (Method::POST, "/api/v1/auth/refresh"),
    (Method::POST, "/api/v1/auth/password/reset"),
    (Method::POST, "/api/v1/session"),
];

/// `identifies`: whether the operation identifies its caller and charges a read.
fn add_common_responses(operation: &mut Operation, identifies: bool) {
    // Every operation refuses unknown query parameters.
    let mut common = vec![ErrorKind::Internal, ErrorKind::Unavailable, ErrorKind::InvalidParameter];
    if identifies {
        common.extend([ErrorKind::Unauthorized, ErrorKind::RateLimited]);
    }
    if operation.security.is_some() {
        common.push(ErrorKind::MissingScope);
    }
    if operation.request_body.is_some() {
        common.extend([
            ErrorKind::InvalidJson,
            ErrorKind::InvalidBody,
            ErrorKind::BodyTooLarge,
            ErrorKind::UnsupportedMediaType,
            ErrorKind::RequestTimeout,
        ]);
    }
    for kind in common {
        let status = kind.status().as_u16().to_string();
        operation.responses.responses.entry(status).or_insert_with(|| RefOr::T(problem_response(kind)));
    }
}

/// Removes `null` from the types of optional parameters: such a parameter is omitted, not sent as `null`.
fn absent_rather_than_null(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema else { continue };
        if let SchemaType::Array(types) = &object.schema_type
            && let Some(one) = types.iter().find(|t| **t != Type::Null)
        {
            object.schema_type = SchemaType::Type(one.clone());
        }
    }
}

/// The error that the example of a status shows, if the response does not name another one.
const USUAL: [ErrorKind; 14] = [
    ErrorKind::InvalidParameter,
    ErrorKind::Unauthorized,
    ErrorKind::Forbidden,
    ErrorKind::NotFound,
    ErrorKind::RequestTimeout,
    ErrorKind::Conflict,
    ErrorKind::PreconditionFailed,
    ErrorKind::BodyTooLarge,
    ErrorKind::UnsupportedMediaType,
    ErrorKind::InvalidBody,
    ErrorKind::UpgradeRequired,
    ErrorKind::RateLimited,
    ErrorKind::Internal,
    ErrorKind::Unavailable,
];

/// Adds to each error response an example that has the status of this response. Without it, readers see the example of
/// the schema, which has the status 422.
fn add_error_examples(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let (Ok(status), RefOr::T(response)) = (status.parse::<u16>(), response) else { continue };
        let described = ErrorKind::ALL.iter().find(|kind| kind.meaning() == response.description);
        // If an operation needs no credential and describes 401 itself, 401 also means that the password, token or link
        // in its body is wrong.
        let usual = if status == 401 && operation.security.is_none() {
            Some(&ErrorKind::WrongCredentials)
        } else {
            USUAL.iter().find(|kind| kind.status().as_u16() == status)
        };
        let content = response.content.get_mut("application/problem+json");
        let (Some(kind), Some(RefOr::T(content))) = (described.or(usual), content) else { continue };
        let detail = kind.meaning().split_inclusive(". ").next().unwrap_or_default().trim_end();
        let example = ApiError::new(*kind, detail).to_body("0199a4e2c5d07f3e");
        content.example = content.example.take().or_else(|| serde_json::to_value(example).ok());
    }
}

fn problem_response(kind: ErrorKind) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ApiError"))).build();
    let response = ResponseBuilder::new().description(kind.meaning()).content("application/problem+json", content);
    response.build()
}
