//! Refuses unknown query parameters.
//!
//! The known parameters of an operation are those in the OpenAPI document.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request};
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use cupel_http::app::Shared;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::suggest::nearest;

/// Names of the query parameters of each operation, by method and path.
type Known = HashMap<(Method, String), Vec<String>>;

/// Adds the check to every route of the document.
pub(crate) fn check(router: axum::Router<Shared>, document: &OpenApi) -> axum::Router<Shared> {
    let known = Arc::new(known(document));
    router.route_layer(from_fn(move |request: Request, next: Next| {
        let known = Arc::clone(&known);
        async move {
            match refusal(&known, &request) {
                Some(error) => error.into_response(),
                None => next.run(request).await,
            }
        }
    }))
}

fn known(document: &OpenApi) -> Known {
    let mut known = Known::new();
    for (path, item) in &document.paths.paths {
        let operations = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::DELETE, &item.delete),
            (Method::PATCH, &item.patch),
            (Method::PUT, &item.put),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                known.insert((method, path.clone()), names(operation));
            }
        }
    }
    known
}

fn names(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
            _ => None,
        })
        .collect()
}

fn refusal(known: &Known, request: &Request) -> Option<ApiError> {
    request.uri().query().filter(|query| !query.is_empty())?;
    let path = request.extensions().get::<MatchedPath>()?.as_str().to_owned();
    // A `GET` route also handles `HEAD`.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let known = known.get(&(method, path))?;
    let Ok(Query(sent)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
        return Some(ApiError::new(
            ErrorKind::InvalidParameter,
            "The query must be a list of `name=value` pairs, joined by `&`.",
        ));
    };
    let (unknown, _) = sent.iter().find(|(name, _)| !known.contains(name))?;
    Some(unknown_parameter(unknown, known))
}

fn unknown_parameter(unknown: &str, known: &[String]) -> ApiError {
    const NAME_CHARACTERS_MAX: usize = 64;
    let unknown: String = unknown.chars().take(NAME_CHARACTERS_MAX).collect();
    let hint = match nearest(&unknown, known.iter().map(String::as_str)) {
        Some(near) => format!("Did you mean `{near}`?"),
        None if known.is_empty() => "This operation has no parameters.".to_owned(),
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("The parameters are: {}.", names.join(", "))
        }
    };
    let detail = format!("There is no parameter `{}`. {hint}", unknown.escape_debug());
    ApiError::new(ErrorKind::InvalidParameter, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_about_an_unknown_parameter_names_known_parameters() {
        let detail = |unknown: &str, known: &[&str]| {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            unknown_parameter(unknown, &known).detail().to_owned()
        };
        assert_eq!(detail("tags", &["page", "tag"]), "There is no parameter `tags`. Did you mean `tag`?");
        assert_eq!(detail("zzz", &["page", "tag"]), "There is no parameter `zzz`. The parameters are: `page`, `tag`.");
        assert_eq!(detail("tag", &[]), "There is no parameter `tag`. This operation has no parameters.");
    }
}
