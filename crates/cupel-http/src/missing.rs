//! Reports all missing fields of a body together, although serde stops at the first.
//!
//! Each missing field gets a placeholder of a type that it accepts, and the body is parsed again, until no field is
//! missing or another error is found.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Path;

use crate::body::{dotted, pointer, push_key};
use crate::error::{ApiError, ErrorKind, FieldError};
use crate::object::Object;

/// Maximum length of a body that is parsed repeatedly, in bytes. The missing fields of a longer body are reported one
/// by one.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of fields that are reported.
const FIELDS_MAX: usize = 32;

/// Pointers of the missing fields of `text`, a body whose parsing failed with `error` at `path`. Empty if no field is
/// missing, or if the body is long.
pub(crate) fn fields<T: DeserializeOwned>(text: &str, path: &Path, error: &serde_json::Error) -> Vec<String> {
    let mut missing = Vec::new();
    let Some(first) = missing_field(path, error).filter(|_| text.len() <= BODY_BYTES_MAX) else { return missing };
    let Ok(mut body) = serde_json::from_str::<Value>(text) else { return missing };
    let mut next = Some(first);
    while let Some((object, name)) = next.take().filter(|_| missing.len() < FIELDS_MAX) {
        let mut field = object.clone();
        push_key(&mut field, &name);
        let Some(Value::Object(place)) = body.pointer_mut(&object) else { return missing };
        if place.contains_key(&name) {
            return missing;
        }
        place.insert(name.clone(), Value::Null);
        missing.push(field.clone());
        next = after_placeholder::<T>(&mut body, &field);
    }
    missing
}

/// Error that names all these fields.
pub(crate) fn fault(fields: Vec<String>) -> ApiError {
    let names: Vec<String> = fields.iter().map(|field| format!("`{}`", dotted(field))).collect();
    let errors = fields.into_iter().map(|field| {
        let detail = format!("The field `{}` is required.", field.rsplit('/').next().unwrap_or_default());
        FieldError::new(field, detail)
    });
    let detail = format!("The fields {} are required.", names.join(", "));
    ApiError::new(ErrorKind::InvalidBody, detail).with_errors(errors.collect())
}

/// Inserts an acceptable value at the pointer `field`. Returns the next missing field: its object's pointer and its
/// name.
fn after_placeholder<T: DeserializeOwned>(body: &mut Value, field: &str) -> Option<(String, String)> {
    let mut candidates = vec![json!({}), json!([]), json!(false), json!(0), json!("")];
    while let Some(candidate) = candidates.pop() {
        let was_text = candidate == "";
        *body.pointer_mut(field)? = candidate;
        let error = serde_path_to_error::deserialize::<_, Object<T>>(&*body).err()?;
        let path = error.path().clone();
        let missing = missing_field(&path, error.inner());
        let message = error.inner().to_string();
        let is_of_this = pointer(&path) == field;
        match (missing, is_of_this) {
            // An object whose own fields are missing.
            (Some(missing), _) => return Some(missing),
            (None, false) => return None,
            (None, true) if was_text && message.starts_with("unknown variant `") => {
                candidates.push(json!(message.split('`').nth(3)?));
            }
            (None, true) => {}
        }
    }
    None
}

fn missing_field(path: &Path, error: &serde_json::Error) -> Option<(String, String)> {
    let message = error.to_string();
    let name = message.strip_prefix("missing field `")?.split('`').next()?;
    Some((pointer(path), name.to_owned()))
}
