//! Standard error of the shipped languages when an exception ends a program, and the message extracted from it.

use cupel_types::{BoxFile, BoxPath};

use super::*;
use crate::Registry;

fn sources(names: &[&str]) -> BoxFiles {
    let file = |name: &&str| BoxFile { path: BoxPath::new(name).unwrap(), data: [].into(), executable: false };
    BoxFiles::new(names.iter().map(file).collect())
}

fn found(id: &str, names: &[&str], stderr: &[u8]) -> Option<Exception> {
    let registry = Registry::load(None).unwrap();
    registry.find(id).unwrap().exception(stderr, &sources(names), names.len() > 1)
}

#[track_caller]
fn check(id: &str, name: &str, stderr: &str, expected: &str) {
    let text = found(id, &[name], stderr.as_bytes()).map(|exception| exception.text);
    assert_eq!(text.as_deref(), Some(expected), "{stderr}");
}

#[test]
fn python_exceptions_are_found() {
    let output = "Traceback (most recent call last):\n  File \"/box/main.py\", line 3, in <module>\n    f([1])\n  File \"/box/main.py\", \
                line 2, in f\n    return a[5]\n           ~^^^\nIndexError: list index out of range\n";
    check("python", "main.py", output, "IndexError: list index out of range (line 2)");
    let chained = format!("{output}\nDuring handling of the above exception, another exception occurred:\n\n{}", {
        "Traceback (most recent call last):\n  File \"/box/main.py\", line 9, in <module>\n    raise MyError\nMyError\n"
    });
    check("python", "main.py", &chained, "MyError (line 9)");
    let library = "Traceback (most recent call last):\n  File \"/box/main.py\", line 2, in <module>\n    json.loads('{')\n  File \
                   \"/usr/lib/python3.11/json/decoder.py\", line 353, in raw_decode\n    obj, end = 1\njson.decoder.JSONDecodeError: \
                   Expecting property name\n";
    check("python", "main.py", library, "json.decoder.JSONDecodeError: Expecting property name (line 2)");
    let syntax = "  File \"/box/main.py\", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n";
    check("python", "main.py", syntax, "SyntaxError: invalid syntax (line 1)");
}

/// Printed by SBCL 2.2, Perl 5.36, Guile 3.0 and gawk 5.2.
#[test]
fn messages_of_several_lines_and_without_position_are_found() {
    let lisp = "Unhandled TYPE-ERROR in thread #<SB-THREAD:THREAD \"main thread\" RUNNING\n                                  \
                {1001348003}>:\n  The value\n    5\n  is not of type\n    LIST\n  when binding LIST\n\nBacktrace for: \
                #<SB-THREAD:THREAD \"main thread\" RUNNING {1001348003}>\n0: (CAR 5) [external]\n";
    check("lisp", "main.lisp", lisp, "TYPE-ERROR: The value 5 is not of type LIST when binding LIST");
    let lisp = "fatal error encountered in SBCL pid 966 tid 966:\nControl stack exhausted, fault: 0x7f, PC: 0x53\n\n";
    check("lisp", "main.lisp", lisp, "Control stack exhausted");
    check("perl", "main.pl", "boom\n", "boom");
    check("perl", "main.pl", "Illegal division by zero at main.pl line 1.\n", "Illegal division by zero (line 1)");
    let errors = "syntax error at main.pl line 2, near \"print (\"\nBareword \"x\" not allowed at main.pl line 3.\n";
    for last in ["Execution of main.pl aborted due to compilation errors.\n", "main.pl had compilation errors.\n"] {
        check("perl", "main.pl", &format!("{errors}{last}"), "syntax error (line 2)");
    }
    let scheme = "Backtrace:\n           1 (primitive-load \"/box/main.scm\")\nIn ice-9/boot-9.scm:\n   2007:7  0 (error _ . _)\n\n\
                  ice-9/boot-9.scm:2007:7: In procedure error:\nboom 3\n";
    check("scheme", "main.scm", scheme, "boom 3");
    let scheme =
        "ice-9/read.scm:126:4: In procedure lp:\n/box/main.scm:2:1: unexpected end of input while searching for: )\n";
    check("scheme", "main.scm", scheme, "unexpected end of input while searching for: ) (line 2)");
    let awk = "gawk: main.awk:2: BEGIN { x = \ngawk: main.awk:2:             ^ unexpected newline or end of string\n";
    check("awk", "main.awk", awk, "unexpected newline or end of string (line 2)");
}

#[test]
fn java_and_kotlin_exceptions_are_found() {
    let output = "Exception in thread \"main\" java.lang.ArithmeticException: / by zero\n\tat a.b.Hello.f(Hello.java:7)\n\tat \
                a.b.Hello.main(Hello.java:5)\n";
    check("java", "Hello.java", output, "java.lang.ArithmeticException: / by zero (line 7)");
    let library = "Exception in thread \"main\" java.lang.NumberFormatException: For input string: \"x\"\n\tat \
                   java.base/java.lang.Integer.parseInt(Integer.java:668)\n\tat Main.main(Main.java:3)\n";
    check("java", "Main.java", library, "java.lang.NumberFormatException: For input string: \"x\" (line 3)");
    let own = "Exception in thread \"main\" Boom\n\tat Main.main(Main.java:3)\n";
    check("java", "Main.java", own, "Boom (line 3)");
    let kotlin = "Exception in thread \"main\" java.lang.IllegalStateException: boom\n\tat MainKt.main(main.kt:1)\n\tat \
                  MainKt.main(main.kt)\n";
    check("kotlin", "main.kt", kotlin, "java.lang.IllegalStateException: boom (line 1)");
    let deep = "Exception in thread \"main\" java.lang.StackOverflowError\n".to_owned();
    let deep = deep + &"\tat Main.recurse(Main.java:4)\n".repeat(1024);
    check("java", "Main.java", &deep, "java.lang.StackOverflowError (line 4)");
}

#[test]
fn javascript_exceptions_are_found() {
    let output = "/box/main.js:2\n  return x.y.z;\n             ^\n\nTypeError: Cannot read properties of undefined (reading 'z')\n    at f \
                (/box/main.js:2:14)\n    at Object.<anonymous> (/box/main.js:4:1)\n    at Module._compile \
                (node:internal/modules/cjs/loader:1521:14)\n\nNode.js v20.20.2\n";
    check("javascript", "main.js", output, "TypeError: Cannot read properties of undefined (reading 'z') (line 2)");
    let plain = "\n/box/main.js:1\nthrow \"plain\";\n^\nplain\n(Use `node --trace-uncaught ...` to show where the exception was thrown)\n";
    check("javascript", "main.js", plain, "plain (line 1)");
    let syntax = "/box/main.js:1\nlet x = ;\n        ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe \
                  (node:internal/modules/cjs/loader:1464:18)\n";
    check("javascript", "main.js", syntax, "SyntaxError: Unexpected token ';' (line 1)");
}

#[test]
fn exceptions_of_other_languages_are_found() {
    for (id, name, output, expected) in [
        (
            "ruby",
            "main.rb",
            "main.rb:2:in `/': divided by 0 (ZeroDivisionError)\n\tfrom main.rb:2:in `f'\n\tfrom main.rb:4:in `<main>'\n",
            "ZeroDivisionError: divided by 0 (line 2)",
        ),
        (
            "go",
            "main.go",
            "panic: runtime error: index out of range [5] with length 1\n\ngoroutine 1 [running]:\nmain.f(...)\n\t/box/main.go:2\n\
             main.main()\n\t/box/main.go:4 +0x1d\nexit status 2\n",
            "panic: runtime error: index out of range [5] with length 1 (line 2)",
        ),
        (
            "rust",
            "main.rs",
            "\nthread 'main' (9421) panicked at main.rs:3:21:\nindex out of bounds: the len is 1 but the index is 5\nnote: run with\n",
            "index out of bounds: the len is 1 but the index is 5 (line 3)",
        ),
        (
            "rust",
            "main.rs",
            "thread 'main' panicked at 'called `Option::unwrap()` on a `None` value', main.rs:3:21\nnote: run with\n",
            "called `Option::unwrap()` on a `None` value (line 3)",
        ),
        (
            "cpp",
            "main.cpp",
            "terminate called after throwing an instance of 'std::out_of_range'\n  what():  vector::_M_range_check\n",
            "std::out_of_range: vector::_M_range_check",
        ),
        ("cpp", "main.cpp", "terminate called after throwing an instance of 'int'\n", "int"),
        ("c", "main.c", "main: main.c:2: main: Assertion `c > 5' failed.\n", "Assertion `c > 5' failed. (line 2)"),
        ("c", "main.c", "free(): double free detected in tcache 2\n", "free(): double free detected in tcache 2"),
        (
            "csharp",
            "main.cs",
            "\nUnhandled Exception:\nSystem.DivideByZeroException: Attempted to divide by zero.\n  at P.Main () [0x00000] in <4f95>:0 \n\
             [ERROR] FATAL UNHANDLED EXCEPTION: System.DivideByZeroException: Attempted to divide by zero.\n",
            "System.DivideByZeroException: Attempted to divide by zero.",
        ),
        (
            "csharp",
            "main.cs",
            "[ERROR] FATAL UNHANDLED EXCEPTION: System.Exception: boom\n  at System.Array.F () [0x00000] in <4f95>:0 \n  at P.Main () \
             [0x00000] in /box/main.cs:4 \n",
            "System.Exception: boom (line 4)",
        ),
        (
            "php",
            "main.php",
            "PHP Fatal error:  Uncaught DivisionByZeroError: Division by zero in /box/main.php:3\nStack trace:\n#0 {main}\n  thrown in \
             /box/main.php on line 3\n",
            "DivisionByZeroError: Division by zero (line 3)",
        ),
        ("perl", "main.pl", "Illegal division by zero at main.pl line 2.\n", "Illegal division by zero (line 2)"),
        (
            "lua",
            "main.lua",
            "lua5.4: main.lua:2: attempt to index a nil value (field 'y')\nstack traceback:\n\tmain.lua:2: in local 'f'\n",
            "attempt to index a nil value (field 'y') (line 2)",
        ),
        ("haskell", "main.hs", "main: Prelude.head: empty list\n", "Prelude.head: empty list"),
        ("ocaml", "main.ml", "Fatal error: exception Failure(\"hd\")\n", "Failure(\"hd\")"),
        ("r", "main.r", "Error in f(1) : boom\nCalls: f\nExecution halted\n", "Error in f(1) : boom"),
        ("pascal", "main.pas", "Runtime error 200 at $00000000004010BE\n  $00000000004010BE\n", "Runtime error 200"),
        (
            "fortran",
            "main.f90",
            "At line 3 of file main.f90 (unit = 5, file = 'stdin')\nFortran runtime error: End of file\n\nError termination.\n",
            "End of file (line 3)",
        ),
        (
            "tcl",
            "main.tcl",
            "boom 1\n    while executing\n\"error \"boom $x\"\"\n    (procedure \"f\" line 2)\n    invoked from within\n\"f 1\"\n    (file \
             \"main.tcl\" line 4)\n",
            "boom 1 (line 4)",
        ),
        (
            "lisp",
            "main.lisp",
            "Unhandled DIVISION-BY-ZERO in thread #<SB-THREAD:THREAD \"main thread\" RUNNING\n                    {1001348003}>:\n  \
             arithmetic error DIVISION-BY-ZERO signalled\nOperation was (/ 1 0).\n",
            "DIVISION-BY-ZERO: arithmetic error DIVISION-BY-ZERO signalled Operation was (/ 1 0).",
        ),
        (
            "scheme",
            "main.scm",
            "Backtrace:\n           0 (car ())\n\nERROR: In procedure car:\nIn procedure car: Wrong type (expecting pair): ()\n",
            "In procedure car: Wrong type (expecting pair): ()",
        ),
        ("bash", "main.sh", "main.sh: line 2: foo: command not found\n", "foo: command not found (line 2)"),
        (
            "bash",
            "main.sh",
            "main.sh: line 1: syntax error near unexpected token `then'\nmain.sh: line 1: `if then'\n",
            "syntax error near unexpected token `then' (line 1)",
        ),
        (
            "awk",
            "main.awk",
            "gawk: main.awk:1: error: division by zero attempted\n",
            "error: division by zero attempted (line 1)",
        ),
        ("sql", "main.sql", "Parse error near line 2: no such table: nope\n", "no such table: nope (line 2)"),
    ] {
        check(id, name, output, expected);
    }
}

/// Printed by OpenJDK 17 if the heap is too full to print the exception.
const JVM_WITHOUT_TRACE: &str =
    "\nException: java.lang.OutOfMemoryError thrown from the UncaughtExceptionHandler in thread \"main\"\n";

/// Printed by OpenJDK 17 if the heap is full in a task of another thread.
const JVM_CAUSE: &str = "Exception in thread \"main\" java.util.concurrent.ExecutionException: java.lang.OutOfMemoryError: Java \
                         heap space\n\tat java.base/java.util.concurrent.FutureTask.report(FutureTask.java:122)\n\tat \
                         Main.main(Main.java:2)\nCaused by: java.lang.OutOfMemoryError: Java heap space\n\tat \
                         Main.lambda$main$0(Main.java:2)\n\t... 1 more\n";

#[test]
fn a_full_heap_is_the_memory_limit() {
    for (id, output) in [
        (
            "java",
            "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat Main.main(Main.java:3)\n",
        ),
        ("java", "java.lang.OutOfMemoryError: Java heap space\n\tat Solution.f(Solution.java:3)\n"),
        ("scala", "Exception in thread \"main\" java.lang.OutOfMemoryError: GC overhead limit exceeded\n"),
        ("java", JVM_WITHOUT_TRACE),
        ("kotlin", JVM_WITHOUT_TRACE),
        ("scala", JVM_WITHOUT_TRACE),
        ("groovy", JVM_WITHOUT_TRACE),
        ("clojure", JVM_WITHOUT_TRACE),
        ("junit", JVM_WITHOUT_TRACE),
        ("java", JVM_CAUSE),
        ("kotlin", JVM_CAUSE),
        ("scala", JVM_CAUSE),
        ("groovy", JVM_CAUSE),
        ("clojure", JVM_CAUSE),
        ("junit", JVM_CAUSE),
        (
            "javascript",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native -----\n",
        ),
        (
            "lisp",
            "Unhandled SB-KERNEL::HEAP-EXHAUSTED-ERROR in thread #<SB-THREAD:THREAD \"main thread\" RUNNING\n                \
             {1001388003}>:\n  Heap exhausted (no more space for allocation).\n32768 bytes available, 400016 requested.\n",
        ),
        ("lisp", "fatal error encountered in SBCL pid 5888 tid 5888:\nHeap exhausted, game over.\n\n"),
    ] {
        let exception = found(id, &["Main.java"], output.as_bytes()).unwrap_or_else(|| panic!("{output}"));
        assert!(exception.is_memory_limit, "{output}");
    }
    for output in [
        "Exception in thread \"main\" java.lang.Error: java.lang.OutOfMemoryError: Java heap space\n",
        "Exception in thread \"main\" java.lang.Error\nCaused by: java.lang.OutOfMemoryError: unable to create native thread\n",
        "Exception in thread \"main\" java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory\n",
        "Exception in thread \"main\" java.lang.OutOfMemoryError: Requested array size exceeds VM limit\n",
    ] {
        assert!(!found("java", &["Main.java"], output.as_bytes()).unwrap().is_memory_limit, "{output}");
    }
}

#[test]
fn ordinary_output_is_not_an_exception() {
    for id in ["python", "java", "javascript", "go", "rust", "cpp", "ruby"] {
        for output in ["", "debug: 1\n", "   \n\n", "IndexError\n"] {
            assert_eq!(found(id, &["x"], output.as_bytes()), None, "{id} {output:?}");
        }
    }
}

#[test]
fn the_message_is_one_short_line_without_control_characters() {
    let output = |message: &[u8]| {
        let stderr = [b"  File \"main.py\", line 3\nValueError: ", message, b"\n"].concat();
        found("python", &["main.py"], &stderr).unwrap().text
    };
    assert_eq!(output(b"a\x1b[31mb\x07c\rd"), "ValueError: a [31mb c d (line 3)");
    assert_eq!(output("a\u{202e}b\u{2028}c".as_bytes()), "ValueError: a b c (line 3)");
    assert_eq!(output(b"\xff\xfe"), "ValueError: \u{fffd}\u{fffd} (line 3)");
    let long = output(&[b'x'; 10_000]);
    assert!(long.chars().count() < TEXT_MAX + 20, "{}", long.len());
    assert!(long.ends_with("… (line 3)"), "{long}");
}

#[test]
fn the_file_is_named_if_there_are_several() {
    let output = b"  File \"/box/lib/util.py\", line 3, in f\n    x\nKeyError: 'a'\n";
    assert_eq!(found("python", &["main.py", "lib/util.py"], output).unwrap().text, "KeyError: 'a' (util.py, line 3)");
}

#[test]
fn a_pattern_without_its_required_group_is_rejected() {
    let faults = |rule: &str| {
        let text = format!(
            "name = 'X'\nextensions = ['x']\nsource = 'a.x'\nexecute = ['x']\nversion = {{ command = ['x'] }}\nsamples = []\n[packages]\n\
             [[exceptions]]\n{rule}"
        );
        let faults = crate::file::parse("x.toml", "x.toml", &text).err().unwrap_or_default();
        faults.into_iter().map(|fault| format!("{}: {}", fault.key, fault.detail)).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(faults("pattern = '(?P<message>.*)'"), "");
    assert_eq!(faults("pattern = 'x'"), "exceptions[0].pattern: expected a group `(?P<message>…)`");
    assert!(faults("pattern = '('").starts_with("exceptions[0].pattern: expected a regular expression"));
    let places = "pattern = '(?P<message>.*)'\nplaces = [{ side = 'after', pattern = 'x' }]";
    assert_eq!(faults(places), "exceptions[0].places[0].pattern: expected a group `(?P<line>…)`");
}
