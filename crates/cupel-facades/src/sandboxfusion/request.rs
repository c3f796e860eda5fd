//! The body of `/run_code`.

use super::languages::{self, Named};
use super::model::{Reader, Refused, object};

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
    /// The different paths to read back; at most one more than the maximum.
    pub(super) fetch_files: Vec<String>,
}

/// Parses a body with this content type.
pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<RunCode, Refused> {
    let body = object(content_type, body)?;
    let mut reader = Reader::new(&body);
    let compile_timeout = reader.float("compile_timeout");
    let run_timeout = reader.float("run_timeout");
    let memory_limit_mib = reader.integer("memory_limit_MB");
    let code = reader.required_string("code");
    let stdin = match reader.get("stdin") {
        None | Some(serde_json::Value::Null) => Some(String::new()),
        Some(value) => reader.string(value, &["stdin".into()]),
    };
    let language = match reader.get("language") {
        Some(language) => {
            let found = language.as_str().and_then(languages::find);
            reader.literal("language", language, found, &languages::expected())
        }
        None => reader.missing("language"),
    };
    let files = reader.files(true);
    let fetch_files = reader.fetch_files();
    let model = code.zip(stdin).zip(language).map(|((code, stdin), language)| RunCode {
        compile_timeout: compile_timeout.unwrap_or(10.0),
        run_timeout: run_timeout.unwrap_or(10.0),
        memory_limit_mib: memory_limit_mib.unwrap_or(-1.0),
        code,
        stdin,
        language,
        files,
        fetch_files,
    });
    reader.finish(model)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Type and location of each validation error of this body.
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
    fn a_refusal_repeats_no_large_value_and_has_a_bounded_number_of_entries() {
        let large = "x".repeat(5000);
        for (body, has_input) in [
            (json!({ "code": "short" }), true),
            (json!({ "code": large }), false),
            (json!({ "code": "", "files": { large.clone(): "" } }), false),
            (json!({ "code": vec![1; 5000], "language": "cpp" }), false),
            (json!({ "code": [large], "language": "cpp" }), false),
            (json!({ "code": vec![1; 100], "language": "cpp" }), true),
        ] {
            let Err(Refused::Faults(faults)) = parse(None, body.to_string().as_bytes()) else { panic!("{body}") };
            assert_eq!((faults.len(), faults[0].get("input").is_some()), (1, has_input), "{}", faults[0]);
        }
        let body = json!({ "code": "", "language": "cpp", "fetch_files": vec![1; 5000] });
        assert_eq!(faults_of(None, &body.to_string()).len(), 1000);
    }

    #[test]
    fn every_type_has_the_message_of_pydantic() {
        for (body, message) in [
            (r#"{}"#, "Field required"),
            (r#"{"code": 1, "language": "cpp"}"#, "Input should be a valid string"),
            (r#"{"code": "", "language": "cpp", "run_timeout": []}"#, "Input should be a valid number"),
            (
                r#"{"code": "", "language": "cpp", "run_timeout": "x"}"#,
                "Input should be a valid number, unable to parse string as a number",
            ),
            (
                r#"{"code": "", "language": "cpp", "memory_limit_MB": "x"}"#,
                "Input should be a valid integer, unable to parse string as an integer",
            ),
            (
                r#"{"code": "", "language": "cpp", "memory_limit_MB": 0.5}"#,
                "Input should be a valid integer, got a number with a fractional part",
            ),
            (r#"{"code": "", "language": "cpp", "memory_limit_MB": []}"#, "Input should be a valid integer"),
            (r#"{"code": "", "language": "cpp", "files": 1}"#, "Input should be a valid dictionary"),
            (r#"{"code": "", "language": "cpp", "fetch_files": 1}"#, "Input should be a valid list"),
            ("[]", "Input should be a valid dictionary or object to extract fields from"),
        ] {
            let Err(Refused::Faults(faults)) = parse(None, body.as_bytes()) else { panic!("{body}") };
            assert_eq!(faults[0]["msg"], message, "{body}");
        }
        let Err(Refused::Faults(faults)) = parse(None, b"{\"code\": ") else { panic!() };
        let expected = json!({
            "type": "json_invalid", "loc": ["body", 8], "msg": "JSON decode error", "input": {},
            "ctx": { "error": "Expecting value" },
        });
        assert_eq!(faults, [expected]);
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
