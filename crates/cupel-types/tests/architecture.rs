//! Checks some invariants of ARCHITECTURE.md against the source tree, such as the dependencies between crates, the
//! crates that may use an external crate, the location of `unsafe`, a header in every file, a description of every
//! metric, and lists that name every facade, queue, package format and executor.
//!
//! This test reads manifests and sources as text and needs no dependencies, so it can be in the lowest crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Allowed dependencies: each crate, and the workspace crates it may be built with. Ordered bottom up.
const ARROWS: &[(&str, &[&str])] = &[
    ("cupel-types", &[]),
    // Patterns of paths. The agent also uses this crate, and depends on no other.
    ("cupel-glob", &[]),
    ("cupel-sandbox", &["cupel-types", "cupel-glob"]),
    ("cupel-languages", &["cupel-types", "cupel-glob"]),
    // Images are files; nothing in this crate runs a program.
    ("cupel-images", &["cupel-types"]),
    // Problems do not depend on package formats.
    ("cupel-problem", &["cupel-types"]),
    ("cupel-package", &["cupel-types", "cupel-languages", "cupel-problem"]),
    ("cupel-function", &["cupel-types", "cupel-languages", "cupel-problem"]),
    // The judge does not depend on package formats, either.
    ("cupel-judge", &["cupel-types", "cupel-glob", "cupel-languages", "cupel-problem", "cupel-function"]),
    // The first process of a container. It is linked statically, because it must run in images of any kind.
    ("cupel-agent", &["cupel-glob"]),
    // Implements the judge's port. It does not depend on the HTTP server, the stores or the configuration.
    ("cupel-runner", &["cupel-types", "cupel-sandbox", "cupel-languages", "cupel-judge", "cupel-agent"]),
    ("cupel-core", &["cupel-types", "cupel-languages", "cupel-problem", "cupel-package", "cupel-function"]),
    ("cupel-postgres", &[]),
    (
        "cupel-store",
        &["cupel-types", "cupel-languages", "cupel-problem", "cupel-package", "cupel-core", "cupel-postgres"],
    ),
    ("cupel-queue", &["cupel-types", "cupel-languages", "cupel-core", "cupel-postgres"]),
    ("cupel-events", &["cupel-types", "cupel-languages", "cupel-core", "cupel-postgres"]),
    ("cupel-cache", &["cupel-types", "cupel-languages", "cupel-core"]),
    ("cupel-testkit", &["cupel-types", "cupel-languages", "cupel-problem", "cupel-core"]),
    ("cupel-traces", &["cupel-types", "cupel-core"]),
    ("cupel-worker", &["cupel-types", "cupel-languages", "cupel-problem", "cupel-judge", "cupel-core", "cupel-traces"]),
    // Common code of all dialects; it depends on no dialect.
    ("cupel-http", &["cupel-types", "cupel-core", "cupel-traces"]),
    // The dialects do not depend on each other.
    (
        "cupel-api",
        &[
            "cupel-types",
            "cupel-languages",
            "cupel-problem",
            "cupel-package",
            "cupel-function",
            "cupel-core",
            "cupel-traces",
            "cupel-http",
        ],
    ),
    ("cupel-facades", &["cupel-types", "cupel-languages", "cupel-core", "cupel-http"]),
    // The built site knows no dialect and no use case.
    ("cupel-web", &["cupel-http"]),
    (
        "cupel",
        &[
            "cupel-types",
            "cupel-sandbox",
            "cupel-languages",
            "cupel-images",
            "cupel-problem",
            "cupel-package",
            "cupel-function",
            "cupel-judge",
            "cupel-runner",
            "cupel-core",
            "cupel-store",
            "cupel-queue",
            "cupel-events",
            "cupel-cache",
            "cupel-traces",
            "cupel-worker",
            "cupel-http",
            "cupel-facades",
            "cupel-api",
            "cupel-web",
        ],
    ),
    // The benchmarks measure single crates, and use the same servers as the tests.
    (
        "cupel-bench",
        &[
            "cupel-types",
            "cupel-images",
            "cupel-judge",
            "cupel-runner",
            "cupel-sandbox",
            "cupel-core",
            "cupel-store",
            "cupel-queue",
            "cupel-events",
            "cupel-testkit",
        ],
    ),
];

/// External crates that only some workspace crates may be built with. A violation usually means that code is in the
/// wrong crate.
const FENCES: &[(&str, &[&str])] = &[
    // Only the sandbox makes raw system calls.
    ("libc", &["cupel-sandbox"]),
    (
        "rustix",
        &[
            "cupel-sandbox",
            "cupel-images",
            "cupel-agent",
            "cupel-judge", // makes the pipe on which a program gets one test after another
            "cupel-runner",
            "cupel-bench",
            "cupel", // free space, access checks, user ids, safe opening of files
        ],
    ),
    // Only the store uses SQLite.
    ("rusqlite", &["cupel-store"]),
    // Only adapters connect to servers.
    ("rdkafka", &["cupel-queue"]),
    ("lapin", &["cupel-queue"]),
    ("redis", &["cupel-queue", "cupel-events", "cupel-cache"]),
    ("tokio-postgres", &["cupel-postgres", "cupel-store", "cupel-queue", "cupel-events"]),
    // Only the store uses S3; the S3 library and the client of registries need a second HTTP client.
    ("object_store", &["cupel-store"]),
    ("reqwest", &["cupel-store", "cupel-images"]),
    // Only the runner starts containers.
    ("bollard", &["cupel-runner"]),
    // Only these crates serve HTTP; the binary runs the router that they build.
    ("axum", &["cupel-http", "cupel-api", "cupel-facades", "cupel-web", "cupel"]),
    // There is one server loop.
    ("hyper", &["cupel-http"]),
    // Spans are created in one crate.
    ("opentelemetry", &["cupel-traces"]),
    // Only crates that wait for many events are async; types, languages, judge and sandbox are not.
    (
        "tokio",
        &[
            "cupel-core",
            "cupel-images", // the client of registries is async; it ends before the call returns
            "cupel-runner", // the client of Docker Engine is async; the runner's own calls block
            "cupel-postgres",
            "cupel-store",
            "cupel-queue",
            "cupel-events",
            "cupel-cache",
            "cupel-testkit",
            "cupel-worker",
            "cupel-http",
            "cupel-api",
            "cupel-facades",
            "cupel",
            "cupel-bench",
        ],
    ),
    // Only the boundaries serialize: language files, rows, messages, HTTP, configuration.
    (
        "serde",
        &[
            "cupel-languages",
            "cupel-images", // the index of a store
            "cupel-agent",  // messages between a worker and a container
            "cupel-store",
            "cupel-queue",
            "cupel-events",
            "cupel-testkit",
            "cupel-core", // the body of a webhook
            "cupel-http",
            "cupel-api",
            "cupel-facades",
            "cupel",
            "cupel-bench",
        ],
    ),
    // Only the first two unpack archives of users; they check and count every entry. The build script of cupel-api
    // unpacks Swagger UI.
    ("zip", &["cupel-package", "cupel-facades", "cupel-api"]),
    // The runner and the binary's build script only write archives: the agent of containers, and the shipped problems.
    ("tar", &["cupel-package", "cupel-images", "cupel-runner", "cupel"]),
    // Libraries use typed errors.
    ("anyhow", &["cupel", "cupel-bench"]),
];

/// The only folder that may contain `unsafe`.
const UNSAFE_HOME: &str = "crates/cupel-sandbox/src/sys";

/// Kinds whose members are listed by name in many places, with these places. `{}` is the member's name.
///
/// Texts are compared without regard to case. To add a member, add it in each place that the test below reports.
const LISTS: &[Lists] = &[
    Lists {
        kind: "facade",
        members: || folders("crates/cupel-facades/src"),
        named_in: &[
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "README.md",
            "SECURITY.md",
            "bench/README.md",
            "bench/src/facades.rs",
            "crates/cupel-api/src/landing.html",
            "crates/cupel-api/src/openapi.rs",
            "crates/cupel-api/src/pages.rs",
            "crates/cupel-api/tests/it/pages.rs",
            "crates/cupel-facades/src/lib.rs",
            "crates/cupel-facades/tests/it/app.rs",
            "crates/cupel-facades/tests/it/main.rs",
            "crates/cupel/config.default.toml",
            "crates/cupel/src/cli/serve/args.rs",
            "crates/cupel/src/compose/facades.rs",
            "crates/cupel/src/config/facades.rs",
            "scripts/test-facades.sh",
        ],
        files: &["crates/cupel-facades/tests/it/{}.rs", "docs/facades/{}.md", "docs/migrating/{}.md"],
    },
    Lists {
        kind: "queue",
        members: brokers,
        named_in: &[
            "ARCHITECTURE.md",
            "Cargo.toml",
            "DEPLOYMENT.md",
            "README.md",
            "bench/README.md",
            "bench/src/cluster.rs",
            "bench/src/dispatch.rs",
            "crates/cupel-queue/examples/hints.rs",
            "crates/cupel-queue/src/connect.rs",
            "crates/cupel-queue/src/lib.rs",
            "crates/cupel-queue/tests/it/main.rs",
            "crates/cupel-queue/tests/it/starting.rs",
            "crates/cupel-testkit/src/servers/mod.rs",
            "crates/cupel-testkit/tests/servers.rs",
            "crates/cupel/Cargo.toml",
            "crates/cupel/config.default.toml",
            "crates/cupel/src/config/engines.rs",
            "crates/cupel/src/config/tests.rs",
            "crates/cupel/tests/it/cluster/faults.rs",
            "crates/cupel/tests/it/cluster/live.rs",
            "crates/cupel/tests/it/cluster/mod.rs",
            "crates/cupel/tests/it/cluster/routing.rs",
            "deploy/compose/configure.sh",
            "deploy/compose/docker-compose.yml",
            "deploy/images/make.sh",
            "deploy/images/services.Dockerfile",
            "deploy/nftables/data.nft",
            "docs/migrating/judge0.md",
            "docs/scaling.md",
            "scripts/setup.sh",
            "scripts/test-compose.sh",
        ],
        files: &[
            "crates/cupel-queue/tests/it/{}.rs",
            "crates/cupel-testkit/src/servers/{}.rs",
            "deploy/kubernetes/engines/{}/kustomization.yaml",
            "deploy/kubernetes/overlays/{}/kustomization.yaml",
            "deploy/kubernetes/overlays/{}-keda/kustomization.yaml",
        ],
    },
    Lists {
        kind: "package format",
        members: package_formats,
        named_in: &[
            "README.md",
            "crates/cupel-api/src/v1/problems/manage.rs",
            "crates/cupel-api/tests/it/pages.rs",
            "crates/cupel-package/README.md",
            "crates/cupel-package/src/import/mod.rs",
            "crates/cupel-package/src/rewrite.rs",
            "crates/cupel-package/tests/it/malformed.rs",
            "crates/cupel-package/tests/it/support.rs",
            "crates/cupel-package/tests/it/well_formed.rs",
            "crates/cupel/src/cli/judge/args.rs",
            "crates/cupel/tests/it/formats.rs",
            "crates/cupel/tests/it/help/judge.txt",
            "crates/cupel/tests/it/verify.rs",
            "docs/packages.md",
        ],
        files: &[],
    },
    Lists {
        kind: "executor",
        members: executors,
        named_in: &[
            "ARCHITECTURE.md",
            "DEPLOYMENT.md",
            "README.md",
            "SECURITY.md",
            "bench/README.md",
            "bench/src/main.rs",
            "crates/cupel-api/src/v1/languages.rs",
            "crates/cupel-core/src/check.rs",
            "crates/cupel-languages/README.md",
            "crates/cupel-languages/src/file.rs",
            "crates/cupel-languages/src/language.rs",
            "crates/cupel-runner/src/cell.rs",
            "crates/cupel-runner/src/executor.rs",
            "crates/cupel-runner/src/lib.rs",
            "crates/cupel-runner/src/local.rs",
            "crates/cupel-runner/tests/it/kit.rs",
            "crates/cupel-runner/tests/it/main.rs",
            "crates/cupel-testkit/src/lib.rs",
            "crates/cupel-types/src/root.rs",
            "crates/cupel/config.default.toml",
            "crates/cupel/src/cli/doctor.rs",
            "crates/cupel/src/cli/doctor/args.rs",
            "crates/cupel/src/compose/reload.rs",
            "crates/cupel/src/compose/startup.rs",
            "crates/cupel/src/config/images.rs",
            "crates/cupel/src/config/mod.rs",
            "crates/cupel/src/images.rs",
            "crates/cupel/tests/it/help/doctor.txt",
            "crates/cupel/tests/it/main.rs",
            "docs/recipes/add-a-language.md",
            "docs/reference/cli.md",
            "scripts/setup.sh",
        ],
        files: &[
            "bench/src/{}.rs",
            "crates/cupel-runner/tests/it/{}.rs",
            "crates/cupel-testkit/src/{}.rs",
            "crates/cupel/tests/it/{}.rs",
        ],
    },
];

struct Lists {
    kind: &'static str,
    /// Names of the members, read from the sources.
    members: fn() -> Vec<String>,
    /// Files that name every member.
    named_in: &'static [&'static str],
    /// Files that each member has.
    files: &'static [&'static str],
}

#[test]
fn every_list_of_facades_queues_formats_and_executors_is_complete() {
    let mut missing = Vec::new();
    for Lists { kind, members, named_in, files } in LISTS {
        let members = members();
        assert!(!members.is_empty(), "no member of the kind {kind:?} was found");
        for member in &members {
            let unnamed = named_in.iter().filter(|file| !read(&root().join(file)).to_lowercase().contains(member));
            missing.extend(unnamed.map(|file| format!("{file} does not name the {kind} `{member}`")));
            let absent =
                files.iter().map(|file| file.replace("{}", member)).filter(|file| !root().join(file).is_file());
            missing.extend(absent.map(|file| format!("the {kind} `{member}` has no file {file}")));
        }
    }
    assert_none(&missing);
}

/// Names of the folders in a folder.
fn folders(parent: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(parent)).unwrap().map(|entry| entry.unwrap());
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The features of `cupel-queue`: one for each broker.
fn brokers() -> Vec<String> {
    parts_of_feature("default")
}

/// The features and optional dependencies that a feature of `cupel-queue` enables.
fn parts_of_feature(feature: &str) -> Vec<String> {
    let manifest = read(&root().join("crates/cupel-queue/Cargo.toml"));
    let line = manifest.lines().find(|line| line.starts_with(&format!("{feature} = ["))).unwrap();
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The first word of each name in `PackageFormat`: versions of one format count as one.
fn package_formats() -> Vec<String> {
    let source = read(&root().join("crates/cupel-package/src/import/detect.rs"));
    let variants = source.split_once("pub enum PackageFormat").unwrap().1.split_once("\n    }").unwrap().0;
    let names = variants.split('"').skip(1).step_by(2).map(|name| name.split('-').next().unwrap().to_owned());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The modules of `cupel-runner` that run the programs whose root is of one kind, such as a container image. `native`
/// is left out: it runs the programs of all other roots, so most of the lists that must name executors need not name
/// it. `prepared` is left out, because it runs no program.
fn executors() -> Vec<String> {
    let mut modules = folders("crates/cupel-runner/src");
    modules.retain(|name| name != "prepared" && name != "native");
    modules
}

#[test]
fn crates_depend_only_downwards() {
    let crates = manifests();
    let mut broken = Vec::new();
    for (name, manifest) in &crates {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
            broken.push(format!("{name} has no line in ARROWS; add one with its allowed dependencies"));
            continue;
        };
        for dependency in &manifest.dependencies {
            let ours = dependency == "cupel" || dependency.starts_with("cupel-");
            if ours && !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    for (name, _) in ARROWS {
        if !crates.contains_key(*name) {
            broken.push(format!("{name} is in ARROWS but not in the tree; remove its line"));
        }
    }
    assert_none(&broken);
}

#[test]
fn foreign_crates_stay_behind_their_fence() {
    let mut broken = Vec::new();
    for (name, manifest) in &manifests() {
        for (foreign, allowed) in FENCES {
            if manifest.dependencies.contains(*foreign) && !allowed.contains(&name.as_str()) {
                broken.push(format!("{name} may not depend on {foreign}"));
            }
        }
    }
    assert_none(&broken);
}

/// Without a fence, any crate could connect to the broker.
#[test]
fn the_client_of_every_broker_has_a_fence() {
    let mut broken = Vec::new();
    for broker in brokers() {
        let parts = parts_of_feature(&broker);
        let libraries: Vec<&str> = parts.iter().filter_map(|part| part.strip_prefix("dep:")).collect();
        let is_fenced = |library: &&str| FENCES.iter().any(|(fenced, _)| fenced == library);
        if !libraries.is_empty() && !libraries.iter().any(is_fenced) {
            broken.push(format!("no library of the queue `{broker}` is in FENCES: {}", libraries.join(", ")));
        }
    }
    assert_none(&broken);
}

#[test]
fn unsafe_code_lives_in_one_folder() {
    let home = root().join(UNSAFE_HOME);
    // Drivers are parts of submissions: they run in cells, not in Cupel.
    let drivers = root().join("crates/cupel-function/src/drivers");
    let outside = rust_files().into_iter().filter(|file| !file.starts_with(&home) && !file.starts_with(&drivers));
    assert_none(&lines_where(outside, has_unsafe));
}

#[test]
fn crate_roots_forbid_unsafe_code() {
    let mut broken = Vec::new();
    for (name, manifest) in &manifests() {
        if name == "cupel-sandbox" {
            continue; // the sandbox uses `deny` instead, because its `sys` needs an exception
        }
        for file in ["src/lib.rs", "src/main.rs"].map(|file| manifest.folder.join(file)) {
            if file.exists() && !read(&file).contains("#![forbid(unsafe_code)]") {
                broken.push(format!("{}: add #![forbid(unsafe_code)]", shown(&file)));
            }
        }
    }
    assert_none(&broken);
}

/// The sandbox reports outcomes; only the judge derives verdicts from them.
#[test]
fn the_sandbox_names_no_verdict() {
    let home = root().join("crates/cupel-sandbox/src");
    let inside = rust_files().into_iter().filter(|file| file.starts_with(&home));
    assert_none(&lines_where(inside, |line| code_of(line).contains("Verdict")));
}

/// `cupel-http` is shared by all dialects, so its texts are right in each of them.
#[test]
fn the_common_http_crate_names_no_path_of_a_dialect() {
    let home = root().join("crates/cupel-http/src");
    let inside = rust_files().into_iter().filter(|file| file.starts_with(&home));
    assert_none(&lines_where(inside, |line| line.contains("/api/v1")));
}

/// What a viewer may see of a result is decided in `cupel_core::disclosure`. So a dialect does not read the parts of a
/// result that depend on the viewer.
#[test]
fn dialects_render_only_what_core_discloses() {
    const DEPENDS_ON_VIEWER: &[&str] =
        &["CaseGrade", "GroupGrade", "Feedback", "report.grading", ".usages()", ".peak()", "ran_hidden_cases"];
    let dialects = ["crates/cupel-api/src", "crates/cupel-facades/src"].map(|folder| root().join(folder));
    let inside = rust_files().into_iter().filter(|file| dialects.iter().any(|dialect| file.starts_with(dialect)));
    let reads = |line: &str| DEPENDS_ON_VIEWER.iter().any(|part| code_of(line).contains(part));
    assert_none(&lines_where(inside, reads));
}

/// The importer of a format translates its rules; the domain names a rule by what it does.
#[test]
fn the_domain_of_problems_names_no_format() {
    const FORMATS: &[&str] = &["kattis", "dmoj", "polygon", "domjudge"];
    let home = root().join("crates/cupel-problem/src");
    let inside = rust_files().into_iter().filter(|file| file.starts_with(&home));
    let names = |line: &str| FORMATS.iter().any(|format| code_of(line).to_lowercase().contains(format));
    assert_none(&lines_where(inside, names));
}

/// An executor is a folder: what the sandbox and Docker Engine share is beside their folders.
#[test]
fn the_places_where_programs_run_do_not_name_each_other() {
    for (place, other) in [("native", "docker::"), ("docker", "native::")] {
        let home = root().join("crates/cupel-runner/src").join(place);
        let inside = rust_files().into_iter().filter(|file| file.starts_with(&home));
        assert_none(&lines_where(inside, |line| code_of(line).contains(other)));
    }
}

#[test]
fn every_file_begins_with_a_header() {
    let mut broken = Vec::new();
    for file in rust_files() {
        let text = read(&file);
        let first = text.lines().next().unwrap_or_default();
        if !(first.starts_with("//!") || first.starts_with("#!")) {
            broken.push(format!("{}: the first line is not a `//!` header", shown(&file)));
        }
    }
    assert_none(&broken);
}

/// No crate has doc tests (`doctest = false`), because searching a crate for them takes as long as compiling it. So an
/// example in the documentation would never be compiled. An example that matters is a unit test.
#[test]
fn documentation_has_no_examples_in_rust() {
    let mut broken = Vec::new();
    for file in rust_files() {
        let mut is_open = false;
        for (line, number) in read(&file).lines().zip(1..) {
            let text = line.trim_start();
            let text = text.strip_prefix("///").or_else(|| text.strip_prefix("//!")).unwrap_or_default();
            let Some(language) = text.trim_start().strip_prefix("```") else { continue };
            is_open = !is_open;
            if is_open && matches!(language, "" | "rust" | "no_run" | "ignore" | "should_panic" | "compile_fail") {
                broken
                    .push(format!("{}:{number}: name a language other than Rust, or write a unit test", shown(&file)));
            }
        }
    }
    for (name, manifest) in &manifests() {
        let has_library = manifest.folder.join("src/lib.rs").exists();
        if has_library && !read(&manifest.folder.join("Cargo.toml")).contains("[lib]\ndoctest = false\n") {
            broken.push(format!("{name}: add `doctest = false` to [lib] of its Cargo.toml"));
        }
    }
    assert_none(&broken);
}

#[test]
fn every_metric_has_a_description() {
    let telemetry = read(&root().join("crates/cupel/src/telemetry.rs"));
    let described: BTreeSet<String> =
        named(&telemetry, &["describe_counter!(", "describe_gauge!(", "describe_histogram!("]);
    let sources = rust_files().into_iter().filter(|path| path.components().any(|part| part.as_os_str() == "src"));
    let recorded: BTreeSet<String> = sources
        .flat_map(|path| named(&read(&path), &["metrics::counter!(", "metrics::gauge!(", "metrics::histogram!("]))
        .collect();
    assert!(recorded.len() > 20, "the scan finds the metrics: {recorded:?}");
    // `cupel_build_info` needs no description: its only content is the label `version`.
    let missing: Vec<_> = recorded.difference(&described).filter(|name| *name != "cupel_build_info").collect();
    assert!(missing.is_empty(), "metrics without a description in crates/cupel/src/telemetry.rs: {missing:?}");
    let unused: Vec<_> = described.difference(&recorded).collect();
    assert!(unused.is_empty(), "descriptions of metrics that no code records: {unused:?}");
}

/// The names of metrics in the first arguments of these macros.
fn named(text: &str, macros: &[&str]) -> BTreeSet<String> {
    let calls = macros.iter().flat_map(|start| text.split(start).skip(1));
    let literals = calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split_once('"'));
    literals.map(|(name, _)| name.to_owned()).filter(|name| name.starts_with("cupel_")).collect()
}

#[test]
fn the_scan_for_unsafe_recognizes_every_form() {
    for code in ["unsafe { f() }", "pub unsafe fn f() {}", "unsafe impl Send for X {}", "#[unsafe(no_mangle)]"] {
        assert!(has_unsafe(code), "{code}");
    }
    for code in [
        "// unsafe { }",
        "#![forbid(unsafe_code)]",
        "let unsafely = 1;",
        "/// an unsafe block",
        "print(\"unsafe { }\");",
    ] {
        assert!(!has_unsafe(code), "{code}");
    }
}

/// The parts of a Cargo.toml that this test needs.
struct Manifest {
    folder: PathBuf,
    /// Names under `[dependencies]`, `[build-dependencies]` and their `[target.….dependencies]` forms. Dev-dependencies
    /// are excluded because they are unrestricted.
    dependencies: BTreeSet<String>,
}

fn manifests() -> BTreeMap<String, Manifest> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("crates"))
        .expect("crates/ can be read")
        .map(|entry| entry.expect("an entry of crates/ can be read").path())
        .filter(|folder| folder.join("Cargo.toml").exists())
        .collect();
    folders.push(root().join("bench"));
    folders.into_iter().map(manifest).collect()
}

/// Parses the subset of TOML that this test needs: table headers and the keys below them.
fn manifest(folder: PathBuf) -> (String, Manifest) {
    let text = read(&folder.join("Cargo.toml"));
    let (mut table, mut name, mut dependencies) = (String::new(), None, BTreeSet::new());
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_end_matches(']').to_owned();
            // Form `[dependencies.NAME]`.
            if let Some((before, dependency)) = table.rsplit_once('.')
                && is_dependency_table(before)
            {
                dependencies.insert(dependency.to_owned());
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let key = key.trim().split('.').next().unwrap_or_default();
            if table == "package" && key == "name" {
                name = Some(value.trim().trim_matches('"').to_owned());
            } else if is_dependency_table(&table) {
                dependencies.insert(key.to_owned());
            }
        }
    }
    let name = name.unwrap_or_else(|| panic!("{}: no package name", shown(&folder)));
    (name, Manifest { folder, dependencies })
}

fn is_dependency_table(table: &str) -> bool {
    let last = table.rsplit('.').next().unwrap_or_default();
    last == "dependencies" || last == "build-dependencies"
}

/// Whether a line contains the keyword outside strings and comments.
fn has_unsafe(line: &str) -> bool {
    let code = code_of(line);
    code.match_indices("unsafe").any(|(at, word)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}

/// A line without string contents and comments. Strings over several lines are not recognized.
fn code_of(line: &str) -> String {
    let line = line.replace("'\"'", "").replace("\\\"", "");
    let code: String = line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    code.split("//").next().unwrap_or_default().to_owned()
}

/// `file:line` of every line for which `wrong` holds.
fn lines_where(files: impl Iterator<Item = PathBuf>, wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in read(&file).lines().enumerate() {
            if wrong(line) {
                found.push(format!("{}:{}: {}", shown(&file), number + 1, line.trim()));
            }
        }
    }
    found
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "violations:\n  {}", broken.join("\n  "));
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["crates", "bench"] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 20, "the source tree was not found: only {} Rust files", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", shown(folder))) {
        let path = entry.expect("a folder entry can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", shown(path)))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
