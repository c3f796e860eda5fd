//! Parsing of client input: JSON bodies, query strings and path parameters, each error with its location.
//!
//! A body is read frame by frame with a size limit and a deadline, so that neither a large body nor a slow client holds
//! resources for long. Bodies that arrive slowly have only a part of the memory for bodies. serde_json bounds nesting
//! (128 levels), `lists.rs` bounds lists.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use cupel_types::UserId;
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;

use crate::app::Shared;
use crate::budget::Held;
use crate::error::{ApiError, ErrorKind, FieldError};
use crate::notes::Notes;
use crate::object::Object;
use crate::suggest::nearest;
use crate::{lists, missing, numbers};

/// JSON body of ordinary size.
pub struct JsonBody<T>(pub T);

/// JSON body that carries submissions, with its bytes for the idempotency hash.
pub struct SubmissionBody<T> {
    /// The value.
    pub value: T,
    /// The body as it was sent.
    pub bytes: Bytes,
    /// The body's share of the memory budget; held until core has taken over the submissions.
    pub held: Option<Held>,
}

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let bytes = read(request, app.settings.body_bytes_max, app, None).await?;
        parse(&bytes).map(JsonBody)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for SubmissionBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        is_plain(request.headers(), "application/json")?;
        let (bytes, held) = submission_bytes(request, app).await?;
        let value = lists::within(app.core.bounds(), || parse(&bytes))?;
        Ok(SubmissionBody { value, bytes, held })
    }
}

/// Maximum size of a guest's body that carries a submission. A guest may send 1 MiB of sources and input
/// ([`cupel_core::accounts::GuestFault::Bytes`]); in JSON, it takes twice as much if every second character is escaped.
const GUEST_BODY_BYTES_MAX: usize = (2 << 20) + (64 << 10);

/// Bytes of a body of any type that carries a submission, with its share of the memory budget for bodies. The handler's
/// extractors must have identified the user before this call.
///
/// # Errors
///
/// If the body is too large, too slow or truncated, or the memory budget for bodies is exhausted.
pub async fn submission_bytes(request: Request, app: &Shared) -> Result<(Bytes, Option<Held>), ApiError> {
    let user = request.extensions().get::<Notes>().and_then(Notes::user);
    let mut held = user.map(|user| app.bodies.hold(user));
    let most = app.settings.execute_body_bytes_max;
    let most = if user.is_some_and(UserId::is_guest) { most.min(GUEST_BODY_BYTES_MAX) } else { most };
    let bytes = read_any(request, most, app, held.as_mut()).await?;
    Ok((bytes, held))
}

/// Maximum size of a CSV file of users.
const CSV_BYTES_MAX: usize = 1 << 20;

/// CSV body.
pub struct CsvBody(pub Bytes);

impl FromRequest<Shared> for CsvBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        is_plain(request.headers(), "text/csv")?;
        let bytes = read_any(request, CSV_BYTES_MAX, app, None).await?;
        Ok(CsvBody(bytes))
    }
}

async fn read(request: Request, bytes_max: usize, app: &Shared, held: Option<&mut Held>) -> Result<Bytes, ApiError> {
    is_plain(request.headers(), "application/json")?;
    read_any(request, bytes_max, app, held).await
}

/// The part of the maximum time after which a body that has not arrived is slow.
const SLOW_AFTER_PART: u32 = 6;

async fn read_any(
    request: Request,
    bytes_max: usize,
    app: &Shared,
    mut held: Option<&mut Held>,
) -> Result<Bytes, ApiError> {
    let too_large =
        || ApiError::new(ErrorKind::BodyTooLarge, format!("The body may have at most {bytes_max} bytes here."));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    let begun = tokio::time::Instant::now();
    let deadline = begun + app.settings.body_time_max;
    let slow_from = begun + app.settings.body_time_max / SLOW_AFTER_PART;
    let mut slow: Option<Held> = None;
    let mut body: Body = request.into_body();
    let mut bytes = BytesMut::new();
    loop {
        let user = held.as_ref().filter(|_| slow.is_none()).map(|held| held.user);
        let wait_until = user.map_or(deadline, |_| slow_from);
        let frame = match (tokio::time::timeout_at(wait_until, body.frame()).await, user) {
            (Ok(frame), _) => frame,
            (Err(_elapsed), Some(user)) => {
                slow.insert(app.slow_bodies.hold(user)).more(bytes.len())?;
                continue;
            }
            (Err(_elapsed), None) => {
                let seconds = app.settings.body_time_max.as_secs();
                let detail = format!("The body did not arrive within {seconds} s.");
                return Err(ApiError::new(ErrorKind::RequestTimeout, detail));
            }
        };
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Err(_broken)) => {
                return Err(ApiError::new(
                    ErrorKind::MalformedRequest,
                    "The body ended too early or is not framed correctly.",
                ));
            }
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > bytes_max {
                    return Err(too_large());
                }
                if let Some(held) = &mut held {
                    held.more(data.len())?;
                }
                if let Some(slow) = &mut slow {
                    slow.more(data.len())?;
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

fn is_plain(headers: &HeaderMap, expected: &str) -> Result<(), ApiError> {
    let refuse = |detail: String| Err(ApiError::new(ErrorKind::UnsupportedMediaType, detail));
    if headers.get(header::CONTENT_ENCODING).is_some_and(|e| e != "identity") {
        return refuse("Send the body without content encoding.".into());
    }
    let essence = match headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) {
        None => return refuse(format!("Send `Content-Type: {expected}`.")),
        Some(Err(_)) => "",
        Some(Ok(text)) => text.split(';').next().unwrap_or("").trim(),
    };
    if essence.eq_ignore_ascii_case(expected) { Ok(()) } else { refuse(format!("The body must be `{expected}`.")) }
}

/// Parses a JSON object.
///
/// # Errors
///
/// If the body is not UTF-8, is not JSON or does not have the form of `T`. The error has the location.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("The body is not UTF-8 at byte {}. Send binary data as base64.", error.valid_up_to());
        ApiError::new(ErrorKind::InvalidUtf8, detail)
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(Object(value)) => {
            json.end().map_err(|error| syntax(&error))?;
            Ok(value)
        }
        Err(error) => {
            // The parser may refuse a field before it reaches a syntax error.
            serde_json::from_str::<IgnoredAny>(text).map_err(|broken| syntax(&broken))?;
            if error.inner().to_string().contains(FLOATING_POINT) {
                let integers = numbers::integers_without_fraction(text);
                if integers != text {
                    return parse(integers.as_bytes());
                }
            }
            let path = error.path().clone();
            let error = error.into_inner();
            let missing = missing::fields::<T>(text, &path, &error);
            Err(if missing.len() > 1 { missing::fault(missing) } else { fault(&path, &error) })
        }
    }
}

/// Serde's words for a number with a fraction or an exponent where an integer is required. JSON Schema: `1.0` is an
/// integer.
const FLOATING_POINT: &str = "invalid type: floating point";

fn fault(path: &serde_path_to_error::Path, error: &serde_json::Error) -> ApiError {
    let (mut pointer, message) = (pointer(path), without_position(error));
    let (kind, detail) = match lists::too_many(&message) {
        Some(detail) => (ErrorKind::SubmissionTooLarge, detail.to_owned()),
        None if is_invalid_escape(error, &message) => return syntax(error),
        None => (ErrorKind::InvalidBody, describe(&message, &mut pointer)),
    };
    ApiError::new(kind, detail.clone()).with_errors(vec![FieldError::new(pointer, detail)])
}

/// Whether the error is a malformed `\u` escape, or one that encodes no character. serde_json and this server reject
/// such a body as invalid JSON. serde_json does not check the escapes of skipped values, so a second parse that skips
/// every value does not find this error. The other errors that are not about data can occur in valid JSON: a number out
/// of range, deep nesting, a number as a name.
fn is_invalid_escape(error: &serde_json::Error, message: &str) -> bool {
    !error.is_data() && (message.contains("hex escape") || message.contains("unicode"))
}

/// Error messages of serde_json.
const NUMBER_OUT_OF_RANGE: &str = "number out of range";
const TOO_DEEP: &str = "recursion limit exceeded";

fn syntax(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let text = without_position(error);
    let reason = match text.as_str() {
        _ if error.is_eof() => "it ends before it is complete",
        "trailing characters" => "there is data after the end of the JSON value",
        "trailing comma" => "a comma has nothing after it",
        "key must be a string" => "the name of a field must be in double quotes",
        "expected value" => "a value is missing",
        "expected `:`" => "a colon is missing",
        "expected `,` or `]`" => "a comma or `]` is missing",
        "expected `,` or `}`" => "a comma or `}` is missing",
        "invalid number" => "a number is malformed",
        "invalid escape" => "a string has an escape that is not valid in JSON",
        text if text.starts_with("control character") => "a string has a control character; write it as an escape",
        text if text.contains("hex escape") || text.contains("unicode") => {
            "a string has a `\\u` escape that encodes no character"
        }
        _ => "it is malformed",
    };
    let detail = format!("The body is not valid JSON at line {line}, column {column}: {reason}.");
    ApiError::new(ErrorKind::InvalidJson, detail)
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&suffix).unwrap_or(&text).to_owned()
}

pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => push_key(&mut pointer, key),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Appends a key to a JSON pointer; `~` and `/` in the key are escaped. Source: RFC 6901.
pub(crate) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1"));
}

/// Serde's message as a sentence for the client. For unknown, missing and repeated fields, the field's name is added to
/// the pointer.
fn describe(message: &str, pointer: &mut String) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field `") {
        let unknown: String = quoted.next().unwrap_or_default().chars().take(64).collect();
        let expected: Vec<&str> = quoted.collect();
        if pointer.rsplit('/').next() != Some(&*unknown) {
            push_key(pointer, &unknown);
        }
        return match nearest(&unknown, expected.iter().copied()) {
            Some(near) => format!("There is no field `{unknown}`. Did you mean `{near}`?"),
            None => format!("There is no field `{unknown}`. The fields are: {}.", expected.join(", ")),
        };
    }
    if message.starts_with("missing field `") {
        let missing = quoted.next().unwrap_or_default();
        push_key(pointer, missing);
        return format!("The field `{missing}` is required.");
    }
    if message.starts_with("duplicate field `") {
        let twice = quoted.next().unwrap_or_default();
        if pointer.rsplit('/').next() != Some(twice) {
            push_key(pointer, twice);
        }
        return format!("The field `{twice}` is given more than once. Send it once.");
    }
    if message.starts_with("unknown variant `") {
        let unknown: String = quoted.next().unwrap_or_default().chars().take(64).collect();
        let known: Vec<String> = quoted.map(|name| format!("`{name}`")).collect();
        return format!("`{unknown}` is not one of {}.", known.join(", "));
    }
    let subject = if pointer.is_empty() { "The body".to_owned() } else { format!("`{}`", dotted(pointer)) };
    let (found, wanted) = match message.rsplit_once(", expected ") {
        Some((found, wanted)) => (found.split_once(": ").map_or("", |(_, found)| found), wanted),
        None if message == NUMBER_OUT_OF_RANGE => return format!("{subject} is too large a number."),
        None if message == "expected value" => return format!("{subject} must be a string."),
        None if message == TOO_DEEP => return format!("{subject} is nested too deeply."),
        None => return format!("{subject} has a value that is not accepted."),
    };
    format!("{subject} must be {}{}.", wanted_in_words(wanted), found_in_words(found))
}

/// Pointer in the form that messages use: `tests[0].stdin`.
pub fn dotted(pointer: &str) -> String {
    let mut text = String::new();
    for segment in pointer.split('/').skip(1) {
        let is_index = !segment.is_empty() && segment.bytes().all(|c| c.is_ascii_digit());
        match (is_index, text.is_empty()) {
            (true, false) => text.push_str(&format!("[{segment}]")),
            (_, is_first) => {
                if !is_first {
                    text.push('.');
                }
                text.push_str(&segment.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
    text
}

/// Words for the type that a field requires, from serde's name for the type.
fn wanted_in_words(wanted: &str) -> &'static str {
    match wanted {
        "a string" | "string" | "str" | "a borrowed string" => "a string",
        "a boolean" | "bool" => "`true` or `false`",
        "u64" | "usize" => "an integer, 0 or more",
        "u32" => "an integer from 0 to 4294967295",
        "u16" => "an integer from 0 to 65535",
        "u8" => "an integer from 0 to 255",
        "f64" | "f32" => "a number",
        "a sequence" | "an array" => "a list",
        "a map" | "an object" => "an object",
        // A string with one of a few values.
        _ if wanted.contains("enum") => "a string",
        _ => "a value of another type",
    }
}

/// Words for the value that was sent, from serde's description; begins with a comma, or is empty.
fn found_in_words(found: &str) -> String {
    const VALUE_CHARACTERS_MAX: usize = 100;
    let value: String = found
        .split_once('`')
        .map_or("", |(_, value)| value.trim_end_matches('`'))
        .chars()
        .take(VALUE_CHARACTERS_MAX)
        .collect();
    match found.split([' ', '`']).next().unwrap_or_default() {
        "string" | "str" | "character" => ", not a string".to_owned(),
        "integer" | "floating" | "boolean" => format!(", not {value}"),
        "null" | "unit" | "Option" => ", not `null`".to_owned(),
        "sequence" => ", not a list".to_owned(),
        "map" => ", not an object".to_owned(),
        _ => String::new(),
    }
}

/// Serde's message about a query string as a sentence for the client. `text` begins with the parameter's name.
fn describe_parameter(text: &str) -> String {
    let (name, message) = text.split_once(": ").unwrap_or(("", text));
    let is_of_name =
        ["unknown", "missing", "duplicate"].iter().any(|kind| message.starts_with(&format!("{kind} field `")));
    if is_of_name || name.is_empty() {
        let sentence = describe(message, &mut String::new()).replacen("field", "parameter", 1);
        return sentence.replace("The fields are:", "The parameters are:");
    }
    let name: String = name.chars().take(64).collect();
    let wanted = match message {
        "number too large to fit in target type" => return format!("`{name}` is too large."),
        text if text.contains("integer") || text.contains("digit") => "an integer".to_owned(),
        text if text.contains("float") && name == "wait" => "a number of seconds, 0 or more".to_owned(),
        text if text.contains("float") => "a number".to_owned(),
        text if text.contains("`true` or `false`") => "`true` or `false`".to_owned(),
        text if text.starts_with("unknown variant `") => {
            let names: Vec<String> = text.split('`').skip(3).step_by(2).map(|name| format!("`{name}`")).collect();
            format!("one of {}", names.join(", "))
        }
        _ => return format!("`{name}` has a value that is not accepted."),
    };
    format!("`{name}` must be {wanted}.")
}

/// Query parameters. An unknown parameter is refused if `T` denies unknown fields.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &Shared) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Params(value)),
            Err(rejection) => {
                let text =
                    std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
                Err(ApiError::new(ErrorKind::InvalidParameter, describe_parameter(&text)))
            }
        }
    }
}

/// Id in the path. For a malformed id, the response is 404.
pub struct Id<T>(pub T);

impl<T: std::str::FromStr + Send> FromRequestParts<Shared> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::new(ErrorKind::InvalidUtf8, "The path is not UTF-8."))?;
        text.parse().map(Id).map_err(|_| ApiError::new(ErrorKind::NotFound, "Nothing has this id: its form is wrong."))
    }
}

#[cfg(test)]
mod tests {
    use cupel_core::Bounds;
    use serde::Deserialize;

    use super::*;
    use crate::object::maybe_object;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the faults matter")]
    struct Outer {
        language: String,
        #[serde(default, deserialize_with = "maybe_object")]
        limits: Option<Inner>,
        #[serde(default, deserialize_with = "lists::tests")]
        tests: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the faults matter")]
    struct Inner {
        memory_kb: Option<u64>,
        #[serde(rename = "a/b")]
        odd: Option<u64>,
    }

    #[track_caller]
    fn check(body: &[u8], code: &str, pointer: Option<&str>, detail: &str) {
        let error = lists::within(&Bounds::default(), || parse::<Outer>(body)).unwrap_err().to_body("x");
        assert_eq!(error.code, code, "{error:?}");
        assert_eq!(error.errors.first().map(|e| &*e.pointer), pointer, "{error:?}");
        assert!(error.detail.contains(detail), "{error:?}");
    }

    #[test]
    fn each_error_is_reported_with_its_location() {
        check(b"", "invalid-json", None, "line 1, column 0: it ends before it is complete.");
        check(b"{\n \"language\": }", "invalid-json", None, "line 2, column 14: a value is missing.");
        check(b"{\"language\": \"c\"} x", "invalid-json", None, "there is data after the end of the JSON value.");
        check(&[b'{', 0xff], "invalid-utf8", None, "byte 1");
        check(&b"[".repeat(100_000), "invalid-json", None, "it ends before it is complete.");
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        check(&deep, "invalid-body", Some(""), "The body must be an object, not a list.");
        check(br#"{"a":"#, "invalid-json", None, "line 1, column 5: it ends before it is complete.");
        check(
            &[&b"{\"language\": "[..], &deep, b"}"].concat(),
            "invalid-body",
            Some("/language"),
            "`language` must be a string, not a list.",
        );
        check(
            br#"{"language": "c", "limits": [1]}"#,
            "invalid-body",
            Some("/limits"),
            "`limits` must be an object, not a list.",
        );
        check(
            br#"{"language": "c", "tests": [[1]]}"#,
            "invalid-body",
            Some("/tests/0"),
            "`tests[0]` must be an object, not a list.",
        );
        check(b"3", "invalid-body", Some(""), "The body must be an object, not 3.");
        check(br#"{"language": 3}"#, "invalid-body", Some("/language"), "`language` must be a string, not 3.");
        check(br#"{"langage": "c"}"#, "invalid-body", Some("/langage"), "Did you mean `language`?");
        check(br#"{"language": "c", "zzzzzz": 1}"#, "invalid-body", Some("/zzzzzz"), "The fields are: language");
        check(br#"{"tests": []}"#, "invalid-body", Some("/language"), "The field `language` is required.");
        check(br#"{"language": "c", "language": "c"}"#, "invalid-body", Some("/language"), "more than once");
        check(
            br#"{"language": "c", "limits": {"memory_kb": -1}}"#,
            "invalid-body",
            Some("/limits/memory_kb"),
            "`limits.memory_kb` must be an integer, 0 or more, not -1.",
        );
        check(
            br#"{"language": "c", "limits": {"memory_kb": 1.5}}"#,
            "invalid-body",
            Some("/limits/memory_kb"),
            "`limits.memory_kb` must be an integer, 0 or more, not 1.5.",
        );
        check(
            br#"{"language": "c", "tests": [{}, {"memory": 1}]}"#,
            "invalid-body",
            Some("/tests/1/memory"),
            "memory_kb",
        );
        check(
            br#"{"language": "c", "tests": [{"a/b": "x"}]}"#,
            "invalid-body",
            Some("/tests/0/a~1b"),
            "`tests[0].a/b` must be an integer, 0 or more, not a string.",
        );
    }

    #[test]
    fn an_integer_may_be_written_with_a_fraction_of_zero() {
        let read = |body: &str| lists::within(&Bounds::default(), || parse::<Outer>(body.as_bytes()));
        let limits = read(r#"{"language": "1.0", "limits": {"memory_kb": 1024.0}}"#).unwrap().limits.unwrap();
        assert_eq!(limits.memory_kb, Some(1024));
        assert_eq!(read(r#"{"language": "c", "limits": {"memory_kb": 1e3}}"#).unwrap().language, "c");
        check(
            br#"{"language": "c", "limits": {"memory_kb": -1.0}}"#,
            "invalid-body",
            Some("/limits/memory_kb"),
            "must be an integer, 0 or more, not -1.",
        );
    }

    #[test]
    fn all_missing_fields_are_reported_at_once() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only the faults matter")]
        struct Contest {
            slug: String,
            style: Style,
            length_seconds: u64,
            public: bool,
            problems: Vec<Problem>,
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Style {
            Icpc,
        }
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only the faults matter")]
        struct Problem {
            name: String,
            points: f64,
        }
        let faults = |body: &str| {
            let error = parse::<Contest>(body.as_bytes()).unwrap_err().to_body("x");
            (error.detail.clone(), error.errors.iter().map(|e| e.pointer.to_string()).collect::<Vec<_>>().join(" "))
        };
        let (detail, pointers) = faults("{}");
        assert_eq!(pointers, "/slug /style /length_seconds /public /problems");
        assert_eq!(detail, "The fields `slug`, `style`, `length_seconds`, `public`, `problems` are required.");
        let body = r#"{"problems": [{"name": "a"}, {}], "slug": "s", "public": true}"#;
        assert_eq!(faults(body).1, "/problems/0/points /problems/1/name /problems/1/points /style /length_seconds");
        assert_eq!(faults(r#"{"slug": 3}"#).1, "/slug", "a wrong value comes first");
        let long = format!(r#"{{"slug": "{}"}}"#, "x".repeat(100_000));
        assert_eq!(faults(&long).1, "/style", "the fields of a long body are reported one by one");
    }

    #[test]
    fn a_parameter_error_is_in_plain_words() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only the faults matter")]
        struct Query {
            tag: Option<String>,
            limit: Option<u64>,
            phase: Option<Phase>,
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Phase {
            Running,
            Over,
        }
        let detail = |query: &str| {
            let uri = format!("/?{query}").parse().unwrap();
            let rejection = axum::extract::Query::<Query>::try_from_uri(&uri).unwrap_err();
            describe_parameter(&std::error::Error::source(&rejection).unwrap().to_string())
        };
        assert_eq!(detail("tags=x"), "There is no parameter `tags`. Did you mean `tag`?");
        assert_eq!(detail("subfields=x"), "There is no parameter `subfields`. The parameters are: tag, limit, phase.");
        let twice = "The parameter `tag` is given more than once. Send it once.";
        assert_eq!(detail("tag=a&tag=b"), twice);
        assert_eq!(detail("phase=odd"), "`phase` must be one of `running`, `over`.");
        assert_eq!(detail("limit=x"), "`limit` must be an integer.");
    }

    #[test]
    fn client_supplied_names_are_truncated_in_the_answer() {
        let body = format!("{{\"{}\": 1}}", "x".repeat(100_000));
        let error = parse::<Outer>(body.as_bytes()).unwrap_err().to_body("x");
        assert!(error.detail.len() < 1000 && error.errors[0].pointer.len() < 100);
        let body = format!("{{\"language\": \"c\", \"limits\": \"{}\"}}", "x".repeat(100_000));
        let error = parse::<Outer>(body.as_bytes()).unwrap_err().to_body("x");
        assert!(error.detail.len() < 1000, "{}", error.detail.len());
    }
}
