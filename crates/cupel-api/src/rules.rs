//! Validation rules that no type expresses, added to the OpenAPI document: the permitted values of parameters by name,
//! and which fields of a body exclude or require each other.
//!
//! A rule about a single field of one body is an attribute of that field. *Invariant:* these rules never permit a
//! request that the server refuses; `scripts/test-openapi.sh` sends what the document allows.

use cupel_types::Verdict;
use serde_json::{Value, json};
use utoipa::Number;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, RefOr};

use crate::v1::PAGE_MAX;

/// Adds the rules for an operation's parameters, by their names.
pub(crate) fn add_to_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema else { continue };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Query, "page") => object.maximum = Some(Number::UInt(PAGE_MAX as usize)),
            (ParameterIn::Query, "ids") => be(object, UUIDS),
            (ParameterIn::Query, "slug") => be(object, SLUG),
            (ParameterIn::Query, "difficulty") => be(object, "^(easy|medium|hard)(,(easy|medium|hard))*$"),
            (ParameterIn::Query, "sort") if object.enum_values.is_none() => {
                be(object, "^(title|newest|difficulty|solved)$");
            }
            (ParameterIn::Query, "tag") => be(object, TAGS),
            (ParameterIn::Query, "verdict") => {
                let codes: Vec<&str> = Verdict::ALL.iter().map(|verdict| verdict.code()).collect();
                be(object, &format!("^({})$", codes.join("|")));
            }
            (ParameterIn::Query, "problem") => be(object, SLUG),
            (ParameterIn::Query, "status") => be(object, "^(queued|running|completed|failed|cancelled)$"),
            (ParameterIn::Query, "purpose") => {
                be(object, "^(execution|submission|trial|custom_input|verification)$");
            }
            (ParameterIn::Query, "cursor") => be(object, "^([A-Za-z0-9_-]{22})?$"),
            (ParameterIn::Query, "q") => object.max_length = Some(100),
            (ParameterIn::Header, "Idempotency-Key") => be(object, "^[!-~]{1,255}$"),
            _ => {}
        }
    }
}

const UUIDS: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,99}$";

const TAGS: &str = "^[^,\\u0000-\\u001f\\u007f-\\u009f]{1,40}(,[^,\\u0000-\\u001f\\u007f-\\u009f]{1,40}){0,19}$";

const SLUG: &str = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";

fn be(object: &mut Object, pattern: &str) {
    object.pattern.get_or_insert_with(|| pattern.to_owned());
}

/// Adds which fields of bodies exclude or require each other.
pub(crate) fn add_to_bodies(document: &mut OpenApi) {
    for (name, schema) in &mut document.components.get_or_insert_default().schemas {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        if !name.ends_with("Request") {
            continue;
        }
        let has = |field: &str| object.properties.contains_key(field);
        let mut rules = Vec::new();
        if has("source_code") && has("files") {
            let files = json!({ "required": ["files"], "properties": { "files": { "type": "array", "minItems": 1 } } });
            rules.push(json!({ "anyOf": [sent("source_code"), files] }));
        }
        if has("content") && has("content_base64") {
            rules.push(json!({ "oneOf": [sent("content"), sent("content_base64")] }));
        }
        // Alternative names for the same input.
        let inputs: Vec<&str> = ["input", "stdin", "stdin_base64"].into_iter().filter(|name| has(name)).collect();
        for (place, one) in inputs.iter().enumerate() {
            rules.extend(inputs[place + 1..].iter().map(|other| not_both(sent(one), sent(other))));
        }
        if has("tests") {
            let tests = json!({ "required": ["tests"], "properties": { "tests": { "type": "array", "minItems": 1 } } });
            rules.extend(inputs.iter().map(|input| not_both(tests.clone(), full(input))));
        }
        let penalties: Vec<&str> =
            ["penalty_minutes", "penalty_seconds"].into_iter().filter(|field| has(field)).collect();
        if !object.required.iter().any(|field| field == "style") {
            // A penalty requires a style.
            rules.extend(penalties.iter().map(|field| not_both(number(field), json!({ "not": sent("style") }))));
        }
        if let [minutes, seconds] = penalties[..] {
            rules.push(not_both(number(minutes), number(seconds)));
        }
        if !rules.is_empty() {
            // Under `allOf`, because client generators look for fields only at the top level.
            object.extensions.get_or_insert_default().insert("allOf".to_owned(), rules.into());
        }
    }
}

/// The field is present and not `null`.
fn sent(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "type": "string" } } })
}

/// The field is present and not `null`.
fn number(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "type": "integer" } } })
}

/// The field is present and not empty.
fn full(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "type": "string", "minLength": 1 } } })
}

fn not_both(one: Value, other: Value) -> Value {
    json!({ "not": { "allOf": [one, other] } })
}
