//! Programs that try to be accepted without returning the correct value. None may succeed.

use super::{check, doubles};

/// The correct results are `[21,42]` and `[2^59,2^60]`.
fn is_not_accepted(name: &str, source: &str, verdict: &str) {
    check(&doubles(), name, source, verdict, "");
}

#[test]
fn printing_the_answer_is_not_accepted() {
    for (name, source) in [
        ("a.py", "def twice(n):\n    print([n, 2 * n], flush=True)\n    import os\n    os._exit(0)\n"),
        ("b.py", "import sys\nprint('[21,42]')\nsys.exit(0)\n"),
        ("a.js", "console.log('[21,42]');\nprocess.exit(0);\n"),
        ("a.ts", "console.log('[21,42]');\nprocess.exit(0);\n"),
        (
            "Solution.java",
            "class Solution { static { System.out.println(\"[21,42]\"); System.exit(0); } long[] twice(long n) { return null; } }\n",
        ),
        (
            "a.cpp",
            "#include <cstdio>\n#include <cstdlib>\n#include <vector>\nstd::vector<long long> twice(long long n) { puts(\"[21,42]\"); exit(0); }\n",
        ),
        (
            "a.c",
            "#include <stdio.h>\n#include <stdlib.h>\nlist_int twice(long long n) { printf(\"[%lld,%lld]\", n, 2 * n); exit(0); }\n",
        ),
        (
            "a.go",
            "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc twice(n int) []int {\n\tfmt.Println([]int{n, 2 * n})\n\tos.Exit(0)\n\treturn nil\n}\n",
        ),
        (
            "a.rs",
            "pub fn twice(n: i64) -> Vec<i64> {\n    println!(\"[{},{}]\", n, 2 * n);\n    std::process::exit(0)\n}\n",
        ),
    ] {
        is_not_accepted(name, source, "WA");
    }
}

#[test]
fn ending_before_main_is_not_accepted() {
    for (name, source) in [
        (
            "a.cpp",
            "#include <unistd.h>\n#include <vector>\nstruct Early { Early() { _exit(0); } } early;\nstd::vector<long long> twice(long long n) { return {}; }\n",
        ),
        (
            "a.c",
            "#include <unistd.h>\n__attribute__((constructor)) static void early(void) { _exit(0); }\nlist_int twice(long long n) { list_int none = {0}; return none; }\n",
        ),
        (
            "a.go",
            "package main\n\nimport \"os\"\n\nfunc init() { os.Exit(0) }\n\nfunc twice(n int) []int { return nil }\n",
        ),
        ("a.py", "import os\nos._exit(0)\n"),
        ("a.js", "process.reallyExit(0);\n"),
    ] {
        is_not_accepted(name, source, "WA");
    }
}

#[test]
fn writing_to_the_channel_without_the_nonce_is_not_accepted() {
    let frame = "x ok\\n2\\n21 42\\n";
    let sources = [
        ("a.py", format!("import os\ndef twice(n):\n    os.write(3, b'{frame}')\n    os._exit(0)\n")),
        ("b.py", format!("import os\nopen('/proc/self/fd/3', 'w').write('{frame}')\ndef twice(n):\n    return [n, 2 * n]\n")),
        ("a.js", format!("require('fs').writeSync(3, '{frame}');\nprocess.exit(0);\n")),
        ("b.js", format!("function twice(n) {{ require('fs').writeFileSync('/dev/fd/3', '{frame}'); process.exit(0); }}\n")),
        ("a.ts", format!("import {{ writeSync }} from 'fs';\nwriteSync(3, '{frame}');\nprocess.exit(0);\n")),
        (
            "Solution.java",
            format!(
                "class Solution {{ long[] twice(long n) throws Exception {{ try (var out = new java.io.FileOutputStream(\"/proc/self/fd/3\")) {{ out.write(\"{frame}\".getBytes()); }} Runtime.getRuntime().halt(0); return null; }} }}\n"
            ),
        ),
        ("a.cpp", format!("#include <unistd.h>\n#include <vector>\nstd::vector<long long> twice(long long n) {{ write(3, \"{frame}\", 14); _exit(0); }}\n")),
        ("b.cpp", "#include <vector>\nstd::vector<long long> twice(long long n) { cupel_driver::send(\"x ok\\n2\\n21 42\\n\"); return {n, 2 * n}; }\n".to_owned()),
        ("a.c", format!("#include <unistd.h>\nlist_int twice(long long n) {{ write(3, \"{frame}\", 14); _exit(0); }}\n")),
        ("b.c", "list_int twice(long long n) { cupel_send(\"x\", \" ok\\n\", \"2\\n21 42\\n\", 8); list_int none = {0}; return none; }\n".to_owned()),
        ("a.go", format!("package main\n\nimport \"os\"\n\nfunc twice(n int) []int {{\n\tos.NewFile(3, \"\").WriteString(\"{frame}\")\n\tos.Exit(0)\n\treturn nil\n}}\n")),
        (
            "a.rs",
            format!(
                "use std::io::Write;\npub fn twice(n: i64) -> Vec<i64> {{\n    std::fs::OpenOptions::new().write(true).open(\"/proc/self/fd/3\").unwrap().write_all(b\"{frame}\").unwrap();\n    std::process::exit(0)\n}}\n"
            ),
        ),
    ];
    for (name, source) in sources {
        is_not_accepted(name, &source, "WA");
    }
}

/// A program that finds the nonce may send a result, but it does not know the correct result, which is nowhere in the
/// process.
#[test]
fn finding_the_nonce_is_not_sufficient() {
    is_not_accepted(
        "a.py",
        "import os, sys\nframe = sys._getframe()\nwhile 'nonce' not in frame.f_locals:\n    frame = frame.f_back\nos.write(3, frame.f_locals['nonce'] + b' ok\\n2\\n0 0\\n')\nos._exit(0)\n",
        "WA",
    );
    is_not_accepted(
        "b.py",
        "import gc, sys\ndef twice(n):\n    for thing in gc.get_objects():\n        if type(thing).__name__ in ('Expected', 'Answer') or 'expected' in getattr(thing, '__dict__', {}):\n            return thing\n    return []\n",
        "WA",
    );
    is_not_accepted(
        "a.js",
        "const fs = require('fs');\nconst write = fs.writeSync;\nBuffer.from = new Proxy(Buffer.from, { apply(f, that, args) { if (typeof args[0] === 'string' && args[0].includes(' ok\\n')) { const nonce = args[0].split(' ')[0]; write(3, `${nonce} ok\\n2\\n0 0\\n`); process.reallyExit(0); } return Reflect.apply(f, that, args); } });\nfunction twice(n) { return [0, 0]; }\n",
        "WA",
    );
}

#[test]
fn code_that_runs_after_the_result_has_no_effect() {
    for (name, source) in [
        (
            "a.py",
            "import atexit, os, threading\natexit.register(lambda: os.write(3, b'x'))\ndef go():\n    while True: pass\ndef twice(n):\n    threading.Thread(target=go).start()\n    return [n, 2 * n]\n",
        ),
        (
            "a.js",
            "process.on('exit', () => { process.exitCode = 3; });\nsetInterval(() => {}, 1000);\nfunction twice(n) { return [n, 2n * BigInt(n)]; }\n",
        ),
        (
            "Solution.java",
            "class Solution { long[] twice(long n) { Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(3))); new Thread(() -> { for (;;) Thread.onSpinWait(); }).start(); return new long[] {n, 2 * n}; } }\n",
        ),
        (
            "a.cpp",
            "#include <cstdlib>\n#include <unistd.h>\n#include <vector>\nstruct Late { ~Late() { _exit(3); } } late;\nstd::vector<long long> twice(long long n) { atexit([] { _exit(4); }); return {n, 2 * n}; }\n",
        ),
        (
            "a.go",
            "package main\n\nfunc twice(n int) []int {\n\tgo func() {\n\t\tfor {\n\t\t}\n\t}()\n\treturn []int{n, 2 * n}\n}\n",
        ),
    ] {
        check(&doubles(), name, source, "AC", "");
    }
    // A wrong result stays wrong, regardless of later writes.
    for (name, source) in [
        (
            "a.py",
            "import atexit, os\natexit.register(lambda: os.write(3, b'x ok\\n2\\n21 42\\n'))\ndef twice(n):\n    return [0, 0]\n",
        ),
        (
            "a.js",
            "process.on('exit', () => require('fs').writeSync(3, 'x ok\\n2\\n21 42\\n'));\nfunction twice(n) { return [0, 0]; }\n",
        ),
        (
            "a.cpp",
            "#include <unistd.h>\n#include <vector>\nstruct Late { ~Late() { write(3, \"x ok\\n2\\n21 42\\n\", 14); } } late;\nstd::vector<long long> twice(long long n) { return {0, 0}; }\n",
        ),
    ] {
        is_not_accepted(name, source, "WA");
    }
}

#[test]
fn the_driver_and_the_tests_cannot_be_read() {
    for (name, source) in [
        (
            "a.py",
            "import os\ndef twice(n):\n    found = sorted(os.listdir('.'))\n    assert found == ['solution.py'], found\n    return [n, 2 * n]\n",
        ),
        (
            "a.js",
            "const found = require('fs').readdirSync('.').join();\nif (found !== 'solution.js') throw new Error(found);\nfunction twice(n) { return [n, 2n * BigInt(n)]; }\n",
        ),
        (
            "a.c",
            "#include <dirent.h>\n#include <stdlib.h>\n#include <string.h>\nlist_int twice(long long n) {\n    DIR *box = opendir(\".\");\n    for (struct dirent *entry; (entry = readdir(box));)\n        if (entry->d_name[0] != '.' && strcmp(entry->d_name, \"main\")) abort();\n    list_int two = {malloc(16), 2};\n    two.items[0] = n;\n    two.items[1] = 2 * n;\n    return two;\n}\n",
        ),
    ] {
        check(&doubles(), name, source, "AC", "");
    }
}

#[test]
fn closing_the_channel_is_not_accepted() {
    for (name, source) in [
        ("a.py", "import os\ndef twice(n):\n    os.close(3)\n    os.dup2(1, 3)\n    return [n, 2 * n]\n"),
        (
            "a.c",
            "#include <stdlib.h>\n#include <unistd.h>\nlist_int twice(long long n) { close(3); list_int none = {0}; return none; }\n",
        ),
        (
            "a.go",
            "package main\n\nimport \"syscall\"\n\nfunc twice(n int) []int {\n\tsyscall.Close(3)\n\treturn []int{n, 2 * n}\n}\n",
        ),
    ] {
        is_not_accepted(name, source, "WA");
    }
}
