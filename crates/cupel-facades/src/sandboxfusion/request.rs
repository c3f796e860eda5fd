//! The body of `/run_code`, validated like pydantic in lax mode: reports all faults together, in the order of the
//! model.

use serde_json::{Map, Value, json};

use super::languages::{self, Named};
use crate::surrogates::replace_lone_surrogates;

/// A valid request.
#[derive(Debug, PartialEq)]
pub(super) struct RunCode {
    /// Seconds.
    pub(super) compile_timeout: f64,
    /// Seconds.
    pub(super) run_timeout: f64,
    /// MiB; zero and negative values mean no limit.
    pub(super) memory_limit_mib: f64,
    pub(super) code: String,
    pub(super) stdin: String,
    pub(super) language: Named,
    /// Path and base64 of each file; null values are omitted.
    pub(super) files: Vec<(String, String)>,
    pub(super) fetch_files: Vec<String>,
}

/// The error of an invalid body.
#[derive(Debug, PartialEq)]
pub(super) enum Refused {
    /// Entries of `detail`.
    Faults(Vec<Value>),
    /// The body is not UTF-8.
    NotText,
}

/// Base URL of pydantic's error documentation; each entry has a link to it.
const ERRORS_URL: &str = "https://errors.pydantic.dev/2.6/v/";

/// Parses a body with this content type.
pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<RunCode, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| Refused::NotText)?;
    if text.is_empty() {
        return Err(Refused::Faults(vec![fault("missing", &[], "Field required", &Value::Null)]));
    }
    if !content_type.is_none_or(is_json) {
        return Err(no_object(&Value::from(text)));
    }
    let text = replace_lone_surrogates(text);
    match serde_json::from_str(&text) {
        Err(error) => Err(Refused::Faults(vec![invalid_json(&text, &error)])),
        Ok(Value::Null) => Err(Refused::Faults(vec![fault("missing", &[], "Field required", &Value::Null)])),
        Ok(Value::Object(body)) => Reader { faults: Vec::new(), body: &body }.read(),
        Ok(other) => Err(no_object(&other)),
    }
}

/// Whether this is `application/json` or `application/*+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn no_object(input: &Value) -> Refused {
    let message = "Input should be a valid dictionary or object to extract fields from";
    Refused::Faults(vec![fault("model_attributes_type", &[], message, input)])
}

fn fault(kind: &str, place: &[Value], message: &str, input: &Value) -> Value {
    let place: Vec<Value> = [Value::from("body")].iter().chain(place).cloned().collect();
    json!({ "type": kind, "loc": place, "msg": message, "input": input, "url": format!("{ERRORS_URL}{kind}") })
}

/// The entry into which FastAPI converts Python's `JSONDecodeError`.
fn invalid_json(text: &str, error: &serde_json::Error) -> Value {
    let message = error.to_string();
    let reason = [
        ("trailing characters", "Extra data"),
        ("key must be a string", "Expecting property name enclosed in double quotes"),
        ("expected `,`", "Expecting ',' delimiter"),
        ("expected `:`", "Expecting ':' delimiter"),
        ("control character", "Invalid control character at"),
        ("EOF while parsing a string", "Unterminated string starting at"),
        ("invalid escape", "Invalid \\escape"),
    ];
    let reason = reason.iter().find(|(ours, _)| message.contains(ours)).map_or("Expecting value", |(_, theirs)| theirs);
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column().saturating_sub(1);
    let offset = text.char_indices().take_while(|(byte, _)| *byte < at).count();
    json!({
        "type": "json_invalid", "loc": ["body", offset], "msg": "JSON decode error", "input": {},
        "ctx": { "error": reason },
    })
}

struct Reader<'b> {
    faults: Vec<Value>,
    body: &'b Map<String, Value>,
}

impl<'b> Reader<'b> {
    fn read(mut self) -> Result<RunCode, Refused> {
        let compile_timeout = self.float("compile_timeout");
        let run_timeout = self.float("run_timeout");
        let memory_limit_mib = self.integer("memory_limit_MB");
        let body = self.body;
        let code = match body.get("code") {
            Some(code) => self.string(code, &["code".into()]),
            None => self.missing("code"),
        };
        let stdin = match self.body.get("stdin") {
            None | Some(Value::Null) => Some(String::new()),
            Some(value) => self.string(value, &["stdin".into()]),
        };
        let language = match body.get("language") {
            Some(language) => self.language(language),
            None => self.missing("language"),
        };
        let files = self.files();
        let fetch_files = self.fetch_files();
        match (code, stdin, language) {
            (Some(code), Some(stdin), Some(language)) if self.faults.is_empty() => Ok(RunCode {
                compile_timeout: compile_timeout.unwrap_or(10.0),
                run_timeout: run_timeout.unwrap_or(10.0),
                memory_limit_mib: memory_limit_mib.unwrap_or(-1.0),
                code,
                stdin,
                language,
                files,
                fetch_files,
            }),
            _ => Err(Refused::Faults(self.faults)),
        }
    }

    fn add(&mut self, kind: &str, place: &[Value], message: &str, input: &Value) {
        self.faults.push(fault(kind, place, message, input));
    }

    fn missing<T>(&mut self, field: &str) -> Option<T> {
        self.add("missing", &[field.into()], "Field required", &Value::Object(self.body.clone()));
        None
    }

    fn string(&mut self, value: &Value, place: &[Value]) -> Option<String> {
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.add("string_type", place, "Input should be a valid string", value);
        None
    }

    /// A float field; `None` if it is absent or faulty.
    fn float(&mut self, field: &str) -> Option<f64> {
        let value = self.body.get(field)?;
        match value {
            Value::Number(number) => number.as_f64(),
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::String(text) => match text.trim().parse() {
                Ok(number) => Some(number),
                Err(_) => {
                    let message = "Input should be a valid number, unable to parse string as a number";
                    self.add("float_parsing", &[field.into()], message, value);
                    None
                }
            },
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.add("float_type", &[field.into()], "Input should be a valid number", value);
                None
            }
        }
    }

    /// An integer field; `None` if it is absent or faulty.
    fn integer(&mut self, field: &str) -> Option<f64> {
        let value = self.body.get(field)?;
        let (kind, message) = match value {
            Value::Number(number) => match number.as_f64() {
                Some(number) if number.fract() == 0.0 => return Some(number),
                _ => ("int_from_float", "Input should be a valid integer, got a number with a fractional part"),
            },
            Value::Bool(value) => return Some(f64::from(u8::from(*value))),
            Value::String(text) => match text.trim().parse::<f64>() {
                // pydantic accepts `64.0` as an integer, but not `1e3` and `inf`.
                Ok(number) if number.fract() == 0.0 && !text.contains(|c: char| c.is_ascii_alphabetic()) => {
                    return Some(number);
                }
                _ => ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => ("int_type", "Input should be a valid integer"),
        };
        self.add(kind, &[field.into()], message, value);
        None
    }

    fn language(&mut self, value: &Value) -> Option<Named> {
        let found = value.as_str().and_then(languages::find);
        if found.is_none() {
            let expected = languages::expected();
            let mut entry = fault("literal_error", &["language".into()], &format!("Input should be {expected}"), value);
            entry["ctx"] = json!({ "expected": expected });
            self.faults.push(entry);
        }
        found
    }

    fn files(&mut self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        match self.body.get("files") {
            None => {}
            Some(Value::Object(sent)) => {
                for (path, content) in sent {
                    if content.is_null() {
                        continue;
                    }
                    if let Some(content) = self.string(content, &["files".into(), path.as_str().into()]) {
                        files.push((path.clone(), content));
                    }
                }
            }
            Some(other) => self.add("dict_type", &["files".into()], "Input should be a valid dictionary", other),
        }
        files
    }

    fn fetch_files(&mut self) -> Vec<String> {
        match self.body.get("fetch_files") {
            None => Vec::new(),
            Some(Value::Array(sent)) => {
                let paths = sent.iter().enumerate();
                paths.filter_map(|(n, path)| self.string(path, &["fetch_files".into(), n.into()])).collect()
            }
            Some(other) => {
                self.add("list_type", &["fetch_files".into()], "Input should be a valid list", other);
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type and location of each fault of this body.
    fn faults_of(content_type: Option<&str>, body: &str) -> Vec<(String, Value)> {
        match parse(content_type, body.as_bytes()) {
            Err(Refused::Faults(faults)) => {
                faults.iter().map(|f| (f["type"].as_str().unwrap().to_owned(), f["loc"].clone())).collect()
            }
            other => panic!("{body}: {other:?}"),
        }
    }

    fn valid(body: Value) -> RunCode {
        parse(None, body.to_string().as_bytes()).unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    #[test]
    fn each_fault_has_the_type_and_the_place_of_pydantic() {
        let json = Some("application/json");
        for (body, kind, place) in [
            ("", "missing", json!(["body"])),
            ("null", "missing", json!(["body"])),
            ("[]", "model_attributes_type", json!(["body"])),
            ("{\"code\": ", "json_invalid", json!(["body", 8])),
            (r#"{"language": "python"}"#, "missing", json!(["body", "code"])),
            (r#"{"code": "x"}"#, "missing", json!(["body", "language"])),
            (r#"{"code": "x", "language": "c"}"#, "literal_error", json!(["body", "language"])),
            (r#"{"code": "x", "language": "Python"}"#, "literal_error", json!(["body", "language"])),
            (r#"{"code": "x", "language": null}"#, "literal_error", json!(["body", "language"])),
            (r#"{"code": 1, "language": "cpp"}"#, "string_type", json!(["body", "code"])),
            (r#"{"code": null, "language": "cpp"}"#, "string_type", json!(["body", "code"])),
            (r#"{"code": "", "language": "cpp", "stdin": 3}"#, "string_type", json!(["body", "stdin"])),
            (
                r#"{"code": "", "language": "cpp", "run_timeout": "ten"}"#,
                "float_parsing",
                json!(["body", "run_timeout"]),
            ),
            (r#"{"code": "", "language": "cpp", "run_timeout": null}"#, "float_type", json!(["body", "run_timeout"])),
            (
                r#"{"code": "", "language": "cpp", "compile_timeout": []}"#,
                "float_type",
                json!(["body", "compile_timeout"]),
            ),
            (
                r#"{"code": "", "language": "cpp", "memory_limit_MB": 64.5}"#,
                "int_from_float",
                json!(["body", "memory_limit_MB"]),
            ),
            (
                r#"{"code": "", "language": "cpp", "memory_limit_MB": "64.5"}"#,
                "int_parsing",
                json!(["body", "memory_limit_MB"]),
            ),
            (
                r#"{"code": "", "language": "cpp", "memory_limit_MB": {}}"#,
                "int_type",
                json!(["body", "memory_limit_MB"]),
            ),
            (r#"{"code": "", "language": "cpp", "files": []}"#, "dict_type", json!(["body", "files"])),
            (r#"{"code": "", "language": "cpp", "files": {"a/b": 1}}"#, "string_type", json!(["body", "files", "a/b"])),
            (r#"{"code": "", "language": "cpp", "fetch_files": "a"}"#, "list_type", json!(["body", "fetch_files"])),
            (
                r#"{"code": "", "language": "cpp", "fetch_files": ["a", 1]}"#,
                "string_type",
                json!(["body", "fetch_files", 1]),
            ),
        ] {
            assert_eq!(faults_of(json, body), [(kind.to_owned(), place)], "{body}");
        }
    }

    #[test]
    fn all_faults_are_reported_in_the_order_of_the_model() {
        let body =
            r#"{"language": "c", "files": 1, "run_timeout": "x", "memory_limit_MB": 0.5, "compile_timeout": "y"}"#;
        let kinds: Vec<String> = faults_of(None, body).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(
            kinds,
            ["float_parsing", "float_parsing", "int_from_float", "missing", "literal_error", "dict_type"]
        );
    }

    #[test]
    fn entries_have_message_input_and_context() {
        let Err(Refused::Faults(faults)) = parse(None, br#"{"language": "c"}"#) else { panic!() };
        let missing = json!({ "type": "missing", "loc": ["body", "code"], "msg": "Field required",
            "input": { "language": "c" }, "url": "https://errors.pydantic.dev/2.6/v/missing" });
        assert_eq!(faults[0], missing);
        let message = faults[1]["msg"].as_str().unwrap();
        assert!(message.starts_with("Input should be 'python', 'cpp', 'nodejs', "), "{message}");
        assert!(message.ends_with("'swift' or 'racket'"), "{message}");
        assert_eq!(format!("Input should be {}", faults[1]["ctx"]["expected"].as_str().unwrap()), message);
        assert_eq!(faults[1]["input"], "c");
    }

    #[test]
    fn json_is_expected_unless_the_content_type_is_another() {
        let body = r#"{"code": "", "language": "python"}"#;
        for json in [None, Some("application/json; charset=utf-8"), Some("Application/vnd.x+json")] {
            assert!(parse(json, body.as_bytes()).is_ok(), "{json:?}");
        }
        for other in ["text/plain", "application/x-www-form-urlencoded", ""] {
            assert_eq!(
                faults_of(Some(other), body),
                [("model_attributes_type".to_owned(), json!(["body"]))],
                "{other}"
            );
        }
        assert_eq!(parse(None, b"\xff"), Err(Refused::NotText));
    }

    #[test]
    fn values_are_converted_as_in_lax_mode_and_unknown_fields_are_ignored() {
        let request = valid(json!({ "code": "x", "language": "R", "run_timeout": "2.5", "compile_timeout": 3,
            "memory_limit_MB": "64.0", "stdin": null, "files": { "a": null, "b": "YQ==" }, "other": 1 }));
        assert_eq!((request.run_timeout, request.compile_timeout, request.memory_limit_mib), (2.5, 3.0, 64.0));
        assert_eq!((&*request.stdin, request.language.name), ("", "R"));
        assert_eq!(request.files, [("b".to_owned(), "YQ==".to_owned())]);
        let request = valid(json!({ "code": "x", "language": "cpp" }));
        assert_eq!((request.run_timeout, request.compile_timeout, request.memory_limit_mib), (10.0, 10.0, -1.0));
    }

    #[test]
    fn a_lone_surrogate_in_the_code_is_replaced() {
        let request = parse(None, br#"{"code": "print('\ud800')", "language": "python"}"#).unwrap();
        assert_eq!(request.code, "print('\u{fffd}')");
    }
}
