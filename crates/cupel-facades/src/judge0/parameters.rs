//! The parameters of a request, from the query and the body. If both have a parameter, the body takes precedence.
//!
//! As in the framework of the original (Rails 5.2), the content type determines whether a body is parsed as JSON, as a
//! form or as a multipart form. A body of any other type has no parameters.

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::bounded_json::{self, Unparsed};
use crate::surrogates::replace_lone_surrogates;

/// Maximum number of fields in a form.
const FORM_FIELDS_MAX: usize = 1000;

/// Merged parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Map<String, Value>);

/// Why a body was not parsed.
#[derive(Debug)]
pub(super) enum Unread {
    /// It does not match its content type.
    Malformed,
    /// It is JSON with too many values.
    TooManyValues,
}

impl Parameters {
    /// The parameters of a query.
    pub(super) fn of_query(query: Option<&str>) -> Parameters {
        let pairs = form(query.unwrap_or_default().as_bytes());
        Parameters(pairs.map(|(name, value)| (name, Value::String(value))).collect())
    }

    /// The parameters of a query and of a body. `values_max`: maximum number of values in JSON.
    ///
    /// # Errors
    /// If the body does not match its content type, or has too many values.
    pub(super) async fn of(
        query: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
        values_max: usize,
    ) -> Result<Parameters, Unread> {
        let Parameters(mut all) = Parameters::of_query(query);
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            _ if body.is_empty() => {}
            "application/json" => {
                let text = std::str::from_utf8(&body).map_err(|_| Unread::Malformed)?;
                match bounded_json::parse(&replace_lone_surrogates(text), values_max) {
                    Ok(Value::Object(fields)) => all.extend(fields),
                    // A document that is not an object is ignored: Rails passes it under a name that is not the name of
                    // an attribute.
                    Ok(_) => {}
                    Err(Unparsed::Syntax(_)) => return Err(Unread::Malformed),
                    Err(Unparsed::TooManyValues) => return Err(Unread::TooManyValues),
                }
            }
            "application/x-www-form-urlencoded" => {
                let mut sent = Map::new();
                form(&body).for_each(|(name, value)| insert(&mut sent, &name, value));
                all.extend(sent);
            }
            "multipart/form-data" => {
                let boundary = multer::parse_boundary(content_type).map_err(|_| Unread::Malformed)?;
                let body = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(body) });
                let mut parts = multer::Multipart::new(body, boundary);
                let (mut sent, mut count) = (Map::new(), 0);
                while let Some(part) = parts.next_field().await.map_err(|_| Unread::Malformed)? {
                    let name = part.name().unwrap_or_default().to_owned();
                    let value = part.bytes().await.map_err(|_| Unread::Malformed)?;
                    insert(&mut sent, &name, String::from_utf8_lossy(&value).into_owned());
                    count += 1;
                    if count > FORM_FIELDS_MAX {
                        return Err(Unread::Malformed);
                    }
                }
                all.extend(sent);
            }
            _ => {}
        }
        Ok(Parameters(all))
    }

    /// The value of a parameter, if it is a string. A JSON boolean or number is not a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whether a boolean parameter is true: only the string `true` counts as true.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// The API key from the parameter `X-Auth-Token`, as a header value; `None` if it is absent or not a valid header
    /// value.
    pub(super) fn key(&self) -> Option<HeaderValue> {
        let named = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-auth-token"));
        HeaderValue::from_str(named?.1.as_str()?).ok()
    }

    /// A parameter of any type.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All parameters.
    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// Inserts a field of a form, with the list syntax of Rails. `a[]` is an element of the list `a`. `a[][b]` is the
/// member `b` of the last object in the list `a`, or of a new object if the last object already has this member.
fn insert(all: &mut Map<String, Value>, name: &str, value: String) {
    let value = Value::String(value);
    let Some((list, rest)) = name.split_once("[]") else {
        all.insert(name.to_owned(), value);
        return;
    };
    let slot = all.entry(list).or_insert_with(|| Value::Array(Vec::new()));
    // If an earlier field has the name of the list without `[]`, Rails refuses the form. Here, the list replaces the
    // field.
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    let Value::Array(elements) = slot else { return };
    let member = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match (member, elements.last_mut()) {
        (Some(member), Some(Value::Object(last))) if !last.contains_key(member) => {
            last.insert(member.to_owned(), value);
        }
        (Some(member), _) => elements.push(Value::Object(Map::from_iter([(member.to_owned(), value)]))),
        (None, _) => elements.push(value),
    }
}

/// The first [`FORM_FIELDS_MAX`] pairs of a form or query.
fn form(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(text).take(FORM_FIELDS_MAX).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounded_json::VALUES_MAX;

    async fn parsed(query: &str, content_type: &str, body: &str) -> Result<Parameters, Unread> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        Parameters::of(Some(query), &headers, Bytes::from(body.to_owned()), VALUES_MAX).await
    }

    #[tokio::test]
    async fn the_body_replaces_the_query_and_its_type_decides_how_it_is_read() {
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"wait\"\r\n\r\nbody\r\n--b--\r\n";
        for (content_type, body, wait) in [
            ("application/json", r#"{"wait": "body"}"#, "body"),
            ("application/json; charset=utf-8", r#"{"wait": "body"}"#, "body"),
            ("application/x-www-form-urlencoded", "a=1&wait=body", "body"),
            ("multipart/form-data; boundary=b", multipart, "body"),
            ("text/plain", r#"{"wait": "body"}"#, "true"),
            ("application/json", "[1]", "true"),
            ("application/json", "", "true"),
        ] {
            let parameters = parsed("wait=true&fields=a%2Cb", content_type, body).await.unwrap();
            assert_eq!(parameters.text("wait"), Some(wait), "{content_type} {body}");
            assert_eq!(parameters.text("fields"), Some("a,b"));
        }
        assert!(parsed("", "application/json", "{").await.is_err());
        assert!(parsed("", "multipart/form-data", "x").await.is_err());
    }

    #[tokio::test]
    async fn a_form_may_have_a_list_of_objects() {
        let form = "application/x-www-form-urlencoded";
        let body = "submissions[][language_id]=71&submissions%5B%5D%5Bsource_code%5D=a&submissions[][language_id]=50&b[]=1&b[]=2";
        let parameters = parsed("", form, body).await.unwrap();
        let expected = serde_json::json!([{ "language_id": "71", "source_code": "a" }, { "language_id": "50" }]);
        assert_eq!(parameters.get("submissions"), Some(&expected));
        assert_eq!(parameters.get("b"), Some(&serde_json::json!(["1", "2"])));
        let replaced = parsed("", form, "a=1&a[][b]=2").await.unwrap();
        assert_eq!(replaced.get("a"), Some(&serde_json::json!([{ "b": "2" }])));
    }

    #[tokio::test]
    async fn only_the_string_true_turns_a_switch_on() {
        for (body, is_on) in [
            (r#"{"wait": "true"}"#, true),
            (r#"{"wait": true}"#, false),
            (r#"{"wait": "True"}"#, false),
            (r#"{"wait": "1"}"#, false),
        ] {
            assert_eq!(parsed("", "application/json", body).await.unwrap().is_on("wait"), is_on, "{body}");
        }
    }
}
