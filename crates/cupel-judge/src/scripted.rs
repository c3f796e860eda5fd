//! A language whose programs are never run, and its toolchain, for all tests with a scripted executor.

use cupel_languages::Probe;

/// A language without a compiler.
pub(crate) const SCRIPT: &str = r#"
name = "Script"
extensions = ["scr"]
source = "main.scr"
execute = ["run", "{source}"]
version = { command = ["run", "--version"] }
[packages]
[[exceptions]]
pattern = '(?m)^(?P<message>HeapError)$'
memory_limit = true
[[exceptions]]
pattern = '(?m)^(?P<message>[A-Z]\w*Error: .*)$'
places = [{ side = "before", pattern = '(?m)^at (?P<file>\S+) (?P<line>\d+)$' }]
[[samples]]
name = "hello"
source = "x"
"#;

/// A probe that finds every toolchain installed.
pub(crate) struct Answers;

impl Probe for Answers {
    fn version(&self, _: &[String]) -> Result<String, String> {
        Ok("version 1.2.3".into())
    }

    fn is_installed(&self, _: &str) -> bool {
        true
    }
}
