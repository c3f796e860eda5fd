//! The measured programs. Each program is the same in all measurements: bare, in a cell, and through HTTP.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Prints one line.
pub(crate) const HELLO_C: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

/// Prints one line, in Python.
pub(crate) const HELLO_PYTHON: &str = "print(\"hello\")\n";

/// Prints one line in Python, after importing modules that many submissions import.
pub(crate) const IMPORTS_PYTHON: &str = "import bisect, collections, datetime, decimal, fractions, functools, heapq, itertools, json, math, random, \
     re, string\nprint(\"hello\")\n";

/// Prints one line, in Node.js.
pub(crate) const HELLO_NODE: &str = "console.log(\"hello\");\n";

/// Prints one line, in Java.
pub(crate) const HELLO_JAVA: &str = "public class Main {\n    public static void main(String[] args) {\n        \
                                     System.out.println(\"hello\");\n    }\n}\n";

/// Prints one line, in TypeScript.
pub(crate) const HELLO_TYPESCRIPT: &str = "const word: string = \"hello\";\nconsole.log(word);\n";

/// Prints one line, in C++ with the header that small programs include.
pub(crate) const HELLO_IOSTREAM: &str = "#include <iostream>\nint main() { std::cout << \"hello\\n\"; }\n";

/// Prints one line, in C++ with all standard headers, some of which it uses.
pub(crate) const HELLO_BITS: &str = "#include <bits/stdc++.h>\nusing namespace std;\nint main() {\n    vector<int> v{3, 1, 2};\n    \
                                     sort(v.begin(), v.end());\n    cout << (v[0] == 1 ? \"hello\" : \"?\") << '\\n';\n}\n";

/// Compiles [`HELLO_C`] to `folder/name`, statically or dynamically linked, and returns the executable.
pub(crate) fn compile_hello(folder: &Path, name: &str, linking: &str) -> anyhow::Result<Vec<u8>> {
    compile(folder, name, HELLO_C, linking)?;
    let program = folder.join(name);
    std::fs::read(&program).with_context(|| format!("reading {}", program.display()))
}

/// Compiles C to `folder/name`, statically or dynamically linked.
pub(crate) fn compile(folder: &Path, name: &str, text: &str, linking: &str) -> anyhow::Result<()> {
    let source = folder.join(name).with_extension("c");
    std::fs::write(&source, text).with_context(|| format!("writing {}", source.display()))?;
    build("gcc", &["-O2", linking], &source)
}

/// Compiles C++ to `folder/name`.
pub(crate) fn compile_cpp(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let source = folder.join(name).with_extension("cpp");
    std::fs::write(&source, text).with_context(|| format!("writing {}", source.display()))?;
    build("g++", &["-O2"], &source)
}

/// Compiles a source; the executable is next to it, without the extension.
fn build(compiler: &str, options: &[&str], source: &Path) -> anyhow::Result<()> {
    let status = Command::new(compiler).args(options).arg("-o").arg(source.with_extension("")).arg(source).status();
    if !status.with_context(|| format!("starting {compiler} (Debian package {compiler})"))?.success() {
        bail!("{compiler} failed on {}; is libc6-dev installed?", source.display());
    }
    Ok(())
}
