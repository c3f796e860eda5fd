//! Runs a test in a separate process, for a test that measures its process, such as its memory.

use std::process::Command;

/// Set in the process of the test.
const ALONE: &str = "CUPEL_TEST_ALONE";

/// Starts this test program once more, with only the calling test, which then runs `measure`.
///
/// `path` is the module path of the test, and its name: `concat!(module_path!(), "::", "its_name")`.
///
/// # Panics
/// If the test fails in that process, or is not run there.
pub fn in_its_own_process(path: &str, measure: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return measure();
    }
    // The names of tests do not have the name of the crate.
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    let program = std::env::current_exe().expect("the path of this program");
    let ended = Command::new(program)
        .args([name, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("the test program starts");
    let printed = String::from_utf8_lossy(&ended.stdout);
    println!("{printed}");
    let complained = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && printed.contains("1 passed"), "{name} failed in its own process: {complained}");
}
