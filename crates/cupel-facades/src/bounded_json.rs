//! JSON documents of clients, parsed only if they have a bounded number of values.
//!
//! A value of a few bytes may take hundreds of bytes in memory: an object with one field takes 700. The memory budget
//! for bodies counts only the bytes of a body, so without this bound a body of 16 MiB could take more than a gigabyte.
//! The values are counted before they are parsed. serde_json itself bounds nesting (127 levels).
//!
//! *Invariant:* the caller drops the value before it waits for anything, so that only as many values are in memory as
//! there are threads that validate requests.

use cupel_http::error::{ApiError, ErrorKind};
use serde_json::Value;

/// Maximum number of values in a document, unless its caller permits more. The largest request that is not a batch of
/// Judge0 is a data set of SandboxFusion, such as 100 rows with 100 cases of several fields each.
pub(crate) const VALUES_MAX: usize = 100_000;

/// Why a document was not parsed.
#[derive(Debug)]
pub(crate) enum Unparsed {
    /// It has more values than the maximum.
    TooManyValues,
    /// It is not JSON.
    Syntax(serde_json::Error),
}

/// Parses a document that has at most this number of values.
///
/// # Errors
///
/// If the document has more values, or is not JSON.
pub(crate) fn parse(text: &str, values_max: usize) -> Result<Value, Unparsed> {
    if has_more_values(text, values_max) {
        return Err(Unparsed::TooManyValues);
    }
    serde_json::from_str(text).map_err(Unparsed::Syntax)
}

/// Error message about a document that has too many values, with the remedy.
pub(crate) fn too_many_values(values_max: usize) -> String {
    format!("The body has more than {values_max} JSON values. Send less in one request.")
}

/// The refusal of a document that has too many values.
pub(crate) fn too_large(values_max: usize) -> ApiError {
    ApiError::new(ErrorKind::BodyTooLarge, too_many_values(values_max))
}

/// Whether the document may have more than this number of values. Each value except the first follows a bracket, a
/// brace or a comma that is not within a string. Up to its first error, a document that is not JSON is counted as the
/// parser reads it.
fn has_more_values(text: &str, most: usize) -> bool {
    let (mut count, mut is_string, mut bytes) = (1, false, text.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_string = !is_string,
            // The escaped character may be a quotation mark.
            b'\\' if is_string => {
                bytes.next();
            }
            b'[' | b'{' | b',' if !is_string => {
                count += 1;
                if count > most {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of values and of empty lists and objects, which count twice.
    fn counted(value: &Value) -> usize {
        1 + match value {
            Value::Array(list) => list.iter().map(counted).sum::<usize>().max(1),
            Value::Object(fields) => fields.values().map(counted).sum::<usize>().max(1),
            _ => 0,
        }
    }

    #[test]
    fn every_value_is_counted_and_text_is_not() {
        for text in [
            "[]",
            "[1, 2, [3, 4], {}]",
            r#"{"a": 0, "b": [{"a": 0}, {"a": 0}], "c": null}"#,
            r#"{"[{,": "[,{\",[{\\", "b\\": [1, ",,,"]}"#,
            r#"["\u005b,\"", "é,["]"#,
        ] {
            let most = counted(&serde_json::from_str(text).unwrap());
            assert!(parse(text, most).is_ok(), "{text}");
            assert!(matches!(parse(text, most - 1), Err(Unparsed::TooManyValues)), "{text}");
        }
    }

    #[test]
    fn a_large_document_of_small_values_is_refused_before_it_is_parsed() {
        for part in [r#"{"a":0},"#, "[],", "0,", r#"{"":"","":""},"#, "["] {
            // The document does not end, so the parser would report a syntax error.
            let text = format!("[{}", part.repeat(VALUES_MAX));
            assert!(matches!(parse(&text, VALUES_MAX), Err(Unparsed::TooManyValues)), "{part}");
        }
    }

    #[test]
    fn a_long_text_is_one_value() {
        let text = format!("[\"{}\"]", ",[{\\\"".repeat(VALUES_MAX));
        assert!(parse(&text, 3).is_ok());
        assert!(matches!(parse("[1,", VALUES_MAX), Err(Unparsed::Syntax(_))));
    }
}
