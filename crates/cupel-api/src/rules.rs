//! Validation rules that types cannot express, added to the OpenAPI document: the permitted values of parameters by
//! name, and the fields of a body that exclude or require each other.
//!
//! A rule about a single field of one body is an attribute of that field. *Invariant:* the server accepts every request
//! that the document allows, except where a schema cannot express what the API requires; `scripts/test-openapi.sh`
//! sends such requests.

use cupel_core::Bounds;
use cupel_types::Verdict;
use serde_json::{Value, json};
use utoipa::Number;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, ObjectBuilder, Schema, Type};
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
                be(object, "^(run|submission|samples|custom_input|verification|execution|all|trial|input)$");
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

/// Adds the rules about fields of bodies that exclude or require each other.
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
            rules.push(json!({ "anyOf": [is_present("source_code"), files] }));
        }
        if has("content") && has("content_base64") {
            rules.push(json!({ "oneOf": [is_present("content"), is_present("content_base64")] }));
        }
        // Alternative names for the same input.
        let inputs: Vec<&str> = ["input", "stdin", "stdin_base64"].into_iter().filter(|name| has(name)).collect();
        for (place, one) in inputs.iter().enumerate() {
            rules.extend(inputs[place + 1..].iter().map(|other| not_both(is_present(one), is_present(other))));
        }
        if has("source_code") && has("files") {
            // The main source counts as a file.
            let most = Bounds::default().files_max - 1;
            let fewer = json!({ "properties": { "files": { "maxItems": most } } });
            rules.push(json!({ "anyOf": [{ "not": is_present("source_code") }, fewer] }));
        }
        for (one, other) in [("join_code", "code"), ("version", "image")] {
            if has(one) && has(other) && !object.required.iter().any(|field| field == one) {
                rules.push(not_both(is_present(one), is_present(other)));
            }
        }
        if name == "RegisterRequest" {
            rules.push(json!({ "anyOf": [is_present("email"), is_present("join_code")] }));
        }
        if name == "LoginRequest" {
            rules.push(json!({ "anyOf": [is_present("email"), is_present("username")] }));
            rules.push(not_both(is_present("email"), is_present("username")));
        }
        if has("tests") {
            let tests = json!({ "required": ["tests"], "properties": { "tests": { "type": "array", "minItems": 1 } } });
            rules.extend(inputs.iter().map(|input| not_both(tests.clone(), is_not_empty(input))));
            for field in ["fetch_files", "artifacts"].into_iter().filter(|field| has(field)) {
                let wanted =
                    json!({ "required": [field], "properties": { field: { "type": "array", "minItems": 1 } } });
                rules.push(not_both(tests.clone(), wanted));
            }
        }
        let penalties: Vec<&str> =
            ["penalty_minutes", "penalty_seconds"].into_iter().filter(|field| has(field)).collect();
        if !object.required.iter().any(|field| field == "style") {
            // A penalty requires a style.
            rules.extend(penalties.iter().map(|field| not_both(number(field), json!({ "not": is_present("style") }))));
        }
        if let [minutes, seconds] = penalties[..] {
            rules.push(not_both(number(minutes), number(seconds)));
        }
        add_patterns(name, object);
        add_bounds(object);
        if !rules.is_empty() {
            // Under `allOf`, because client generators look for fields only at the top level.
            object.extensions.get_or_insert_default().insert("allOf".to_owned(), rules.into());
        }
    }
}

/// Adds the patterns of fields that occur in several bodies, and the rule that the lists `files` and `problems` have no
/// duplicates.
fn add_patterns(request: &str, object: &mut Object) {
    for (name, pattern) in [("path", BOX_PATH), ("webhook", WEB_URL)] {
        if let Some(RefOr::T(Schema::Object(field))) = object.properties.get_mut(name) {
            be(field, pattern);
        }
    }
    // A login also accepts a user name as `email`.
    if request != "LoginRequest"
        && let Some(RefOr::T(Schema::Object(field))) = object.properties.get_mut("email")
    {
        be(field, EMAIL);
    }
    for name in ["files", "problems"] {
        if let Some(RefOr::T(Schema::Array(list))) = object.properties.get_mut(name) {
            list.unique_items = true;
        }
    }
}

/// Adds the server's default bounds and the patterns of entries to the lists and the environment variables of a
/// program.
fn add_bounds(object: &mut Object) {
    let bounds = Bounds::default();
    let lists = [
        ("submissions", bounds.batch_max),
        ("files", bounds.files_max),
        ("tests", bounds.tests_max),
        ("args", bounds.args_max),
        ("compiler_args", bounds.args_max),
        ("linker_args", bounds.args_max),
        ("interpreter_args", bounds.args_max),
    ];
    for (name, most) in lists {
        if let Some(RefOr::T(Schema::Array(list))) = object.properties.get_mut(name) {
            list.max_items = Some(most);
        }
    }
    let text =
        |pattern: &str| Schema::Object(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build());
    for name in ["args", "compiler_args", "linker_args", "interpreter_args"] {
        if let Some(RefOr::T(Schema::Array(args))) = object.properties.get_mut(name) {
            args.items = ArrayItems::RefOrSchema(Box::new(RefOr::T(text(NO_NUL))));
        }
    }
    for (name, pattern) in [("fetch_files", BOX_PATH), ("artifacts", PATH_PATTERN)] {
        if let Some(RefOr::T(Schema::Array(paths))) = object.properties.get_mut(name) {
            paths.items = ArrayItems::RefOrSchema(Box::new(RefOr::T(text(pattern))));
        }
    }
    if let Some(RefOr::T(Schema::Object(env))) = object.properties.get_mut("env") {
        env.max_properties = Some(bounds.env_max);
        env.property_names = Some(Box::new(text("^[A-Za-z_][A-Za-z0-9_]*$")));
        env.additional_properties = Some(Box::new(AdditionalProperties::RefOr(RefOr::T(text(NO_NUL)))));
    }
}

/// A component of a path: not `.` or `..`, and either ASCII of at most 255 bytes or at most 63 characters, which have
/// at most 252 bytes.
macro_rules! component {
    () => {
        "(?!\\.{1,2}(/|$))([ -.0-\\[\\]-~]{1,255}|(?![ -.0-\\[\\]-~]+(/|$))[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]{1,63})"
    };
}

/// A relative path inside the box ([`cupel_types::BoxPath`]). 256 characters have at most 1,024 bytes.
const BOX_PATH: &str = concat!("^(?=[ -~]{1,1024}$|.{1,256}$)", component!(), "(/", component!(), "){0,31}$");

/// A pattern of such paths ([`cupel_types::PathPattern`]). 32 characters have at most 128 bytes.
const PATH_PATTERN: &str = concat!("^(?=[ -~]{1,128}$|.{1,32}$)", component!(), "(/", component!(), "){0,31}$");

/// A group of digits of an IPv6 address.
macro_rules! group {
    () => {
        "[0-9A-Fa-f]{1,4}"
    };
}

/// `$count` groups of an IPv6 address, each followed by a colon.
macro_rules! groups {
    ($count:literal) => {
        concat!("(", group!(), ":){", $count, "}")
    };
}

/// `$count` groups of an IPv6 address, each preceded by a colon.
macro_rules! last_groups {
    ($count:literal) => {
        concat!("(:", group!(), "){", $count, "}")
    };
}

/// A number from 0 to 255 of an IPv4 address.
macro_rules! byte {
    () => {
        "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    };
}

/// An IPv6 address in each form of RFC 4291, section 2.2: `::` stands for at least one group, and the last two groups
/// may be an IPv4 address.
macro_rules! ipv6 {
    () => {
        concat!(
            "(",
            concat!(groups!("7"), group!(), "|", groups!("1,7"), ":|:(", last_groups!("1,7"), "|:)|"),
            concat!(groups!("1,6"), last_groups!("1"), "|", groups!("1,5"), last_groups!("1,2"), "|"),
            concat!(groups!("1,4"), last_groups!("1,3"), "|", groups!("1,3"), last_groups!("1,4"), "|"),
            concat!(groups!("1,2"), last_groups!("1,5"), "|", groups!("1"), last_groups!("1,6"), "|"),
            concat!("(", groups!("6"), "|::", groups!("0,5"), "|", groups!("1"), ":", groups!("0,4"), "|"),
            concat!(groups!("1,2"), ":", groups!("0,3"), "|", groups!("1,3"), ":", groups!("0,2"), "|"),
            concat!(groups!("1,4"), ":", groups!("0,1"), "|", groups!("1,5"), ":)"),
            concat!("(", byte!(), "\\.){3}", byte!(), ")"),
        )
    };
}

/// An `http` or `https` URL with a name, an IPv4 address or an IPv6 address as host, and without a user.
const WEB_URL: &str = concat!(
    "^[Hh][Tt][Tt][Pp][Ss]?://([A-Za-z0-9._-]+|\\[",
    ipv6!(),
    "\\])(:0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#][!-~]*)?$"
);

/// A character of a domain's label: an ASCII letter or digit, or a non-ASCII character other than spaces and control
/// characters. `$also` ends the range of excluded characters below the digits: `/` excludes the hyphen, `,./` permits
/// it.
macro_rules! of_label {
    ($also:literal) => {
        concat!("[^\\s\\u0000-", $also, ":-@\\[-`{-\\u009f\\ufeff]")
    };
}

/// A label of a domain, with hyphens only between other characters.
macro_rules! label {
    () => {
        concat!(of_label!("/"), "(", of_label!(",./"), "{0,61}", of_label!("/"), ")?")
    };
}

/// A mail address.
const EMAIL: &str = concat!(
    "^(?=.{1,254}$)[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ufeff<>()\\[\\]\\\\,;:\"@]{1,64}@(",
    label!(),
    "\\.)+",
    label!(),
    "$"
);

const NO_NUL: &str = "^[^\\u0000]*$";

/// Rule: the field is present and a string, so not `null`.
fn is_present(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "type": "string" } } })
}

/// Rule: the field is present and a number.
fn number(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "type": "integer" } } })
}

/// Rule: the field is present and a string that is not empty.
fn is_not_empty(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "type": "string", "minLength": 1 } } })
}

fn not_both(one: Value, other: Value) -> Value {
    json!({ "not": { "allOf": [one, other] } })
}
