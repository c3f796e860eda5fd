//! Tests that the OpenAPI document and the server agree: the document contains the server's rules, and the server
//! accepts no field or parameter that the document does not name.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::Method;
use cupel_core::Bounds;
use cupel_http::Rate;
use serde_json::{Value, json};

use crate::app::{TestApp, TestUser};

/// An unused id.
const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

fn document() -> Value {
    serde_json::from_str(cupel_api::openapi_json()).unwrap()
}

/// A schema of the document by its name.
fn schema<'d>(document: &'d Value, name: &str) -> &'d Value {
    &document["components"]["schemas"][name]
}

/// An operation, with a well-formed path.
struct Operation {
    name: String,
    method: Method,
    path: String,
    /// Schema of the JSON body, if it has one.
    body: Option<String>,
}

#[test]
fn the_access_table_has_the_operations_of_the_document_and_no_others() {
    let mut documented = HashSet::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let table: HashSet<_> = cupel_api::operations().map(|(method, path)| (method.to_string(), path)).collect();
    assert_eq!(table.len(), cupel_api::operations().count(), "the table contains an operation twice");
    assert_eq!(table, documented);
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let name = format!("{method} {path}");
            let mut path = path.replace("{version}", "1");
            while let Some((before, rest)) = path.split_once('{') {
                let (parameter, after) = rest.split_once('}').unwrap();
                let value = if parameter.ends_with("_id") && parameter != "language_id" { NO_ID } else { "none" };
                path = format!("{before}{value}{after}");
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let body = body.as_str().map(|reference| reference.rsplit('/').next().unwrap().to_owned());
            operations.push(Operation { name, method, path, body });
        }
    }
    operations
}

async fn send(app: &TestApp, operation: &Operation, admin: &TestUser, body: &str) -> crate::app::Answer {
    let call = app.request(operation.method.clone(), &operation.path).bearer(&admin.token);
    call.raw(body.to_owned()).header("content-type", "application/json").send().await
}

/// Before, Swagger UI showed the schema's only example, an unknown language, for every error.
#[test]
fn the_example_of_an_error_has_the_status_of_its_response() {
    let document = document();
    let mut compared = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(responses) = operation["responses"].as_object() else { continue };
            for (status, response) in responses {
                let content = &response["content"]["application/problem+json"];
                if content.is_null() {
                    continue;
                }
                assert_eq!(content["example"]["status"].to_string(), *status, "{method} {path}: {content}");
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared} examples");
}

#[test]
fn every_list_of_a_program_has_the_default_maximum_of_the_server() {
    let (document, bounds) = (document(), Bounds::default());
    let maximum = |name: &str, field: &str, rule: &str| schema(&document, name)["properties"][field][rule].clone();
    assert_eq!(maximum("BatchRequest", "submissions", "maxItems"), json!(bounds.batch_max));
    assert_eq!(maximum("ExecuteRequest", "tests", "maxItems"), json!(bounds.tests_max));
    assert_eq!(maximum("ExecuteRequest", "args", "maxItems"), json!(bounds.args_max));
    assert_eq!(maximum("ExecuteRequest", "env", "maxProperties"), json!(bounds.env_max));
    for request in ["ExecuteRequest", "SolutionRequest", "TrialRequest"] {
        assert_eq!(maximum(request, "files", "maxItems"), json!(bounds.files_max), "{request}");
        // `source_code` counts as a file, so the maximum of `files` is one less.
        let rules = schema(&document, request)["allOf"].to_string();
        assert!(rules.contains(&format!("\"maxItems\":{}", bounds.files_max - 1)), "{request}: {rules}");
    }
}

#[test]
fn all_alternative_names_of_a_field_are_in_the_document() {
    let document = document();
    for (request, fields) in [
        ("LoginRequest", &["email", "username", "password"][..]),
        ("ParticipationRequest", &["kind", "join_code", "code"]),
        ("PasswordRequest", &["old_password", "password"]),
    ] {
        let properties = schema(&document, request)["properties"].as_object().unwrap();
        let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let mut fields = fields.to_vec();
        names.sort_unstable();
        fields.sort_unstable();
        assert_eq!(names, fields, "{request}");
    }
}

/// Sends, for each rule of a single field, a body that breaks the rule. The server must refuse it at this field with
/// 422.
#[tokio::test]
async fn a_value_that_breaks_a_rule_of_the_document_is_refused_at_its_field() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.problem(&admin, "echo", cupel_problem::Visibility::Public).await;
    let document = document();
    let contest = json!({ "slug": "c", "title": "C", "style": "icpc", "starts_at": "2100-01-01T00:00:00Z",
        "length_seconds": 3600, "problems": ["echo"] });
    let program = json!({ "language": "python", "source_code": "x" });
    let files = |n: usize| (0..n).map(|i| json!({ "path": format!("{i}"), "content": "1" })).collect::<Vec<_>>();
    let env = |n: usize| (0..n).map(|i| (format!("A{i}"), json!(""))).collect::<serde_json::Map<_, _>>();
    for (method, path, request, field, rule, base, value) in [
        ("PATCH", "/problems/echo", "ChangeRequest", "slug", "pattern", &json!({}), json!("A B")),
        ("PATCH", "/problems/echo", "ChangeRequest", "exception", "maxLength", &json!({}), json!("x".repeat(1001))),
        ("PATCH", "/problems/echo", "ChangeRequest", "readers", "maxItems", &json!({}), json!(vec!["a"; 1001])),
        ("PATCH", "/problems/echo", "ChangeRequest", "authors", "maxItems", &json!({}), json!(vec!["a"; 1001])),
        ("POST", "/contests", "ContestRequest", "slug", "pattern", &contest, json!("A B")),
        ("POST", "/contests", "ContestRequest", "title", "maxLength", &contest, json!("x".repeat(201))),
        ("POST", "/contests", "ContestRequest", "title", "pattern", &contest, json!("a\nb")),
        ("POST", "/contests", "ContestRequest", "length_seconds", "maximum", &contest, json!(2_678_401)),
        ("POST", "/contests", "ContestRequest", "length_seconds", "minimum", &contest, json!(59)),
        ("POST", "/contests", "ContestRequest", "freeze_seconds", "maximum", &contest, json!(2_678_401)),
        ("POST", "/contests", "ContestRequest", "penalty_minutes", "maximum", &contest, json!(1441)),
        ("POST", "/contests", "ContestRequest", "problems", "maxItems", &contest, json!(vec!["echo"; 27])),
        ("POST", "/contests", "ContestRequest", "problems", "minItems", &contest, json!([])),
        ("POST", "/problems/echo/submissions", "SolutionRequest", "language", "minLength", &program, json!("")),
        ("POST", "/problems/echo/run", "TrialRequest", "language", "minLength", &program, json!("")),
        ("POST", "/execute", "ExecuteRequest", "language", "minLength", &program, json!("")),
        ("POST", "/execute", "ExecuteRequest", "files", "maxItems", &program, json!(files(101))),
        ("POST", "/execute", "ExecuteRequest", "args", "maxItems", &program, json!(vec!["a"; 257])),
        ("POST", "/execute", "ExecuteRequest", "env", "maxProperties", &program, json!(env(65))),
        ("POST", "/execute", "ExecuteRequest", "tests", "maxItems", &program, json!(vec![json!({}); 101])),
    ] {
        let name = format!("{request}.{field}: {rule}");
        assert!(!schema(&document, request)["properties"][field][rule].is_null(), "{name} is not in the document");
        let mut body = base.clone();
        body[field] = value;
        let method: Method = method.parse().unwrap();
        let answer = app.request(method, &format!("/api/v1{path}")).bearer(&admin.token).json(&body).send().await;
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
        let pointer = answer.json["errors"][0]["pointer"].as_str().unwrap();
        assert_eq!(pointer, format!("/{field}"), "{name}: {answer:?}");
    }
    // Rules of the entries of a list and of the names of variables.
    let entries = &schema(&document, "ExecuteRequest")["properties"];
    assert!(entries["args"]["items"]["pattern"].is_string(), "{entries}");
    assert!(entries["env"]["propertyNames"]["pattern"].is_string(), "{entries}");
    assert!(entries["env"]["additionalProperties"]["pattern"].is_string(), "{entries}");
}

/// Checks the server's answers to the values of `patterns.json`. `scripts/openapi/patterns.py` checks that the
/// document's patterns match the same values. The patterns need lookahead, so this test cannot match them.
#[tokio::test]
async fn the_server_accepts_the_values_that_a_pattern_of_the_document_allows() {
    // Each of many values is sent with a registration.
    let registrations = Rate::new(1000, Duration::from_secs(3600), 1000);
    let app = TestApp::with_settings(|settings| settings.login.registrations = registrations).await;
    let admin = app.admin().await;
    let document = document();
    let table: Vec<Value> = serde_json::from_str(include_str!("patterns.json")).unwrap();
    let texts = |row: &Value, list: &str| row[list].as_array().unwrap().clone();
    for (number, row) in table.iter().enumerate() {
        let (request, field) = (row["schema"].as_str().unwrap(), row["field"].as_str().unwrap());
        assert!(schema(&document, request)["properties"][field]["pattern"].is_string(), "{request}.{field}");
        let values = texts(row, "allowed").into_iter().map(|text| (text, true));
        let values = values.chain(texts(row, "refused").into_iter().map(|text| (text, false)));
        for (place, (text, fits)) in values.enumerate() {
            let program = |field: &str, value: Value| json!({ "language": "python", "source_code": "x", field: value });
            let name = format!("user{number}-{place}");
            let mut user =
                json!({ "username": name, "email": format!("{name}@users.example"), "password": "a-long-password" });
            let (path, body, pointer) = match request {
                "FileRequest" => {
                    ("execute", program("files", json!([{ field: text, "content": "1" }])), format!("/files/0/{field}"))
                }
                "ExecuteRequest" => ("execute", program(field, text.clone()), format!("/{field}")),
                _ => {
                    user[field] = text.clone();
                    ("auth/register", user, format!("/{field}"))
                }
            };
            let call = app.request(Method::POST, &format!("/api/v1/{path}")).bearer(&admin.token).json(&body);
            let answer = call.send().await;
            let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
            let is_refused = errors.iter().any(|error| error["pointer"] == pointer);
            assert_eq!(!is_refused, fits, "{request}.{field}: {text}: {answer:?}");
        }
    }
    for (request, list) in [("ExecuteRequest", "files"), ("ContestRequest", "problems")] {
        assert_eq!(schema(&document, request)["properties"][list]["uniqueItems"], true, "{request}.{list}");
    }
}

#[tokio::test]
async fn every_operation_refuses_a_parameter_that_the_document_does_not_name() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for operation in operations(&document()) {
        let path = format!("{}?no_such_parameter=1", operation.path);
        let answer = app.request(operation.method.clone(), &path).bearer(&admin.token).send().await;
        answer.is_error(400, "invalid-parameter");
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(detail.contains("There is no parameter `no_such_parameter`"), "{}: {detail}", operation.name);
    }
    for (path, parameter) in [
        ("/languages?languages=c", "This operation has no parameters."),
        ("/problems?tags=a", "Did you mean `tag`?"),
        ("/problems/echo?language=en", "Did you mean `lang`?"),
        ("/submissions?pages=2", "Did you mean `page`?"),
        ("/leaderboard?limits=2", "Did you mean `limit`?"),
    ] {
        let answer = app.get(&format!("/api/v1{path}")).bearer(&admin.token).send().await;
        answer.is_error(400, "invalid-parameter");
        assert!(answer.json["detail"].as_str().unwrap().ends_with(parameter), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn broken_json_is_invalid_json_on_every_operation() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut seen = 0;
    for operation in operations(&document()).iter().filter(|operation| operation.body.is_some()) {
        for broken in ["{\"a\":", "{\"a\": 1,}", "{\"a\": 1} x", "{'a': 1}", "[1", ""] {
            let answer = send(&app, operation, &admin, broken).await;
            answer.is_error(400, "invalid-json");
            let detail = answer.json["detail"].as_str().unwrap();
            assert!(
                detail.starts_with("The body is not valid JSON at line 1, column "),
                "{}: {detail}",
                operation.name
            );
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}

/// `is_error` checks the wording of each answer.
#[tokio::test]
async fn a_value_of_a_wrong_type_is_refused_in_plain_words_at_its_field() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let document = document();
    for operation in operations(&document) {
        let Some(body) = &operation.body else { continue };
        for (field, property) in schema(&document, body)["properties"].as_object().unwrap() {
            let takes_number = property.to_string().contains("\"integer\"");
            let takes_list = property.to_string().contains("\"array\"");
            let wrong: &[&str] = match (takes_number, takes_list) {
                (true, _) => &["\"1\"", "1.5", "-1", "true", "1e999"],
                (_, true) => &["17", "\"x\"", "{}"],
                _ => &["17", "[{}]"],
            };
            for value in wrong {
                let answer = send(&app, &operation, &admin, &format!("{{\"{field}\": {value}}}")).await;
                answer.is_error(422, "invalid-body");
                let pointer = answer.json["errors"][0]["pointer"].as_str().unwrap();
                assert!(pointer.starts_with(&format!("/{field}")), "{} {field} {value}: {answer:?}", operation.name);
            }
        }
        for other in ["3", "null", "[]", "\"x\""] {
            send(&app, &operation, &admin, other).await.is_error(422, "invalid-body").points_to("");
        }
    }
}

#[tokio::test]
async fn a_parameter_of_a_wrong_form_is_refused_in_plain_words() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (path, detail) in [
        ("/execute/none?wait=soon", "`wait` must be a number of seconds, 0 or more."),
        ("/execute/none?wait=", "`wait` must be a number of seconds, 0 or more."),
        ("/execute/none?wait=-1", "`wait` must be a number of seconds, 0 or more."),
        ("/execute/none?wait=nan", "`wait` must be a number of seconds, 0 or more."),
        ("/problems?page=x", "`page` must be an integer."),
        ("/problems?page=", "`page` must be an integer."),
        ("/problems?page=99999999999999999999", "`page` is too large."),
        ("/problems?page=0", "`page` must be from 1 to 1000000000."),
        ("/problems?limit=101", "`limit` must be from 1 to 100."),
        ("/problems?mine=yes", "`mine` must be `true` or `false`."),
        ("/contests?phase=odd", "`phase` must be one of `upcoming`, `running`, `over`."),
        ("/problems?page=1&page=2", "The parameter `page` is given more than once. Send it once."),
        ("/submissions?verdict=odd", "`verdict` must be a code such as `AC`, `WA` or `TLE`."),
    ] {
        let path = path.replace("/execute/none", &format!("/execute/{NO_ID}"));
        let answer = app.get(&format!("/api/v1{path}")).bearer(&admin.token).send().await;
        answer.is_error(400, "invalid-parameter");
        assert_eq!(answer.json["detail"], detail, "{path}");
    }
}

#[tokio::test]
async fn the_error_about_an_unknown_language_is_the_same_on_every_route() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.problem(&admin, "echo", cupel_problem::Visibility::Public).await;
    let detail = "There is no language `pyton`; did you mean `python`?";
    let program = json!({ "language": "pyton", "source_code": "x" });
    for path in ["/execute", "/problems/echo/run", "/problems/echo/submissions"] {
        let answer = app.post(&format!("/api/v1{path}"), &program).bearer(&admin.token).send().await;
        assert_eq!(answer.is_error(422, "unknown-language").json["detail"], detail, "{path}");
    }
    for path in ["/submissions?language=pyton", "/problems/echo/submissions?language=pyton"] {
        let answer = app.get(&format!("/api/v1{path}")).bearer(&admin.token).send().await;
        assert_eq!(answer.is_error(422, "unknown-language").json["detail"], detail, "{path}");
    }
    let answer = app.get("/api/v1/languages/pyton").send().await;
    assert_eq!(answer.is_error(404, "not-found").json["detail"], detail);
}

#[tokio::test]
async fn the_error_about_a_misspelt_field_suggests_a_field_that_fits() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for (path, field, suggestion) in [
        ("/auth/password", "new_password", "Did you mean `password`?"),
        ("/auth/password", "oldpassword", "Did you mean `old_password`?"),
        ("/auth/login", "user_name", "Did you mean `username`?"),
        ("/execute", "code", "Did you mean `source_code`?"),
    ] {
        let answer = app.post(&format!("/api/v1{path}"), &json!({ field: "x" })).bearer(&user.token).send().await;
        answer.is_error(422, "invalid-body").points_to(&format!("/{field}"));
        assert!(answer.json["detail"].as_str().unwrap().ends_with(suggestion), "{}", answer.text);
    }
}

/// Every example has every field that its schema requires, and no field that its schema lacks.
#[test]
fn examples_have_the_fields_of_their_schemas() {
    let document = document();
    let mut seen = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(example) = schema["example"].as_object() else { continue };
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(example.contains_key(required.as_str().unwrap()), "{name}: the example lacks {required}");
        }
        for field in example.keys() {
            assert!(!schema["properties"][field].is_null(), "{name}: the schema lacks `{field}` of the example");
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
    let language = schema(&document, "LanguageView");
    let fields = language["properties"].as_object().unwrap().keys();
    for field in fields {
        assert!(language["example"].get(field).is_some(), "LanguageView: the example lacks `{field}`");
    }
}

#[test]
fn every_page_number_has_a_maximum() {
    let document = document();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for parameter in
            item.as_object().unwrap().values().flat_map(|operation| operation["parameters"].as_array()).flatten()
        {
            if ["page", "limit"].contains(&parameter["name"].as_str().unwrap()) {
                assert!(parameter["schema"]["maximum"].is_number(), "{path}: {parameter}");
                assert_eq!(parameter["schema"]["minimum"], 1, "{path}: {parameter}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

/// The delivery of a webhook: body, headers and signature. `crates/cupel/tests/it/webhooks.rs` compares the body with
/// that of a real delivery.
#[test]
fn the_document_describes_the_webhook() {
    let document = document();
    let delivery = &document["webhooks"]["submission.finished"]["post"];
    let body = delivery["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
    let body = document.pointer(body.trim_start_matches('#')).unwrap();
    assert_eq!(body["required"], json!(["type", "timestamp", "data"]));
    let headers: Vec<&str> =
        delivery["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(headers, ["webhook-id", "webhook-timestamp", "webhook-signature"]);
    assert!(delivery["description"].as_str().unwrap().contains("HMAC-SHA256"), "{delivery}");
    let statuses: Vec<&String> = delivery["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["2XX", "410", "default"]);
}

/// The data of the event `scheduled` has the fields that the document requires.
#[tokio::test]
async fn the_event_of_a_scheduled_submission_has_all_required_fields() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let run_at = app.core.now().checked_add(jiff::SignedDuration::from_hours(48)).unwrap().to_string();
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x", "run_at": run_at })).await;
    let answer = app.get(&format!("/api/v1/execute/{id}/events?after=7")).bearer(&user.token).send().await;
    let data = answer.text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    for field in schema(&document(), "EventData")["required"].as_array().unwrap() {
        assert!(!data[field.as_str().unwrap()].is_null(), "{field}: {data}");
    }
    assert_eq!(data["seq"], 7, "the number of the last event that the client has");
}
