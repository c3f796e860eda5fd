//! Every error of the HTTP interface, from one enum, and its rendering as RFC 9457 `application/problem+json`.
//!
//! A client branches on `type` (or on `code`, the last part of `type`). `detail` describes the error and the remedy.
//! The log contains the `request_id`. `docs/errors.md` is generated from [`ErrorKind`], and a test compares the two.
//!
//! An [`ApiError`] becomes a response without a body that carries the error as an extension; the edge (`edge.rs`)
//! renders it with the request's dialect. The native API, and paths without a dialect, use problem documents.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::InputFaultKind;
use serde::Serialize;
use utoipa::ToSchema;

/// Suggested delay before a retry when the server's disk is full: an operator must free space first.
const DISK_FULL_RETRY: Duration = Duration::from_secs(30);

macro_rules! kinds {
    ($($kind:ident $code:literal $status:ident $title:literal $meaning:literal;)*) => {
        /// Kind of refusal: one for each case that a client may need to distinguish.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "`meaning` describes each kind, for readers of the code and of the documentation")]
        pub enum ErrorKind { $($kind,)* }

        impl ErrorKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind,)*];

            /// Stable identifier: the end of `type`, and all of `code`.
            pub const fn code(self) -> &'static str {
                match self { $(ErrorKind::$kind => $code,)* }
            }

            /// HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(ErrorKind::$kind => StatusCode::$status,)* }
            }

            /// Short title, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(ErrorKind::$kind => $title,)* }
            }

            /// When the error occurs, and the remedy.
            pub const fn meaning(self) -> &'static str {
                match self { $(ErrorKind::$kind => $meaning,)* }
            }
        }
    };
}

kinds! {
    InvalidJson "invalid-json" BAD_REQUEST "Invalid JSON"
        "The body is not valid JSON. `detail` has the line and the column.";
    InvalidUtf8 "invalid-utf8" BAD_REQUEST "Invalid UTF-8"
        "The body, the path or the query is not UTF-8. `detail` has the position of the first wrong byte in a body. Send binary data as base64.";
    InvalidParameter "invalid-parameter" BAD_REQUEST "Invalid parameter"
        "A query or path parameter is unknown, has the wrong form or is out of range.";
    InvalidHeader "invalid-header" BAD_REQUEST "Invalid header"
        "A request header has a value that the server does not accept. `detail` names the header.";
    MalformedRequest "malformed-request" BAD_REQUEST "Malformed request"
        "The server cannot read the request as HTTP.";
    Unauthorized "unauthorized" UNAUTHORIZED "Not authenticated"
        "The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key.";
    WrongCredentials "wrong-credentials" UNAUTHORIZED "Wrong credentials"
        "Login: the e-mail address, the user name or the password is wrong. The response is the same whether or not the account exists. Other operations: the old password is wrong, or a one-time link is invalid, used or expired.";
    MissingScope "missing-scope" FORBIDDEN "Missing scope"
        "The API key is valid, but it lacks the scope for this operation. `detail` names the scope.";
    CrossSite "cross-site" FORBIDDEN "Cross-site request"
        "The request was authenticated by the session cookie of a browser, or would have started a session, and does not come from this server's own site. Programs send a token or an API key instead.";
    Forbidden "forbidden" FORBIDDEN "Forbidden"
        "The account does not have the required role or is disabled, a guest needs an account, registration is closed, or the origin of a page may not open a live connection. `detail` gives the reason.";
    NotFound "not-found" NOT_FOUND "Not found"
        "The resource does not exist, or you may not see it. The response is the same in both cases.";
    NoSuchRoute "no-such-route" NOT_FOUND "No such route"
        "The server has nothing under this path. `/docs` lists all operations.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "Method not allowed"
        "The path exists, but not with this method. The `Allow` header lists the methods of the path.";
    RequestTimeout "request-timeout" REQUEST_TIMEOUT "Request timeout"
        "The request did not arrive in time. Nothing has changed; send it again.";
    Taken "taken" CONFLICT "Already taken"
        "Another account has this user name or e-mail address, or another problem or contest has this slug. `errors` names the field.";
    Conflict "conflict" CONFLICT "Conflict"
        "The present state of the resource does not allow the request. `detail` gives the reason.";
    PreconditionFailed "precondition-failed" PRECONDITION_FAILED "Precondition failed"
        "The condition in `If-Match` or `If-None-Match` is not met: another client has changed or created the resource. Nothing was changed. Read the resource again and decide.";
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE "Body too large"
        "The body has more bytes than this route accepts. `detail` has the limit.";
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "Unsupported media type"
        "The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type.";
    InputOutOfOrder "input-out-of-order" CONFLICT "Input out of order"
        "Live connections: the number of an input is larger than the next expected number. `detail` has the expected number. Nothing was sent to the program.";
    InputWindowFull "input-window-full" TOO_MANY_REQUESTS "Input window full"
        "Live connections: the program has not read enough of the earlier input. Nothing was sent to it. Send the input again after a message of type `input` reports enough free space.";
    UpgradeRequired "upgrade-required" UPGRADE_REQUIRED "Upgrade required"
        "This address accepts only live connections, and the request is not a WebSocket handshake (RFC 6455, version 13).";
    InvalidBody "invalid-body" UNPROCESSABLE_ENTITY "Invalid body"
        "The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form.";
    InvalidPackage "invalid-package" UNPROCESSABLE_ENTITY "Invalid package"
        "The problem's package is invalid, and nothing of it was stored. `errors` has every error: `pointer` is the file in the archive; `detail` has the code, the position, the error and what to do.";
    InvalidSubmission "invalid-submission" UNPROCESSABLE_ENTITY "Invalid submission"
        "The submission has errors of several kinds, or an error without a separate type. `errors` has all of them.";
    UnknownLanguage "unknown-language" UNPROCESSABLE_ENTITY "Unknown language"
        "No language has this id or alias. `detail` names the nearest language.";
    LanguageUnavailable "language-unavailable" UNPROCESSABLE_ENTITY "Language unavailable"
        "The language is known, but its toolchain is not installed here, or the problem does not accept it. `detail` has the reason.";
    SubmissionTooLarge "submission-too-large" UNPROCESSABLE_ENTITY "Submission too large"
        "A source, a file, the input or an argument is too large, or there are too many of them. `errors` names the field and the limit.";
    InvalidPath "invalid-path" UNPROCESSABLE_ENTITY "Invalid file path"
        "A file path is absolute, leaves the working directory, is used twice or has characters that are not allowed.";
    InvalidLimit "invalid-limit" UNPROCESSABLE_ENTITY "Invalid limit"
        "A limit is below its minimum or above the maximum of the language. `errors` has the bound.";
    InvalidWebhook "invalid-webhook" UNPROCESSABLE_ENTITY "Invalid webhook"
        "The webhook is not an `http` or `https` URL that this server may call.";
    IdempotencyMismatch "idempotency-mismatch" UNPROCESSABLE_ENTITY "Idempotency key reused"
        "The `Idempotency-Key` was used before with another request. Use a new key for a new request.";
    QuotaUsedUp "quota-used-up" FORBIDDEN "Quota used up"
        "You have reached the maximum number of problems, of bytes in packages or of shared programs for one user. `detail` has the numbers. Remove some, or ask the operator.";
    RateLimited "rate-limited" TOO_MANY_REQUESTS "Rate limit exceeded"
        "Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait.";
    TooManyWaiting "too-many-waiting" TOO_MANY_REQUESTS "Too many waiting"
        "You have the maximum number of waiting and scheduled submissions. Nothing was accepted. Wait until some have ended, or send the request again after `Retry-After`.";
    TooManyAttempts "too-many-attempts" TOO_MANY_REQUESTS "Too many attempts"
        "Too many registrations, guests or wrong credentials (passwords, tokens, links, tickets, join codes) from this address, too many logins of one user, or too many refreshes of one session. `Retry-After` has the seconds to wait.";
    Internal "internal" INTERNAL_SERVER_ERROR "Internal error"
        "The server failed; the request is not the cause. The server's log has the details under `request_id`.";
    QueueFull "queue-full" SERVICE_UNAVAILABLE "Queue full"
        "The queue is full. Nothing was accepted. Send the request again after `Retry-After`.";
    NoWorker "no-worker" SERVICE_UNAVAILABLE "No worker"
        "No live worker has the language, or a language of the problem's own programs. If pulls of the language's image failed, `detail` gives the reason. Nothing was accepted. Send the request again after `Retry-After`.";
    DiskFull "disk-full" SERVICE_UNAVAILABLE "Disk full"
        "A disk of the server or of its database is full. Nothing was accepted or changed. Send the request again after `Retry-After`. `/healthz` shows the operator which disk.";
    Unavailable "unavailable" SERVICE_UNAVAILABLE "Temporarily unavailable"
        "The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`.";
}

impl ErrorKind {
    /// Kind for an error status that a lower layer returned without details.
    pub fn of_status(status: StatusCode) -> ErrorKind {
        match status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            StatusCode::FORBIDDEN => ErrorKind::Forbidden,
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorKind::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => ErrorKind::RequestTimeout,
            StatusCode::PRECONDITION_FAILED => ErrorKind::PreconditionFailed,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::BodyTooLarge,
            StatusCode::UPGRADE_REQUIRED => ErrorKind::UpgradeRequired,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorKind::UnsupportedMediaType,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
            s if s.is_server_error() => ErrorKind::Internal,
            _ => ErrorKind::MalformedRequest,
        }
    }
}

/// One error at one location in the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) to the location, such as `/tests/0/stdin`; empty for the whole body. For
    /// `invalid-package`: the file in the archive.
    pub pointer: String,
    /// Description of the error.
    pub detail: String,
    /// Stable name of the kind of error, on which clients branch. Omitted if the error has no kind of its own, for
    /// example if a value has a wrong type. `docs/errors.md` lists the names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

impl FieldError {
    /// An error at this location.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> FieldError {
        FieldError { pointer: pointer.into(), detail: detail.into(), code: None }
    }

    /// Adds the code of this kind.
    #[must_use]
    pub fn of_kind(self, kind: InputFaultKind) -> FieldError {
        FieldError { code: Some(kind.code()), ..self }
    }
}

/// One refusal.
#[derive(Clone, Debug)]
pub struct ApiError {
    kind: ErrorKind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// Refusal of this kind; `detail` describes this error and the remedy.
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError { kind, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// Refusal for a resource that does not exist or belongs to another user.
    pub fn not_found(what: &'static str) -> ApiError {
        ApiError::new(ErrorKind::NotFound, format!("There is no such {what}."))
    }

    /// Failure of the server. The cause is logged and not sent to the client, except for a full disk.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> ApiError {
        if cupel_core::is_disk_full(error) {
            return ApiError::disk_full(error);
        }
        tracing::error!(error = cupel_core::chain(error), "request failed");
        ApiError::new(ErrorKind::Internal, "The server failed to answer this request. It is not your mistake.")
    }

    fn disk_full(error: &(dyn std::error::Error + 'static)) -> ApiError {
        tracing::error!(error = cupel_core::chain(error), "refused a request because a disk is full");
        let detail = "A disk of the server is full. Nothing was accepted or changed. Send the request again later, after the \
             operator has freed disk space.";
        ApiError::new(ErrorKind::DiskFull, detail).retry_after(DISK_FULL_RETRY)
    }

    /// Appends `more` to the detail; `more` begins with a space.
    #[must_use]
    pub fn and_also(mut self, more: &str) -> ApiError {
        self.detail.to_mut().push_str(more);
        self
    }

    /// Adds the errors with their locations.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> ApiError {
        self.errors = errors;
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.headers.push((name, value));
        self
    }

    /// Adds `Retry-After`, in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> ApiError {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Value of `Retry-After`, if there is one.
    pub fn seconds_to_wait(&self) -> Option<u64> {
        let (_, value) = self.headers.iter().find(|(name, _)| *name == header::RETRY_AFTER)?;
        value.to_str().ok()?.parse().ok()
    }

    /// Human-readable description of this error.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Kind of this refusal.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Error document for the request with this id.
    pub fn to_body(&self, request_id: &str) -> ErrorBody {
        let code = self.kind.code();
        ErrorBody {
            kind: format!("/errors/{code}"),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone().into_owned(),
            code: code.to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }
}

impl From<cupel_core::RateExceeded> for ApiError {
    fn from(exceeded: cupel_core::RateExceeded) -> ApiError {
        ApiError::new(ErrorKind::RateLimited, exceeded.detail).retry_after(exceeded.retry_after)
    }
}

impl From<cupel_core::CancelError> for ApiError {
    fn from(error: cupel_core::CancelError) -> Self {
        match error {
            cupel_core::CancelError::InContest | cupel_core::CancelError::Rejudge => {
                ApiError::new(ErrorKind::Conflict, error.to_string())
            }
            cupel_core::CancelError::Store(error) => error.into(),
        }
    }
}

impl From<cupel_core::StoreError> for ApiError {
    fn from(error: cupel_core::StoreError) -> ApiError {
        if cupel_core::is_disk_full(&error) {
            ApiError::disk_full(&error)
        } else if error.transient {
            tracing::warn!(error = cupel_core::chain(&error), "the store is not available");
            ApiError::new(
                ErrorKind::Unavailable,
                "The store cannot be reached at the moment. Nothing was changed; send the request again.",
            )
            .retry_after(Duration::from_secs(2))
        } else {
            ApiError::internal(&error)
        }
    }
}

impl From<cupel_core::QueueError> for ApiError {
    fn from(error: cupel_core::QueueError) -> ApiError {
        tracing::error!(error = cupel_core::chain(&error), "the queue is not available");
        ApiError::new(
            ErrorKind::Unavailable,
            "The queue cannot be reached at the moment. Nothing was accepted; send the request again.",
        )
        .retry_after(Duration::from_secs(2))
    }
}

impl IntoResponse for ApiError {
    fn into_response(mut self) -> Response {
        let mut response = self.kind.status().into_response();
        for (name, value) in self.headers.drain(..) {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Error document, RFC 9457 (`application/problem+json`).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApiError, example = json!({
    "type": "/errors/unknown-language", "title": "Unknown language", "status": 422,
    "detail": "There is no language `pyton`; did you mean `python`?", "code": "unknown-language",
    "request_id": "0199a4e2c5d07f3e", "errors": [{ "pointer": "/language", "detail": "There is no language `pyton`; did you mean `python`?" }]
}))]
pub struct ErrorBody {
    /// `/errors/<code>`: the identifier on which clients branch.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short title, the same for every occurrence of the type.
    pub title: String,
    /// HTTP status, repeated.
    pub status: u16,
    /// Human-readable description of this occurrence of the error.
    pub detail: String,
    /// The code alone.
    pub code: String,
    /// Id of this request in the log; also in the `x-request-id` header.
    pub request_id: String,
    /// Each error with its location; empty if the error is not about the body.
    pub errors: Vec<FieldError>,
}

/// Text of `docs/errors.md`.
pub fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every error of the HTTP API is an `application/problem+json` document (RFC 9457):\n\n\
         ```json\n\
         {\"type\": \"/errors/unknown-language\", \"title\": \"Unknown language\", \"status\": 422,\n \
         \"detail\": \"There is no language `pyton`; did you mean `python`?\", \"code\": \"unknown-language\",\n \
         \"request_id\": \"0199a4e2c5d07f3e\", \"errors\": [{\"pointer\": \"/language\", \"detail\": \"…\", \"code\": \"unknown-language\"}]}\n\
         ```\n\n\
         Branch on `type` or `code`: they never change their meaning. `errors` locates each fault by a JSON Pointer into the body or,\n\
         for a package, by the file in the archive. If a fault has a `code`, it is one of the [codes of single fields](#codes-of-single-fields).\n\n\
         A request whose head is not HTTP or is too long (64 KiB are always accepted) reaches no operation: it gets the status 400 or 431 without a body, and the connection is closed.\n\n\
         This page is generated from `crates/cupel-http/src/error.rs`; `UPDATE_DOCS=1 cargo test -p cupel-http errors_page` writes it.\n\n\
         | code | status | when, and what to do |\n|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let _ = writeln!(text, "| `{}` | {} | {} |", kind.code(), kind.status().as_u16(), kind.meaning());
    }
    text.push_str("\n## Codes of single fields\n\n| code in `errors` | what is wrong |\n|---|---|\n");
    for kind in InputFaultKind::ALL {
        let _ = writeln!(text, "| `{}` | {} |", kind.code(), kind.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_plain_words() {
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|k| k.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        for code in codes {
            assert!(code.bytes().all(|c| c.is_ascii_lowercase() || c == b'-' || c == b'8'), "{code}");
        }
    }

    #[test]
    fn retry_after_rounds_up_and_is_never_zero() {
        let header = |wait| ApiError::new(ErrorKind::RateLimited, "").retry_after(wait).headers[0].1.clone();
        assert_eq!(header(Duration::ZERO), "1");
        assert_eq!(header(Duration::from_millis(1001)), "2");
        assert_eq!(header(Duration::from_secs(7)), "7");
    }

    #[test]
    fn an_outage_of_the_queue_is_temporary() {
        let outage = std::io::Error::other("no broker");
        for error in [cupel_core::QueueError::Unreachable(outage.into()), cupel_core::QueueError::Closed] {
            let error = ApiError::from(error);
            assert_eq!((error.kind(), error.seconds_to_wait()), (ErrorKind::Unavailable, Some(2)));
            assert!(!error.detail().contains("broker"), "{}", error.detail());
        }
    }

    /// `UPDATE_DOCS=1` writes the page instead.
    #[test]
    fn errors_page_matches_the_enum() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let text = errors_markdown();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "docs/errors.md differs from error.rs");
    }
}
