//! The programs that are run, in the same form bare, in a cell and through HTTP.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Prints one line.
pub(crate) const HELLO_C: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

/// The same in Python.
pub(crate) const HELLO_PYTHON: &str = "print(\"hello\")\n";

/// Compiles [`HELLO_C`] to `folder/name`, with or without shared libraries, and gives back the program.
pub(crate) fn compile_hello(folder: &Path, name: &str, linking: &str) -> anyhow::Result<Vec<u8>> {
    let (source, program) = (folder.join("hello.c"), folder.join(name));
    std::fs::write(&source, HELLO_C).with_context(|| format!("writing {}", source.display()))?;
    let status = Command::new("gcc").args(["-O2", linking, "-o"]).arg(&program).arg(&source).status();
    if !status.context("starting gcc (Debian package gcc)")?.success() {
        bail!("gcc failed on a hello world; is libc6-dev installed?");
    }
    std::fs::read(&program).with_context(|| format!("reading {}", program.display()))
}
