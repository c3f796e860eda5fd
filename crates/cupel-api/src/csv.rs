//! CSV responses for spreadsheets and scripts: selection of the format, and escaping of cells.
//!
//! Source: RFC 4180. Text that a spreadsheet would read as a formula is prefixed with an apostrophe (OWASP, "CSV
//! Injection"), because users choose their own names.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cupel_http::error::ApiError;
use futures_util::Stream;
use serde::Deserialize;
use utoipa::ToSchema;

/// Response format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One page, as JSON.
    Json,
    /// All entries, as CSV.
    Csv,
}

impl Format {
    /// Format from `?format=`. If that is absent, CSV if the header `Accept` names `text/csv` and not
    /// `application/json`, otherwise JSON.
    pub(crate) fn of(requested: Option<Format>, headers: &HeaderMap) -> Format {
        requested.unwrap_or_else(|| {
            let accepts = |name: &str| {
                let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
                let mut names = values.flat_map(|value| value.split(',')).map(|part| part.split(';').next());
                names.any(|found| found.is_some_and(|found| found.trim().eq_ignore_ascii_case(name)))
            };
            if accepts("text/csv") && !accepts("application/json") { Format::Csv } else { Format::Json }
        })
    }
}

/// Buffer of CSV lines.
#[derive(Debug, Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// Appends a line of cells.
    pub(crate) fn line<'c>(&mut self, cells: impl IntoIterator<Item = Cell<'c>>) {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            match cell {
                Cell::Empty => {}
                Cell::Number(number) => self.0.push_str(&number),
                Cell::Text(text) => self.text(text),
            }
        }
        self.0.push_str("\r\n");
    }

    fn text(&mut self, text: &str) {
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let is_quoted = is_formula || text.contains(['"', ',', '\r', '\n']) || text != text.trim();
        if !is_quoted {
            return self.0.push_str(text);
        }
        self.0.push('"');
        if is_formula {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    /// Text written since the last call.
    pub(crate) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.0).into()
    }
}

/// One cell.
#[derive(Clone, Debug)]
pub(crate) enum Cell<'c> {
    /// Empty cell.
    Empty,
    /// Number, time or identifier of Cupel; written unchanged.
    Number(String),
    /// Text; quoted if necessary.
    Text(&'c str),
}

impl<'c> Cell<'c> {
    /// Number, or an empty cell.
    pub(crate) fn number(number: Option<impl ToString>) -> Cell<'c> {
        number.map_or(Cell::Empty, |number| Cell::Number(number.to_string()))
    }

    /// Text, or an empty cell.
    pub(crate) fn text(text: Option<&'c str>) -> Cell<'c> {
        text.map_or(Cell::Empty, Cell::Text)
    }
}

/// CSV response that a browser saves as `NAME.csv`.
pub(crate) fn answer(name: &str, lines: impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static) -> Response {
    use futures_util::TryStreamExt as _;
    let body = Body::from_stream(lines.map_err(|_problem| std::io::Error::other("the remaining lines cannot be read")));
    let mut answer = body.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_if_necessary_and_formulas_are_neutralized() {
        let mut lines = Lines::default();
        lines.line([Cell::Text("plain"), Cell::Text("a,b"), Cell::Text("say \"hi\""), Cell::Text("two\nlines")]);
        lines.line([Cell::Number("-5".into()), Cell::Empty, Cell::Text(""), Cell::Text(" ")]);
        lines.line(["=1+1", "+1", "-1", "@x", "\tx", "a=1"].map(Cell::Text));
        assert_eq!(
            std::str::from_utf8(&lines.take()).unwrap(),
            "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\r\n-5,,,\" \"\r\n\
             \"'=1+1\",\"'+1\",\"'-1\",\"'@x\",\"'\tx\",a=1\r\n"
        );
        assert!(lines.take().is_empty());
    }

    #[test]
    fn the_query_parameter_overrides_the_accept_header() {
        let of = |requested, accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Format::of(requested, &headers)
        };
        for (requested, accept, expected) in [
            (None, "*/*", Format::Json),
            (None, "text/csv", Format::Csv),
            (None, "text/html, text/CSV; q=0.9", Format::Csv),
            (None, "text/csv, application/json", Format::Json),
            (Some(Format::Json), "text/csv", Format::Json),
            (Some(Format::Csv), "application/json", Format::Csv),
        ] {
            assert_eq!(of(requested, accept), expected, "{requested:?} {accept}");
        }
        assert_eq!(Format::of(None, &HeaderMap::new()), Format::Json);
    }
}
