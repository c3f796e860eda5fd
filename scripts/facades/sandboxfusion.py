"""Checks the facade of SandboxFusion with the published SDK `sandbox-fusion`, and with requests of verl's form.

    sandboxfusion.py BASE-URL LANGUAGES

LANGUAGES is the output of `cupel languages --json`. Checks of languages that are not installed are skipped, visibly.
Every check is a function whose name states the rule. Exits with 1 if one of them fails, after all of them have run.
"""

import asyncio
import base64
import io
import json
import logging
import sys
import traceback
import zipfile

import requests
import sandbox_fusion
from pydantic.v1 import ValidationError
from sandbox_fusion import GetPromptsRequest, RunCodeRequest, RunJupyterRequest, SubmitRequest, SummaryMapping, TestConfig

BASE, LANGUAGES = sys.argv[1:]
with open(LANGUAGES, encoding="utf-8") as listed:
    INSTALLED = {language["id"] for language in json.load(listed)["languages"] if language["available"]}

# Seconds after which a client gives up. Longer than any time limit below, for a busy machine.
PATIENCE = 120
CHECKS = []


def check(language):
    """Registers a check that needs this language of Cupel."""

    def register(function):
        CHECKS.append((language, function))
        return function

    return register


def run(language, code, **fields):
    """Runs a program with the SDK, without its retries: a retry would hide a fault. Time limits are long, for a busy machine."""
    request = RunCodeRequest(language=language, code=code, **{"compile_timeout": 60, "run_timeout": 30, **fields})
    return sandbox_fusion.run_code(request, max_attempts=1, client_timeout=PATIENCE)


def post(body):
    """The response to a body, without the SDK."""
    return requests.post(f"{BASE}/run_code", json=body, timeout=PATIENCE)


def refused(call, *parts):
    """Checks that the call raises an exception whose text contains these parts."""
    try:
        result = call()
    except Exception as error:  # The SDK raises plain `Exception`.
        text = str(error)
    else:
        raise AssertionError(f"no exception, but {result!r}")
    for part in parts:
        assert part in text, f"{part!r} is not in the exception: {text}"


def equal(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def finished(result, code, stdout, stderr=""):
    """Checks that the command ended with this code and this output. `stderr=None`: any standard error."""
    equal((result.status.value, result.return_code, result.stdout), ("Finished", code, stdout))
    assert stderr is None or result.stderr == stderr, result
    # The time of a compilation whose result was cached is 0.
    assert isinstance(result.execution_time, float) and 0 <= result.execution_time < 60, result


def interpreted(response, status, code, stdout, stderr=""):
    """The response for a language without a compile step."""
    equal((response.status.value, response.message, response.compile_result), (status, "", None))
    finished(response.run_result, code, stdout, stderr)


def compiled(response, status, code, stdout, stderr=""):
    """The response for a program that was compiled without a warning."""
    equal((response.status.value, response.message), (status, ""))
    finished(response.compile_result, 0, "")
    finished(response.run_result, code, stdout, stderr)


def encoded(data):
    return base64.b64encode(data).decode()


# ---- Outcomes, in Python


@check("python")
def a_program_that_exits_with_0_is_a_success():
    request = RunCodeRequest(language="python", code="print('hello')")  # With the default time limits.
    response = sandbox_fusion.run_code(request, max_attempts=1, client_timeout=PATIENCE)
    interpreted(response, "Success", 0, "hello\n")
    equal(response.files, {})
    equal(response.executor_pod_name, None)


@check("python")
def stdin_is_passed_unchanged():
    code = "import sys; print(repr(sys.stdin.read()))"
    interpreted(run("python", code, stdin="3 4\nä € 😀 without newline"), "Success", 0, "'3 4\\nä € 😀 without newline'\n")


@check("python")
def without_stdin_the_program_reads_end_of_file():
    interpreted(run("python", "print(len(input()))"), "Failed", 1, "", None)
    interpreted(run("python", "import sys; print(repr(sys.stdin.read()))"), "Success", 0, "''\n")


@check("python")
def an_exit_code_is_the_return_code_and_a_failure():
    interpreted(run("python", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"), "Failed", 7, "out\n", "err\n")


@check("python")
def an_uncaught_exception_has_return_code_1_and_its_traceback_in_stderr():
    response = run("python", "print('before')\nraise ValueError('bad value')")
    interpreted(response, "Failed", 1, "before\n", None)
    assert response.run_result.stderr.startswith("Traceback (most recent call last):\n"), response
    assert response.run_result.stderr.endswith("ValueError: bad value\n"), response


@check("python")
def a_syntax_error_of_an_interpreted_language_is_a_failure_of_the_run():
    response = run("python", "print(")
    interpreted(response, "Failed", 1, "", None)
    assert "SyntaxError" in response.run_result.stderr, response


@check("python")
def a_signal_is_a_negative_return_code():
    for name, number in [("SIGSEGV", 11), ("SIGKILL", 9), ("SIGABRT", 6)]:
        response = run("python", f"import os, signal; print('out', flush=True); os.kill(os.getpid(), signal.{name})")
        interpreted(response, "Failed", -number, "out\n")


@check("python")
def a_run_that_reaches_run_timeout_has_no_return_code_and_keeps_its_output():
    for rest in ["import time; time.sleep(60)", "while True: pass"]:
        response = run("python", f"print('before', flush=True)\n{rest}", run_timeout=6)
        equal((response.status.value, response.message, response.compile_result), ("Failed", "", None))
        result = response.run_result
        equal((result.status.value, result.return_code), ("TimeLimitExceeded", None))
        equal((result.stdout, result.stderr), ("before\n", ""))
        # Without `run_timeout`, the limit is 10 s.
        assert 5.5 < result.execution_time < 9.5, result


@check("python")
def a_summary_of_the_sdk_names_the_outcome():
    mapping = SummaryMapping(Success="ok", Failed="failed", RunFailed="run failed", RunTimeout="run timeout", CompileFailed="compile failed")
    for code, expected in [("", "ok"), ("exit(1)", "run failed"), ("import time; time.sleep(60)", "run timeout")]:
        limit = 2 if expected == "run timeout" else 30
        equal(sandbox_fusion.summary_run_code_result(run("python", code, run_timeout=limit), mapping), expected)


# ---- Files


@check("python")
def files_are_in_the_working_directory_and_can_be_imported():
    code = "import helper; print(helper.VALUE, open('data/deep/input.bin', 'rb').read())"
    files = {"helper.py": encoded(b"VALUE = 42\n"), "data/deep/input.bin": encoded(b"\0\xff\n"), "absent.txt": None}
    interpreted(run("python", code, files=files), "Success", 0, "42 b'\\x00\\xff\\n'\n")


@check("python")
def a_file_without_content_is_skipped():
    interpreted(run("python", "import os; print(os.path.exists('absent.txt'))", files={"absent.txt": None}), "Success", 0, "False\n")


@check("python")
def fetched_files_have_the_paths_of_the_request_and_others_are_omitted():
    code = "import os; os.mkdir('d'); open('a.txt', 'w').write('text'); open('d/b.bin', 'wb').write(bytes(range(256)))"
    response = run("python", code, fetch_files=["a.txt", "./a.txt", "d/b.bin", "d", "missing", "sent"], files={"sent": encoded(b"as sent")})
    interpreted(response, "Success", 0, "")
    text = encoded(b"text")
    equal(response.files, {"a.txt": text, "./a.txt": text, "d/b.bin": encoded(bytes(range(256))), "sent": encoded(b"as sent")})


@check("python")
def files_are_fetched_after_a_failure_but_not_after_a_time_limit():
    kept = {"a": encoded(b"kept")}
    for end, status, files in [
        ("exit(3)", "Finished", kept),
        ("import os; os.kill(os.getpid(), 9)", "Finished", kept),
        # The original returns the files here, too; docs/facades/sandboxfusion.md lists the difference.
        ("import time; time.sleep(60)", "TimeLimitExceeded", {}),
    ]:
        limit = 30 if files else 2
        response = run("python", f"with open('a', 'w') as file: file.write('kept')\n{end}", run_timeout=limit, fetch_files=["a"])
        equal((response.status.value, response.run_result.status.value, response.files), ("Failed", status, files))


@check("python")
def a_file_that_is_not_kept_whole_is_omitted():
    code = "for i in range(3): open(f'a{i}', 'wb').write(b'x' * (4 << 20))\nprint('y' * 1000)"
    response = run("python", code, fetch_files=["a0", "a1", "a2", "no\0name"])
    interpreted(response, "Success", 0, "y" * 1000 + "\n")
    equal({path: len(base64.b64decode(content)) for path, content in response.files.items()}, {"a0": 4 << 20})


@check("python")
def a_program_has_the_languages_maxima_of_threads_and_files():
    code = (
        "import threading, time\n"
        "threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(100)]\n"
        "for thread in threads: thread.start()\n"
        "files = [open(f'{n}', 'w') for n in range(300)]\n"
        "open('large', 'wb').write(b'x' * (70 << 20))\n"
        "print(len(threads), len(files))"
    )
    interpreted(run("python", code), "Success", 0, "100 300\n")


@check("python")
def requests_do_not_see_the_files_of_each_other():
    code = "import os; print(os.path.exists('mark')); open('mark', 'w').close()"
    for _ in range(3):
        interpreted(run("python", code), "Success", 0, "False\n")


@check("python")
def the_sdk_raises_the_message_of_a_sandbox_error():
    refused(lambda: run("python", "x = 1", files={"a": "abcde"}), "Sandbox responded with error: exception on running code x = 1: ")


# ---- C++, Java, JavaScript


@check("cpp")
def cpp_is_compiled_and_run():
    code = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b << std::endl; return 5; }"
    compiled(run("cpp", code, stdin="20 22"), "Failed", 5, "42\n")
    compiled(run("cpp", code.replace("5", "0"), stdin="1 2"), "Success", 0, "3\n")


@check("cpp")
def a_compile_error_has_the_compilers_output_and_no_run_result():
    response = run("cpp", "int main() { return undeclared_name; }")
    equal((response.status.value, response.message, response.run_result), ("Failed", "", None))
    finished(response.compile_result, 1, "", None)
    assert "undeclared_name" in response.compile_result.stderr, response


@check("cpp")
def a_compilation_that_reaches_compile_timeout_has_no_return_code_and_no_run_result():
    response = run("cpp", "#include <regex>\nint main() { return 0; }", compile_timeout=0.01)
    equal((response.status.value, response.message, response.run_result), ("Failed", "", None))
    equal((response.compile_result.status.value, response.compile_result.return_code), ("TimeLimitExceeded", None))


@check("cpp")
def a_crash_of_a_compiled_program_is_a_negative_return_code():
    compiled(run("cpp", "int main() { volatile int *nowhere = nullptr; *nowhere = 1; }"), "Failed", -11, "")
    compiled(run("cpp", "#include <cstdlib>\nint main() { std::abort(); }"), "Failed", -6, "")


@check("cpp")
def an_uncaught_exception_in_cpp_is_return_code_minus_6():
    response = run("cpp", '#include <stdexcept>\nint main() { throw std::runtime_error("bad value"); }')
    compiled(response, "Failed", -6, "", None)
    assert "bad value" in response.run_result.stderr, response


@check("cpp")
def sent_files_can_be_included_and_written_files_be_fetched():
    code = '#include "sent.h"\n#include <fstream>\nint main() { std::ofstream("out.txt") << VALUE; }'
    response = run("cpp", code, files={"sent.h": encoded(b"#define VALUE 42\n")}, fetch_files=["out.txt"])
    compiled(response, "Success", 0, "")
    equal(response.files, {"out.txt": encoded(b"42")})


JAVA = """import java.util.Scanner;
public class Main {
    public static void main(String[] args) {
        int number = new Scanner(System.in).nextInt();
        if (number < 0) throw new IllegalStateException("negative");
        System.out.println(number * 2);
        System.exit(number % 10);
    }
}
"""


@check("java")
def java_is_compiled_and_run():
    compiled(run("java", JAVA, stdin="20"), "Success", 0, "40\n")
    compiled(run("java", JAVA, stdin="23"), "Failed", 3, "46\n")


@check("java")
def an_uncaught_exception_in_java_is_return_code_1():
    response = run("java", JAVA, stdin="-1")
    compiled(response, "Failed", 1, "", None)
    assert "java.lang.IllegalStateException: negative" in response.run_result.stderr, response


@check("java")
def a_compile_error_in_java_has_no_run_result():
    response = run("java", "public class Main { int x = undeclaredName; }")
    equal((response.status.value, response.run_result), ("Failed", None))
    finished(response.compile_result, 1, "", None)
    assert "undeclaredName" in response.compile_result.stderr, response


@check("java")
def jars_among_the_files_are_on_the_class_path():
    code = (
        "import java.nio.file.*;\npublic class Main { public static void main(String[] a) throws Exception {\n"
        '    Files.write(Path.of("Q"), new p.Q().getClass().getResourceAsStream("/p/Q.class").readAllBytes());\n} }'
    )
    source = encoded(b'package p; public class Q { public String toString() { return "from the jar"; } }')
    compiled_class = run("java", code, files={"p/Q.java": source}, fetch_files=["Q"]).files["Q"]
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("p/Q.class", base64.b64decode(compiled_class))
    code = "import p.Q;\npublic class Main { public static void main(String[] a) { assert a.length > 0 : new Q(); } }"
    response = run("java", code, files={"lib/q.jar": encoded(jar.getvalue())})
    compiled(response, "Failed", 1, "", None)
    assert "AssertionError: from the jar" in response.run_result.stderr, response


@check("typescript")
def typescript_is_not_type_checked():
    code = "const y: string = 5 as any as number; function f(a) { return a }\nenum E { A }\nconsole.log(f(y), E[0])"
    interpreted(run("typescript", code), "Success", 0, "5 A\n")
    response = run("typescript", "let x = ;")
    equal((response.status.value, response.compile_result), ("Failed", None))


@check("rust")
def overflows_in_rust_are_panics():
    code = (
        "fn main() { let a: Vec<i32> = std::env::args().map(|_| i32::MAX).collect(); %s; "
        'println!("{}", a[0]%s); }'
    )
    compiled(run("rust", code % ("()", "")), "Success", 0, "2147483647\n")
    response = run("rust", code % ("()", " + 1"))
    compiled(response, "Failed", 101, "", None)
    assert "attempt to add with overflow" in response.run_result.stderr, response
    compiled(run("rust", code % ("debug_assert!(a.len() == 5)", "")), "Failed", 101, "", None)


@check("javascript")
def node_runs_without_a_compile_result():
    code = "const n = Number(require('fs').readFileSync(0, 'utf8')); console.log(n * 2); process.exitCode = n % 10"
    interpreted(run("nodejs", code, stdin="20"), "Success", 0, "40\n")
    interpreted(run("nodejs", code, stdin="23"), "Failed", 3, "46\n")


@check("javascript")
def an_uncaught_exception_in_node_is_return_code_1():
    response = run("nodejs", "throw new Error('bad value')")
    interpreted(response, "Failed", 1, "", None)
    assert "Error: bad value" in response.run_result.stderr, response


@check("bash")
def bash_runs_without_a_compile_result():
    interpreted(run("bash", 'read name; echo "hello $name"; exit 4', stdin="you\n"), "Failed", 4, "hello you\n")


@check("go-test")
def tests_in_go_run_and_a_failing_one_is_return_code_1():
    code = "package main\nimport \"testing\"\nfunc TestAdd(t *testing.T) { if 1+1 != %d { t.Fatal(\"wrong\") } }"
    interpreted(run("go_test", code % 2), "Success", 0, "PASS\n")
    response = run("go_test", code % 3)
    equal((response.status.value, response.compile_result, response.run_result.return_code), ("Failed", None, 1))
    assert "--- FAIL: TestAdd" in response.run_result.stdout, response
    response = run("go_test", "package main\nfunc")
    equal((response.status.value, response.compile_result, response.run_result.stdout), ("Failed", None, ""))
    assert "expected" in response.run_result.stderr and response.run_result.return_code > 0, response


# ---- Refusals


@check("python")
def the_sdk_refuses_an_unknown_language_before_it_sends():
    for language in ["c", "Python", "no-such-language"]:
        try:
            RunCodeRequest(language=language, code="")
        except ValidationError:
            continue
        raise AssertionError(f"the SDK accepts {language}")


@check("python")
def a_language_that_only_the_sdk_knows_is_refused_with_422():
    refused(lambda: run("python2", "print 1"), "Faas api responded with code 422: ", "literal_error", "'swift' or 'racket'")


@check("python")
def a_language_that_is_not_installed_has_return_code_127():
    response = run("julia", "print(1)")
    equal((response.status.value, response.compile_result), ("Failed", None))
    equal((response.run_result.status.value, response.run_result.return_code), ("Finished", 127))
    assert "command not found" in response.run_result.stderr, response


@check("python")
def every_fault_of_a_request_has_the_type_place_and_message_of_pydantic():
    response = post({"language": "c", "run_timeout": "ten", "files": []})
    equal(response.status_code, 422)
    faults = [(fault["type"], fault["loc"]) for fault in response.json()["detail"]]
    expected = [
        ("float_parsing", ["body", "run_timeout"]),
        ("missing", ["body", "code"]),
        ("literal_error", ["body", "language"]),
        ("dict_type", ["body", "files"]),
    ]
    equal(faults, expected)
    messages = [fault["msg"] for fault in response.json()["detail"]]
    equal(messages[:2], ["Input should be a valid number, unable to parse string as a number", "Field required"])
    assert messages[2].startswith("Input should be 'python', 'cpp', 'nodejs', 'go', "), messages
    assert messages[2].endswith(", 'swift' or 'racket'"), messages
    equal(messages[3], "Input should be a valid dictionary")


def notebook(cells, **fields):
    request = RunJupyterRequest(cells=cells, **{"total_timeout": 60, **fields})
    return sandbox_fusion.run_jupyter(request, max_attempts=1, client_timeout=PATIENCE)


@check("python")
def the_cells_of_a_notebook_share_their_state():
    response = notebook(["x = 41\nprint('hi')\nx + 1", "1 / 0", "import os\nos.system('echo sub')\nx", "input()"])
    equal((response.status.value, response.driver.return_code), ("Success", 0))
    first, second, third, fourth = response.cells
    equal((first.stdout, first.stderr, first.display, first.error), ("hi\n", "", [{"text/plain": "42"}], []))
    equal((second.error[0]["ename"], second.error[0]["evalue"]), ("ZeroDivisionError", "division by zero"))
    equal((third.stdout, third.display), ("sub\n", [{"text/plain": "41"}]))
    equal(fourth.error[0]["ename"], "StdinNotImplementedError")
    equal(notebook(["x"]).cells[0].error[0]["ename"], "NameError")


@check("python")
def a_notebook_has_files_and_displays():
    cells = [
        "print(open('data/a.txt').read())\nopen('b.txt', 'w').write('b')\nNone",
        "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\n'last'",
        "class Picture:\n    def _repr_png_(self): return b'png'\nPicture()",
        "!echo shell",
    ]
    response = notebook(cells, files={"data/a.txt": encoded(b"a")}, fetch_files=["b.txt", "none"])
    equal((response.cells[0].stdout, response.files), ("a\n", {"b.txt": encoded(b"b")}))
    equal([bundle["text/plain"] for bundle in response.cells[1].display][1], "'last'")
    equal(response.cells[1].display[0]["text/html"], "<b>x</b>")
    equal(response.cells[2].display[0]["image/png"], encoded(b"png"))
    equal(response.cells[3].stdout, "shell\n")


@check("python")
def a_notebook_may_have_long_outputs_and_calls_of_exit():
    response = notebook(["print('中' * 1500000)", "exit()", "quit()", "print('\\ud800'.encode(errors='replace'))"])
    equal((response.status.value, response.message), ("Success", ""))
    equal([cell.error for cell in response.cells], [[]] * 4)
    equal([len(cell.stdout) for cell in response.cells], [1500001, 0, 0, 5])
    response = notebook(["print('x' * 9000000)"])
    equal((response.status.value, response.cells), ("Failed", []))
    assert "larger than the server keeps" in response.message, response
    response = notebook(["print('kept')", "open('large', 'wb').write(b'x' * (9 << 20))"], fetch_files=["large"])
    equal((response.status.value, response.cells[0].stdout, response.files), ("Success", "kept\n", {}))
    response = notebook(["import os; os._exit(0)"])
    equal((response.status.value, response.cells), ("Failed", []))
    assert "a cell ended the process" in response.message, response


@check("python")
def a_notebook_that_does_not_end_has_no_cells():
    for cells in [["print(1)", "while True: pass"], ["print(1)", "import os\nos._exit(0)"]]:
        response = notebook(cells, total_timeout=1)
        equal((response.status.value, response.cells, response.files), ("Failed", [], {}))


def row(*cases):
    return {"id": 7, "content": "Double.", "labels": {}, "test": [{"input": {"stdin": a}, "output": {"stdout": b}} for a, b in cases]}


def submit(completion, provided, **config):
    limits = {"compile_timeout": 60, "run_timeout": 60}
    config = TestConfig(**{"dataset_type": "CommonOJDataset", "language": "python", "provided_data": provided, **limits, **config})
    return sandbox_fusion.submit(SubmitRequest(dataset="mine", id=7, completion=completion, config=config), max_attempts=1)


@check("python")
def a_completion_is_tested_with_the_rows_of_the_request():
    completion = "Here it is:\n```python\nprint(int(input()) * 2)\n```\n"
    result = submit(completion, row(("1", "2"), ("3", "6\n")))
    equal((result.accepted, result.id, result.extracted_code), (True, 7, "print(int(input()) * 2)"))
    equal([test.exec_info.run_result.stdout for test in result.tests], ["2\n", "6\n"])
    equal([test.passed for test in submit(completion, row(("1", "2"), ("3", "7"), ("4", "8"))).tests], [True, False])
    equal(submit("I do not know.", row(("1", "2"))).accepted, False)
    # A block may begin after other text of its line.
    equal(submit("Answer: ```python\nprint(input())\n```\nIt ends.", row(("1", "1"))).accepted, True)
    # A difference of rounding is none, also near zero.
    equal(submit("```python\nprint(0.1 + 0.2 - 0.3)\n```", row(("", "0.0"))).accepted, True)
    endless = submit("```python\nwhile True: pass\n```", row(("1", "2")), run_timeout=1)
    equal(endless.tests[0].exec_info.run_result.status.value, "TimeLimitExceeded")


@check("python")
def the_time_limit_of_a_case_may_be_text():
    body = {
        "dataset": "x",
        "id": 1,
        "completion": "```python\nwhile 1: pass\n```",
        "config": {
            "dataset_type": "CommonOJDataset",
            "language": "python",
            "run_timeout": "0.5",
            "provided_data": row(("", "1")),
        },
    }
    result = requests.post(f"{BASE}/submit", json=body, timeout=PATIENCE).json()["tests"][0]["exec_info"]["run_result"]
    equal(result["status"], "TimeLimitExceeded")
    # Without `run_timeout`, the limit is 20 s.
    assert result["execution_time"] < 19, result


@check("cpp")
def a_completion_in_cpp_is_compiled():
    completion = "```cpp\n#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }\n```"
    equal(submit(completion, row(("1", "2")), language="cpp").accepted, True)


def tested(completion, labels, test, **extra):
    """The result of a row of `AutoEvalDataset`."""
    provided = {"id": 7, "content": "", "labels": labels, "test": test}
    return submit(completion, provided, dataset_type="AutoEvalDataset", language=None, extra=extra)


@check("python")
def a_completion_runs_with_the_test_of_its_row():
    labels, test = {"programming_language": "python"}, {"code": "assert f(2) == 4, 'wrong'"}
    right = "```python\ndef f(x):\n    return 2 * x\n\nif __name__ == \"__main__\":\n    print(f(int(input())))\n```"
    result = tested(right, labels, test)
    equal((result.accepted, result.full_code), (True, "def f(x):\n    return 2 * x\nassert f(2) == 4, 'wrong'"))
    equal(tested("```python\ndef f(x):\n    return x\n```", labels, test).accepted, False)
    equal(tested("I do not know.", labels, test).accepted, False)
    # Code that exits before the test passes only without the flag.
    early = "```python\nraise SystemExit(0)\n```"
    equal([tested(early, labels, test, append_flag=flag).accepted for flag in [False, True]], [True, False])
    equal(tested(right, labels, test, append_flag=True).accepted, True)
    # The code as a text of the test.
    text = {"code": "source = #<INSERT>\nexec(source)\nassert f(2) == 4", "asset": json.dumps({"a.txt": "YQ=="})}
    equal(tested(right, labels, text, repr_code=True).accepted, True)


@check("cpp")
def a_completion_in_cpp_runs_with_the_main_function_of_its_test():
    completion = "```cpp\nint f(int x) { return 2 * x; }\nint main() { return f(1); }\n```"
    labels, test = {"programming_language": "cpp"}, {"code": "#<INSERT>\nint main() { return f(2) == 4 ? 0 : 1; }"}
    equal(tested(completion, labels, test).accepted, True)
    equal(tested(completion.replace("2 * x", "x"), labels, test).accepted, False)


@check("go")
def a_completion_in_go_and_its_test_become_one_source():
    completion = "```go\npackage main\n\nimport \"fmt\"\n\nfunc f(x int) int {\n\tfmt.Println(x)\n\treturn 2 * x\n}\n```"
    test = {"code": "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tfmt.Println()\n\tif f(2) != 4 {\n\t\tos.Exit(1)\n\t}\n}"}
    labels = {"programming_language": "go"}
    equal(tested(completion, labels, test).accepted, True)
    equal(tested(completion.replace("2 * x", "x"), labels, test).accepted, False)


@check("junit")
def a_completion_in_java_runs_with_the_test_class_of_its_row():
    completion = "```java\nimport java.util.*;\n\npublic class Main {\n    List<Integer> f(int x) { return List.of(2 * x); }\n}\n```"
    test = {"code": "class MainTest {\n    @Test void doubles() { assertEquals(4, new Main().f(2).get(0)); }\n}"}
    labels = {"programming_language": "java"}
    equal(tested(completion, labels, test).accepted, True)
    equal(tested(completion.replace("2 * x", "x"), labels, test).accepted, False)


@check("python")
def prompts_come_from_the_rows_of_the_request():
    config = TestConfig(dataset_type="CommonOJDataset", language="python", provided_data=[row(), row()])
    prompts = sandbox_fusion.get_prompts(GetPromptsRequest(dataset="mine", config=config))
    equal([(prompt.id, prompt.prompt.split("\n")[0]) for prompt in prompts], [(7, "Double."), (7, "Double.")])


@check("python")
def calls_that_cupel_does_not_have_are_errors_of_the_sdk():
    request = SubmitRequest(dataset="mbpp", id=1, completion="", config=TestConfig())
    equal(sandbox_fusion.submit_safe(request, max_attempts=1).accepted, False)


@check("python")
def a_ping_is_answered_with_pong():
    for path in ["/v1/ping", "/ping"]:
        response = requests.get(BASE + path, timeout=PATIENCE)
        equal((response.status_code, response.json()), (200, "pong"))


# ---- Many programs at a time


def numbered(count):
    """Requests for `count` programs with different results, and the expected results. Two of three programs fail."""
    code = "import sys; n = int(input()); print(n * n); sys.exit(n % 3)"
    requests_ = [RunCodeRequest(language="python", code=code, stdin=str(n), run_timeout=30) for n in range(count)]
    return requests_, [("Success" if n % 3 == 0 else "Failed", n % 3, f"{n * n}\n") for n in range(count)]


def summaries(responses):
    return [(response.status.value, response.run_result.return_code, response.run_result.stdout) for response in responses]


@check("python")
def run_concurrent_returns_the_result_of_each_program_in_order():
    programs, expected = numbered(60)
    options = {"max_attempts": 1, "client_timeout": PATIENCE}
    responses = sandbox_fusion.run_concurrent(sandbox_fusion.run_code, args=[[p] for p in programs], kwargs=[options] * len(programs))
    equal(summaries(responses), expected)


@check("python")
def the_async_client_runs_many_programs_at_a_time():
    programs, expected = numbered(40)

    async def all_of_them():
        calls = [sandbox_fusion.run_code_async(p, max_attempts=1, client_timeout=PATIENCE) for p in programs]
        return await asyncio.gather(*calls)

    equal(summaries(asyncio.run(all_of_them())), expected)


# ---- verl


def verl(language, code, stdin, **others):
    """The body of a successful response to a request of verl's form (verl/utils/reward_score/sandbox_fusion/utils.py)."""
    body = {
        "compile_timeout": 10,
        "run_timeout": 10,
        "code": code,
        "stdin": stdin,
        "memory_limit_MB": 1024,
        "language": language,
        "files": {},
        "fetch_files": [],
        **others,
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    response = requests.post(f"{BASE}/run_code", headers=headers, data=json.dumps(body), timeout=PATIENCE)
    equal((response.status_code, response.headers["content-type"]), (200, "application/json"))
    return response.json()


@check("python")
def every_key_of_a_response_to_verl_is_present():
    body = verl("python", "print(int(input()) + 1)", "41\n")
    equal(set(body), {"status", "message", "compile_result", "run_result", "executor_pod_name", "files"})
    equal(set(body["run_result"]), {"status", "execution_time", "return_code", "stdout", "stderr"})
    seconds = body["run_result"].pop("execution_time")
    assert isinstance(seconds, float) and 0 < seconds < 10, seconds
    result = {"status": "Finished", "return_code": 0, "stdout": "42\n", "stderr": ""}
    expected = {"status": "Success", "message": "", "compile_result": None, "run_result": result, "executor_pod_name": None, "files": {}}
    equal(body, expected)


@check("cpp")
def a_compile_error_for_verl_has_null_as_run_result():
    body = verl("cpp", "int main() {", "")
    equal((body["status"], body["message"], body["run_result"]), ("Failed", "", None))
    equal((body["compile_result"]["status"], body["compile_result"]["return_code"]), ("Finished", 1))


@check("python")
def a_time_limit_for_verl_has_null_as_return_code():
    body = verl("python", "import time; time.sleep(60)", None, compile_timeout=2, run_timeout=2)
    equal((body["status"], body["compile_result"]), ("Failed", None))
    equal((body["run_result"]["status"], body["run_result"]["return_code"]), ("TimeLimitExceeded", None))


@check("python")
def memory_beyond_memory_limit_mb_ends_the_program_with_return_code_minus_9():
    code = "data = bytearray(300 << 20); data[::4096] = b'x' * len(data[::4096]); print(len(data))"
    equal(verl("python", code, None, memory_limit_MB=1024)["status"], "Success")
    body = verl("python", code, None, memory_limit_MB=100)
    equal((body["status"], body["message"]), ("Failed", ""))
    equal((body["run_result"]["status"], body["run_result"]["return_code"], body["run_result"]["stdout"]), ("Finished", -9, ""))


def main():
    # The SDK would log the refusals that checks expect.
    logging.getLogger("sandbox_fusion").setLevel(logging.CRITICAL)
    sandbox_fusion.set_endpoint(BASE + "/")  # The SDK removes trailing slashes.
    failed, skipped = 0, 0
    for language, function in CHECKS:
        name = function.__name__
        if language not in INSTALLED:
            skipped += 1
            print(f"{name} ... skipped: {language} is not installed (`cupel languages install {language}`)", flush=True)
            continue
        try:
            function()
        except Exception:  # A fault of one check must not hide those of others.
            failed += 1
            print(f"{name} ... FAILED", flush=True)
            traceback.print_exc()
            continue
        print(f"{name} ... ok", flush=True)
    print(f"sandbox-fusion: {len(CHECKS) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


main()
