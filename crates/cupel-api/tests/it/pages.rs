//! Pages for people, and the OpenAPI document.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::TestApp;

#[tokio::test]
async fn the_documentation_loads_nothing_from_other_hosts() {
    let app = TestApp::start().await;
    let bare = app.get("/docs").send().await;
    assert_eq!((bare.status.as_u16(), bare.header("location")), (308, "docs/"));
    let page = app.get("/docs/").send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("href=\"../\""), "a link leads back to the site: {}", page.text);
    let files: Vec<&str> = page
        .text
        .split(['"', '\''])
        .filter(|t| t.ends_with(".js") || t.ends_with(".css") || t.ends_with(".png"))
        .collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is on another host");
        let answer = app.get(&format!("/docs/{}", file.trim_start_matches("./"))).send().await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(!answer.text.is_empty() && answer.header("content-security-policy").contains("script-src 'self'"));
    }
    let start = app.get("/docs/swagger-initializer.js").send().await.text;
    assert!(
        start.contains("url: \"../openapi.json\"")
            && start.contains("servers: [{ url: root }]")
            && start.contains("validatorUrl: \"none\""),
        "{start}"
    );
}

#[tokio::test]
async fn a_client_gets_the_files_of_the_documentation_compressed_only_if_it_accepts_gzip() {
    let app = TestApp::start().await;
    let get = async |encodings| app.get("/docs/swagger-ui-bundle.js").header("accept-encoding", encodings).send().await;
    let compressed = get("gzip, br").await;
    assert_eq!((compressed.header("content-encoding"), compressed.header("vary")), ("gzip", "accept-encoding"));
    let plain = get("gzip;q=0").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    assert!(plain.text.contains("SwaggerUIBundle"));
    assert!(compressed.bytes.len() * 2 < plain.bytes.len());
}

#[tokio::test]
async fn the_documentation_has_a_page_on_package_formats() {
    let app = TestApp::start().await;
    let page = app.get("/docs/formats").send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/plain; charset=utf-8"));
    for part in ["`problem.toml`", "Polygon", "Kattis", "DOMjudge", "DMOJ"] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains("Packages that each test run"), "the section for developers is omitted");
    let document = app.get("/openapi.json").send().await;
    assert!(document.json["info"]["description"].as_str().unwrap().contains("(/docs/formats)"));
    assert!(app.get("/docs/start").send().await.text.contains("href=\"../docs/formats\""));
}

#[tokio::test]
async fn the_documentation_has_pages_on_every_other_product_and_the_index_has_links_to_them() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").send().await;
    let index = document.json["info"]["description"].as_str().unwrap().to_owned();
    let start = app.get("/docs/start").send().await.text;
    for name in ["judge0", "piston", "sandboxfusion", "jobe"] {
        assert!(index.contains(&format!("(/docs/facades/{name})")), "{index}");
        assert!(start.contains(&format!("href=\"../docs/facades/{name}\"")), "{start}");
        for (path, part) in
            [(format!("/docs/facades/{name}"), "curl "), (format!("/docs/migrating/{name}.md"), "Install Cupel")]
        {
            let page = app.get(&path).send().await;
            assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/plain; charset=utf-8"));
            assert!(page.text.contains(part), "{path} lacks {part}");
        }
    }
    for path in ["/docs/facades", "/docs/migrating"] {
        let folder = app.get(path).send().await;
        assert_eq!((folder.status.as_u16(), folder.header("location")), (307, "start"), "{path}");
    }
    for path in ["/docs/facades/none", "/docs/migrating/none"] {
        assert_eq!(app.get(path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_browser_gets_the_documents_as_pages() {
    let app = TestApp::start().await;
    for (path, root, part) in [
        ("/docs/errors", "../", "<h1 id=\"errors\">"),
        ("/docs/formats", "../", "<div class=\"wide\"><table>"),
        ("/docs/migrating/judge0.md", "../../", "<title>Migrating from Judge0 · Cupel</title>"),
    ] {
        let page = app.get(path).header("accept", "text/html,*/*;q=0.8").send().await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").contains("style-src 'sha256-"), "{path}");
        assert!(page.text.contains(part), "{path} has no {part}: {}", page.text);
        assert!(page.text.contains(&format!("href=\"{root}docs/start\"")), "{path}");
        assert_eq!(
            page.text.matches("<style").count() + page.text.matches("style=").count(),
            1,
            "{path} has one style"
        );
    }
}

#[tokio::test]
async fn links_between_the_served_documents_work() {
    let app = TestApp::start().await;
    let names = ["judge0", "piston", "sandboxfusion", "jobe"];
    let mut waiting: Vec<String> = names.iter().map(|name| format!("docs/migrating/{name}")).collect();
    waiting.extend(
        [
            "docs/formats",
            "docs/contests",
            "docs/errors",
            "docs/live",
            "docs/many-runs",
            "docs/socketio",
            "docs/webhooks",
        ]
        .map(str::to_owned),
    );
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let page = app.get(&format!("/{path}")).send().await;
        assert_eq!(page.status, 200, "/{path}");
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
            if !link.is_empty() && !link.contains("://") {
                waiting.push(resolved(&path, link));
            }
        }
    }
    assert!(seen.contains("docs/reference/cli.md") && seen.contains("docs/facades/judge0.md"), "{seen:?}");
}

/// The path that a relative link on a page leads to.
fn resolved(page: &str, link: &str) -> String {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for part in link.split('/') {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path.join("/")
}

#[tokio::test]
async fn the_landing_page_has_a_curl_example_and_no_foreign_assets() {
    let app = TestApp::start().await;
    let page = app.get("/docs/start").send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("/api/v1/execute") && page.text.contains("href=\"../docs/\""));
    for absent in ["src=", "href=\"http", "{mark}", "{style}", "{version}", "{address}"] {
        assert!(!page.text.contains(absent), "{absent}");
    }
    let page = app
        .get("/docs/start")
        .header("host", "cupel.example.com:8443")
        .header("x-forwarded-proto", "https")
        .send()
        .await;
    assert!(page.text.contains("CUPEL=https://cupel.example.com:8443\n"));
    let page = app.get("/docs/start").header("host", "x\"><b>$(id)").send().await;
    assert!(page.text.contains("CUPEL=http://127.0.0.1:8080\n") && !page.text.contains("$(id)"), "{}", page.text);
}

#[tokio::test]
async fn the_type_of_every_error_resolves_to_its_explanation() {
    let app = TestApp::start().await;
    for kind in cupel_http::error::ErrorKind::ALL {
        let page = app.get(&format!("/errors/{}", kind.code())).send().await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/plain; charset=utf-8"));
        assert!(page.text.contains(kind.meaning()));
    }
    app.get("/errors/none").send().await.is_error(404, "not-found");
    let list = app.get("/errors").send().await;
    assert_eq!((list.status.as_u16(), list.header("location")), (308, "docs/errors"));
}

#[tokio::test]
async fn the_openapi_document_is_revalidated_by_etag() {
    let app = TestApp::start().await;
    let first = app.get("/openapi.json").send().await;
    assert_eq!(
        (first.status.as_u16(), first.header("content-type"), &first.json["openapi"]),
        (200, "application/json", &Value::from("3.1.0"))
    );
    let again = app.get("/openapi.json").header("if-none-match", first.header("etag")).send().await;
    assert_eq!((again.status.as_u16(), &*again.text), (304, ""));
    assert_eq!(first.text, cupel_api::openapi_json());
}

/// Client generators must see an archive as bytes, not as a list of numbers.
#[test]
fn archives_and_files_are_binary_in_the_openapi_document() {
    let document: Value = serde_json::from_str(cupel_api::openapi_json()).unwrap();
    let binary = |content: &Value, kind: &str| {
        let schema = content[kind]["schema"]["$ref"].as_str().unwrap_or_else(|| panic!("{kind}: {content}"));
        let schema = document.pointer(schema.trim_start_matches('#')).unwrap();
        assert_eq!((&schema["type"], &schema["format"]), (&Value::from("string"), &Value::from("binary")), "{kind}");
    };
    for (path, method) in [("/api/v1/problems", "post"), ("/api/v1/problems/{slug}/package", "put")] {
        let body = &document["paths"][path][method]["requestBody"]["content"];
        for kind in ["application/zip", "application/gzip", "application/x-tar", "application/octet-stream"] {
            binary(body, kind);
        }
    }
    let package = &document["paths"]["/api/v1/problems/{slug}/package"]["get"]["responses"]["200"];
    binary(&package["content"], "application/zip");
    assert!(package["headers"]["cupel-warning"].is_object(), "{package}");
}

/// Every `$ref` resolves; every operation has an id, a summary, a tag, described responses and errors.
#[test]
fn the_openapi_document_is_complete() {
    let document: Value = serde_json::from_str(cupel_api::openapi_json()).unwrap();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 15);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(path.starts_with("/api/v1/"), "{name}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: operation ids are distinct");
            assert!(operation["summary"].as_str().is_some_and(|s| s.ends_with('.')), "{name}: {operation}");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
            let responses = operation["responses"].as_object().unwrap();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"]["type"].is_string(), "{name}: {parameter}");
            }
            // For a WebSocket, the only success is the change of protocol (101).
            assert!(responses.keys().any(|s| s.starts_with('2') || s == "101"), "{name}");
            assert!(responses.contains_key("500") && responses.contains_key("503"), "{name}");
            // Registration reads no credential.
            assert_eq!(responses.contains_key("401"), name != "post /api/v1/auth/register", "{name}");
            assert!(responses.contains_key("429"), "{name}");
            for (status, response) in responses {
                assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
                if status.starts_with(['4', '5']) {
                    let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/ApiError", "{name} {status}");
                }
            }
            if operation.get("requestBody").is_some() {
                for status in ["400", "413", "415", "422"] {
                    assert!(responses.contains_key(status), "{name} {status}");
                }
            }
        }
    }
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.insert(reference.clone());
            }
            fields.values().for_each(|v| collect_references(v, found));
        }
        Value::Array(items) => items.iter().for_each(|v| collect_references(v, found)),
        _ => {}
    }
}
