//! Compile services from the view of a client: only the compile time differs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{NO_RATE_LIMITS, PATIENCE, Server, cupel, end, eventually_within};

const GOOD: &str = "class Main { public static void main(String[] a) { System.out.println(NUMBER); } }";
const WRONG: &str = "class Main { int n = \"NUMBER\"; List l; }";

/// Submits a new source and returns its result.
fn compile(server: &Server, source: &str, number: u32) -> Value {
    let source = source.replace("NUMBER", &number.to_string());
    server.result(&server.submit(&json!({ "language": "java", "source_code": source })))
}

/// Returns the number of compilations with this result, from the metrics.
fn count(server: &Server, how: &str) -> u32 {
    let metrics = server.text("/metrics");
    let line = metrics.lines().find(|line| line.starts_with("cupel_compilations_total") && line.contains(how));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Returns the processes of the compile service below this server.
fn compilers(server: &Server) -> Vec<u32> {
    let field = |pid: u32, file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let parent = |pid: u32| -> u32 {
        field(pid, "status").lines().find_map(|l| l.strip_prefix("PPid:\t")?.parse().ok()).unwrap_or(0)
    };
    let is_below = |pid: u32| {
        std::iter::successors(Some(pid), |pid| Some(parent(*pid)).filter(|p| *p != 0)).any(|p| p == server.pid())
    };
    let paths: Vec<PathBuf> = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).collect();
    let pids = paths.iter().filter_map(|path| path.file_name()?.to_str()?.parse::<u32>().ok());
    pids.filter(|pid| field(*pid, "cmdline").ends_with("\0WarmCompiler.java\0") && is_below(*pid)).collect()
}

#[test]
fn a_compile_service_serves_one_user_with_the_results_of_the_command() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start_with_all_languages(data.path(), &NO_RATE_LIMITS);
    let mut number = 0;
    let mut warm_one = |server: &Server| {
        let before = count(server, "warm");
        let mut next = Instant::now();
        eventually_within(5 * PATIENCE, || {
            if Instant::now() < next {
                return None;
            }
            next = Instant::now() + Duration::from_millis(500);
            number += 1;
            let result = compile(server, GOOD, number);
            assert_eq!(
                (&result["verdict"], &result["stdout"]),
                (&json!("AC"), &json!(format!("{number}\n"))),
                "{result}"
            );
            (count(server, "warm") > before).then_some(())
        });
    };
    warm_one(&server);
    let [first] = compilers(&server)[..] else { panic!("{:?}", compilers(&server)) };
    // If the service responds too slowly, the command compiles.
    let mut tries = 0;
    let view = eventually_within(5 * PATIENCE, || {
        tries += 1;
        let warm = count(&server, "warm");
        let view = compile(&server, WRONG, tries);
        (count(&server, "warm") > warm).then_some(view)
    });

    // Another user gets another service, and the first service ends.
    let dir = data.path().to_str().unwrap();
    let password = b"correct horse battery\n";
    assert_eq!(
        end(cupel(["user", "add", "ada", "ada@example.org", "--password-stdin", "--data", dir]), password).code,
        Some(0)
    );
    let token = end(cupel(["user", "token", "ada", "--data", dir]), b"");
    server.key = token.stdout.trim().to_owned();
    // With a key, only the administrator may read the metrics; without a key, any client on this machine may.
    warm_one(&server);
    let [second] = compilers(&server)[..] else { panic!("{:?}", compilers(&server)) };
    assert_ne!(first, second);

    let elsewhere = tempfile::tempdir().unwrap();
    let cold = Server::start_with_all_languages(elsewhere.path(), &[("CUPEL_WORKER__WARM_COMPILERS", "off")]);
    let expected = compile(&cold, WRONG, tries);
    assert!(compilers(&cold).is_empty());
    for field in ["status", "verdict", "compilation_error", "exit_code", "stdout", "stderr", "message"] {
        assert_eq!(view[field], expected[field], "{field}");
    }
    assert_eq!(view["compile"]["output"], expected["compile"]["output"]);
    assert_eq!(expected["verdict"], "CE");
}
