//! The parameters of a request: those of the query and those of the body, which replace those of the query.
//!
//! Like the framework of the original (Rails 5.2), a body is JSON, a form or a multipart form by its content type; a body
//! of another type has no parameters.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::surrogates::replace_lone_surrogates;

/// Maximum number of fields in a form.
const FORM_FIELDS_MAX: usize = 1000;

/// Merged parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Map<String, Value>);

/// A body that cannot be parsed.
#[derive(Debug)]
pub(super) struct Malformed;

impl Parameters {
    /// The parameters of a query.
    pub(super) fn of_query(query: Option<&str>) -> Parameters {
        let pairs = form(query.unwrap_or_default().as_bytes());
        Parameters(pairs.map(|(name, value)| (name, Value::String(value))).collect())
    }

    /// The parameters of a query and of a body.
    ///
    /// # Errors
    /// If the body is not what its content type says.
    pub(super) async fn of(query: Option<&str>, headers: &HeaderMap, body: Bytes) -> Result<Parameters, Malformed> {
        let Parameters(mut all) = Parameters::of_query(query);
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            _ if body.is_empty() => {}
            "application/json" => {
                let text = std::str::from_utf8(&body).map_err(|_| Malformed)?;
                // Rails makes a document that is no object available under a name that no attribute has.
                if let Value::Object(fields) =
                    serde_json::from_str(&replace_lone_surrogates(text)).map_err(|_| Malformed)?
                {
                    all.extend(fields);
                }
            }
            "application/x-www-form-urlencoded" => {
                all.extend(form(&body).map(|(name, value)| (name, Value::String(value))));
            }
            "multipart/form-data" => {
                let boundary = multer::parse_boundary(content_type).map_err(|_| Malformed)?;
                let body = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(body) });
                let mut parts = multer::Multipart::new(body, boundary);
                while let Some(part) = parts.next_field().await.map_err(|_| Malformed)? {
                    let name = part.name().unwrap_or_default().to_owned();
                    let value = part.bytes().await.map_err(|_| Malformed)?;
                    all.insert(name, Value::String(String::from_utf8_lossy(&value).into_owned()));
                    if all.len() > FORM_FIELDS_MAX {
                        return Err(Malformed);
                    }
                }
            }
            _ => {}
        }
        Ok(Parameters(all))
    }

    /// The text of a parameter. Only a text: a JSON boolean or number is no text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whether a switch is on: only the text `true` is.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some("true")
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

/// The pairs of a form or query.
fn form(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(text).take(FORM_FIELDS_MAX).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parsed(query: &str, content_type: &str, body: &str) -> Result<Parameters, Malformed> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        Parameters::of(Some(query), &headers, Bytes::from(body.to_owned())).await
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
    async fn only_the_text_true_turns_a_switch_on() {
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
