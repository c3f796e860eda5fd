//! Models of requests, validated like pydantic in lax mode: all validation errors together, in the order of the model.
//!
//! *Invariant:* a refusal is small. pydantic repeats the refused value in each entry, which may be the whole body;
//! here, a large value is omitted, and the number of entries is bounded.

use std::collections::HashSet;

use cupel_types::FETCH_FILES_MAX;
use serde_json::{Map, Value, json};

use crate::bounded_json::{self, Unparsed, VALUES_MAX, too_many_values};
use crate::surrogates::replace_lone_surrogates;

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

/// Maximum number of entries.
const FAULTS_MAX: usize = 1000;

/// Maximum size of the value that an entry repeats, in bytes of JSON.
const INPUT_BYTES_MAX: usize = 4096;

/// The object in a body with this content type.
pub(super) fn object(content_type: Option<&str>, body: &[u8]) -> Result<Map<String, Value>, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| Refused::NotText)?;
    if text.is_empty() {
        return Err(Refused::Faults(vec![fault("missing", &[], "Field required", &Value::Null)]));
    }
    if !content_type.is_none_or(is_json) {
        return Err(no_object(&Value::from(text)));
    }
    let text = replace_lone_surrogates(text);
    match bounded_json::parse(&text, VALUES_MAX) {
        Err(Unparsed::Syntax(error)) => Err(Refused::Faults(vec![invalid_json(&text, &error)])),
        Err(Unparsed::TooManyValues) => {
            Err(Refused::Faults(vec![entry("too_long", &[], &too_many_values(VALUES_MAX))]))
        }
        Ok(Value::Null) => Err(Refused::Faults(vec![fault("missing", &[], "Field required", &Value::Null)])),
        Ok(Value::Object(body)) => Ok(body),
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
    let mut entry = entry(kind, place, message);
    if Room::default().has(input) {
        entry["input"] = input.clone();
    }
    entry
}

/// An entry without the refused value.
fn entry(kind: &str, place: &[Value], message: &str) -> Value {
    let place: Vec<Value> = [Value::from("body")].iter().chain(place).cloned().collect();
    json!({ "type": kind, "loc": place, "msg": message, "url": format!("{ERRORS_URL}{kind}") })
}

/// Room for the value that an entry repeats, in bytes.
struct Room(usize);

impl Default for Room {
    fn default() -> Room {
        Room(INPUT_BYTES_MAX)
    }
}

impl Room {
    /// Whether there is room for this value. Reads no more of it than fits.
    fn has(&mut self, value: &Value) -> bool {
        // About the size of a number with its separator.
        const SMALL: usize = 8;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.take(SMALL),
            Value::String(text) => self.take(SMALL + text.len()),
            Value::Array(list) => self.take(SMALL) && list.iter().all(|value| self.has(value)),
            Value::Object(fields) => self.take(SMALL) && self.has_fields(fields),
        }
    }

    fn has_fields(&mut self, fields: &Map<String, Value>) -> bool {
        fields.iter().all(|(name, value)| self.take(name.len()) && self.has(value))
    }

    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
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

/// Reads the fields of a model, and collects all validation errors.
pub(super) struct Reader<'b> {
    pub(super) faults: Vec<Value>,
    body: &'b Map<String, Value>,
    /// Where the model is in the body of the request.
    place: Vec<Value>,
}

impl<'b> Reader<'b> {
    pub(super) fn new(body: &'b Map<String, Value>) -> Reader<'b> {
        Reader { faults: Vec::new(), body, place: Vec::new() }
    }

    /// The model, if all fields are valid.
    ///
    /// # Errors
    ///
    /// All validation errors.
    pub(super) fn finish<T>(self, model: Option<T>) -> Result<T, Refused> {
        match model {
            Some(model) if self.faults.is_empty() => Ok(model),
            _ => Err(Refused::Faults(self.faults)),
        }
    }

    /// The value of a field, if it is present.
    pub(super) fn get(&self, field: &str) -> Option<&'b Value> {
        self.body.get(field)
    }

    /// A string field that must be present.
    pub(super) fn required_string(&mut self, field: &str) -> Option<String> {
        match self.get(field) {
            Some(value) => self.string(value, &[field.into()]),
            None => self.missing(field),
        }
    }

    /// A field whose value must be one of an enumeration. `expected`: the enumeration in the words of the message.
    pub(super) fn literal<T>(&mut self, field: &str, value: &Value, found: Option<T>, expected: &str) -> Option<T> {
        if found.is_none() {
            let place = self.at(&[field.into()]);
            let mut entry = fault("literal_error", &place, &format!("Input should be {expected}"), value);
            entry["ctx"] = json!({ "expected": expected });
            self.push(entry);
        }
        found
    }

    pub(super) fn add(&mut self, kind: &str, place: &[Value], message: &str, input: &Value) {
        if self.faults.len() < FAULTS_MAX {
            let place = self.at(place);
            self.push(fault(kind, &place, message, input));
        }
    }

    fn push(&mut self, entry: Value) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(entry);
        }
    }

    /// Converts a place in this model to a place in the body.
    fn at(&self, place: &[Value]) -> Vec<Value> {
        self.place.iter().chain(place).cloned().collect()
    }

    /// Reads a nested model at this place. Its validation errors are added to those of this model.
    pub(super) fn model<T>(
        &mut self,
        place: &[Value],
        value: &Value,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> Option<T> {
        let Value::Object(fields) = value else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            self.add("model_attributes_type", place, message, value);
            return None;
        };
        let mut inner = Reader { faults: Vec::new(), body: fields, place: self.at(place) };
        let read = read(&mut inner);
        let is_valid = inner.faults.is_empty();
        self.faults.append(&mut inner.faults);
        self.faults.truncate(FAULTS_MAX);
        is_valid.then_some(read)
    }

    /// The value of a field that may be null.
    pub(super) fn optional(&self, field: &str) -> Option<&'b Value> {
        self.get(field).filter(|value| !value.is_null())
    }

    /// Checks a string field that may be absent or null.
    pub(super) fn optional_string(&mut self, field: &str) {
        if let Some(value) = self.optional(field) {
            self.string(value, &[field.into()]);
        }
    }

    /// A float field that may be absent or null; `None` if it has no number.
    pub(super) fn optional_float(&mut self, field: &str) -> Option<f64> {
        self.optional(field)?;
        self.float(field)
    }

    /// Checks an object field that may be absent or null.
    pub(super) fn optional_dictionary(&mut self, field: &str) {
        if let Some(value) = self.optional(field).filter(|value| !value.is_object()) {
            self.add("dict_type", &[field.into()], "Input should be a valid dictionary", value);
        }
    }

    /// Checks a boolean. pydantic also accepts some texts and numbers as booleans.
    pub(super) fn boolean(&mut self, field: &str, value: &Value) {
        const WORDS: [&str; 12] = ["0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes"];
        let parsing = ("bool_parsing", "Input should be a valid boolean, unable to interpret input");
        let (kind, message) = match value {
            Value::Bool(_) => return,
            Value::Number(number) if matches!(number.as_f64(), Some(0.0 | 1.0)) => return,
            Value::String(text) if WORDS.contains(&text.to_ascii_lowercase().as_str()) => return,
            Value::Number(_) | Value::String(_) => parsing,
            Value::Null | Value::Array(_) | Value::Object(_) => ("bool_type", "Input should be a valid boolean"),
        };
        self.add(kind, &[field.into()], message, value);
    }

    /// Checks a boolean field that must be present.
    pub(super) fn required_boolean(&mut self, field: &str) {
        match self.get(field) {
            Some(value) => self.boolean(field, value),
            None => self.missing::<()>(field).unwrap_or_default(),
        }
    }

    pub(super) fn missing<T>(&mut self, field: &str) -> Option<T> {
        let mut missing = entry("missing", &self.at(&[field.into()]), "Field required");
        if Room::default().has_fields(self.body) {
            missing["input"] = Value::Object(self.body.clone());
        }
        self.push(missing);
        None
    }

    pub(super) fn string(&mut self, value: &Value, place: &[Value]) -> Option<String> {
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.add("string_type", place, "Input should be a valid string", value);
        None
    }

    /// A float field; `None` if it is absent or invalid.
    pub(super) fn float(&mut self, field: &str) -> Option<f64> {
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

    /// An integer field; `None` if it is absent or invalid.
    pub(super) fn integer(&mut self, field: &str) -> Option<f64> {
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

    /// Path and base64 of each file. `accepts_null`: a file may be null, and is then omitted.
    pub(super) fn files(&mut self, accepts_null: bool) -> Vec<(String, String)> {
        let mut files = Vec::new();
        match self.body.get("files") {
            None => {}
            Some(Value::Object(sent)) => {
                for (path, content) in sent {
                    if content.is_null() && accepts_null {
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

    /// A field whose value is a list of strings.
    pub(super) fn strings(&mut self, field: &str, listed: &Value) -> Vec<String> {
        match listed {
            Value::Array(sent) => {
                let strings = sent.iter().enumerate();
                strings.filter_map(|(n, string)| self.string(string, &[field.into(), n.into()])).collect()
            }
            other => {
                self.add("list_type", &[field.into()], "Input should be a valid list", other);
                Vec::new()
            }
        }
    }

    /// The different paths to read back, in the order of the request. If there are more than the maximum, one more than
    /// the maximum.
    pub(super) fn fetch_files(&mut self) -> Vec<String> {
        let listed = match self.get("fetch_files") {
            None => return Vec::new(),
            Some(Value::Array(listed)) => listed,
            Some(other) => {
                self.add("list_type", &["fetch_files".into()], "Input should be a valid list", other);
                return Vec::new();
            }
        };
        let (mut paths, mut seen) = (Vec::new(), HashSet::new());
        for (n, path) in listed.iter().enumerate() {
            match path.as_str() {
                Some(path) if paths.len() <= FETCH_FILES_MAX && seen.insert(path) => paths.push(path.to_owned()),
                Some(_) => {}
                None => {
                    self.string(path, &["fetch_files".into(), n.into()]);
                }
            }
        }
        paths
    }
}
