"""Checks the facade of Jobe with the requests of its clients: the cases of Jobe's own test program, and requests of Moodle's CodeRunner.

    jobe_clients.py ORIGIN

ORIGIN is the address of the server, such as http://127.0.0.1:4000; clients add the path `/jobe/index.php/restapi`. The cases state in
our words what Jobe's `testsubmit.py` checks. Every check is a function whose name states the rule. Exits with 1 if one of them fails,
after all of them have run.
"""

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
from threading import Thread

from checks import run_all

(ORIGIN,) = sys.argv[1:]
BASE = f"{ORIGIN}/jobe/index.php/restapi"
# The key that Jobe's test program sends to every server.
KEY = "2AAA7A5415B4A9B394B54BF1D2E9D"
COMPILE_ERROR, RUN_TIME_ERROR, TIME_LIMIT, SUCCESS = 11, 12, 13, 15

# Seconds after which a client gives up. Longer than any time limit below, for a busy machine.
PATIENCE = 180


def equal(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def call(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", "X-API-KEY": KEY, **headers}
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def run(language, source, parameters=None, **attributes):
    spec = {"language_id": language, "sourcecode": source, "parameters": parameters or {}, **attributes}
    status, result = call("POST", "/runs/", {"run_spec": spec})
    equal(status, 200)
    equal(sorted(result), ["cmpinfo", "outcome", "run_id", "stderr", "stdout"])
    return result


LANGUAGES = [language for language, _ in call("GET", "/languages")[1]]


def check(language, source, outcome, stdout=None, parameters=None, **attributes):
    if language not in LANGUAGES:
        print(f"   not installed: {language}")
        return
    result = run(language, source, parameters, **attributes)
    assert result["outcome"] == outcome and stdout in (None, result["stdout"]), f"expected {outcome} {stdout!r}, found {result}"


def python_runs_with_input_and_arguments():
    check("python3", 'print("Hello")', SUCCESS, "Hello\n", sourcefilename="test.py")
    check("python3", "print(input())\nprint(input())", SUCCESS, "a\nb\n", input="a\nb\n", sourcefilename="test.py")
    check("python3", "import sys\nprint(sys.argv[1:])", SUCCESS, "['x', 'y']\n", {"runargs": ["x", "y"]})
    check("python3", "", SUCCESS, "Blah\n", {"interpreterargs": [r'-c "print(\"Blah\")"']})
    check("python3", "print('ü', '\\u4e2d')", SUCCESS, "ü 中\n")


def python_is_compiled_before_it_runs():
    check("python3", 'print("Hello"', COMPILE_ERROR, "", sourcefilename="test.py")
    check("python3", "print('before')\ndef f():\npass\n", COMPILE_ERROR, "")
    check("python3", "x = 1\nprint(x is 1)", COMPILE_ERROR, "")
    check("python3", "print('before')\neval('1 +')", RUN_TIME_ERROR, "before\n")
    check("python3", "data = [1]\nprint(data[2])", RUN_TIME_ERROR)
    check("python3", "data = [0] * 300_000_000", RUN_TIME_ERROR, parameters={"memorylimit": 500})


def messages_about_other_files_than_the_source_are_output_of_the_program():
    started = 'import subprocess\nopen("s.py", "w").write(%r)\nsubprocess.run(["python3", "s.py"])\nprint("graded")'
    check("python3", 'print("graded")\nexec("x=1\\nprint(x is 1)")', RUN_TIME_ERROR, "graded\nTrue\n")
    check("python3", started % "x=1\nprint(x is 1)", RUN_TIME_ERROR, "True\ngraded\n")
    check("python3", started % "print(", RUN_TIME_ERROR, "graded\n")
    check("python3", 'import warnings\nprint("out")\nwarnings.warn("x", SyntaxWarning)', RUN_TIME_ERROR, "out\n")
    file_id = "helper0123"
    equal(call("PUT", f"/files/{file_id}", {"file_contents": base64.b64encode(b"x = 1\nA = x is 1\n").decode()})[0], 204)
    files = {"file_list": [[file_id, "helper.py"]]}
    check("python3", 'import helper\nprint("main")', RUN_TIME_ERROR, "main\n", **files)
    check("python3", "import helper\nx = 1\nprint(x is 1)", COMPILE_ERROR, "", **files)
    broken = "<?php file_put_contents('b.php', '<?php echo (;'); include 'b.php';"
    check("php", broken, RUN_TIME_ERROR, "")
    check("php", broken.replace("'b.php';", "'b.php'; echo (;"), COMPILE_ERROR, "")


def a_program_that_cannot_be_started_is_a_run_time_error():
    check("c", "int main() { return 0; }", RUN_TIME_ERROR, "", {"compileargs": ["-c"]})
    check("c", "int main() { return 126; }", SUCCESS, "")


def python_writes_and_reads_files():
    source = "with open('o.txt', 'w') as o:\n    o.write('One\\n')\nprint(open('o.txt').read(), end='')"
    check("python3", source, SUCCESS, "One\n")


def a_longer_time_limit_is_honoured():
    source = "from time import perf_counter\nt = perf_counter()\nwhile perf_counter() < t + 6: pass\nprint('done')"
    check("python3", source, SUCCESS, "done\n", {"cputime": 15})
    check("python3", "from time import sleep\nsleep(1.3)\nprint('done')", SUCCESS, "done\n", {"cputime": 1})


def a_python_program_starts_compilers():
    source = (
        "import subprocess\nopen('a.c', 'w').write('#include <stdio.h>\\nint main() { puts(\"in c\"); }')\n"
        "subprocess.run(['gcc', '-o', 'a', 'a.c'], check=True)\nprint(subprocess.check_output(['./a'], text=True), end='')"
    )
    check("python3", source, SUCCESS, "in c\n", {"numprocs": 100, "memorylimit": 0})


def c_is_compiled_with_all_warnings_as_errors():
    hello = '#include <stdio.h>\nint main() {\n    printf("Hello world\\n");\n}\n'
    check("c", hello, SUCCESS, "Hello world\n", sourcefilename="prog.c")
    check("c", hello, SUCCESS, "Hello world\n", sourcefilename="__tester__.c")
    check("c", hello.replace(";\n}", "\n}"), COMPILE_ERROR, "")
    check("c", hello.replace("    printf", "    int unused;\n    printf"), COMPILE_ERROR, "")
    check("c", hello, COMPILE_ERROR, "", {"compileargs": ["-std=c89", "-Wall", "-Werror", "-pedantic"]})
    check("c", hello, COMPILE_ERROR, "", {"compileargs": ["std=c89"]})
    check("c", "#include <iostream>\nint main() { std::cout << 1; }", COMPILE_ERROR, "")
    source = "#include <math.h>\n#include <stdio.h>\nint main(int n, char **a) { printf(\"%.1f\\n\", sqrt(n + 3)); }"
    check("c", source, SUCCESS, "2.0\n", {"linkargs": ["-lm"]})


def c_that_crashes_is_a_run_time_error():
    crash = '#include <stdio.h>\nint main() {\n    char* s = NULL;\n    printf("%c", *s);\n}\n'
    check("c", crash, RUN_TIME_ERROR)
    check("c", "#include <stdlib.h>\nint main() { abort(); }", RUN_TIME_ERROR)
    check("c", "int main() { return 3; }", SUCCESS, "")
    recursion = "int silly(int i) { volatile int j[100]; j[0] = i; return silly(i + 1) + j[0]; }\nint main() { return silly(3); }"
    check("c", recursion, RUN_TIME_ERROR, parameters={"compileargs": ["-w"]})


def c_that_does_not_end_exceeds_the_time_limit():
    check("c", "int main() {\n    while(1) {};\n}\n", TIME_LIMIT, "", {"cputime": 2})
    check("c", '#include <stdio.h>\nint main() { while(1) { printf("Hello"); }; }', TIME_LIMIT, parameters={"cputime": 3})


def memory_beyond_the_limit_is_not_allocated():
    source = '#include <stdio.h>\n#include <stdlib.h>\nint main() { puts(malloc(%d) == NULL ? "no" : "yes"); }'
    check("c", source % 2_000_000_000, SUCCESS, "no\n")
    check("c", source % 500_000_000, SUCCESS, "no\n")
    check("c", source % 500_000_000, SUCCESS, "yes\n", {"memorylimit": 1000})
    check("c", source % 2_000_000_000, SUCCESS, "yes\n", {"memorylimit": 0})


def processes_beyond_the_limit_are_not_started():
    bomb = (
        "#include <unistd.h>\n#include <stdio.h>\nint main() {\n    for (int i = 0; i < 1000; i++) fork();\n"
        '    printf("one\\n");\n}'
    )
    check("c", bomb, SUCCESS, "one\n", {"numprocs": 1})
    source = (
        "#include <unistd.h>\n#include <stdio.h>\nint main() {\n    int good = 0;\n    for (int i = 0; i < 1000; i++) {\n"
        "        int pid = fork();\n        if (pid == 0) { while (1) {}; }\n        if (pid > 0) good++;\n    }\n"
        '    printf("%d\\n", good);\n}'
    )
    result = run("c", source, {"numprocs": 20})
    equal(result["outcome"], SUCCESS)
    assert 6 <= int(result["stdout"]) <= 20, result


def other_languages_run():
    check("nodejs", "console.log('Hello');", SUCCESS, "Hello\n", {"memorylimit": 1000000}, sourcefilename="test.js")
    check("nodejs", "console.log('Hello');", SUCCESS, "Hello\n")
    check("nodejs", "console.log('Hello'", RUN_TIME_ERROR, "", {"memorylimit": 1000000}, sourcefilename="test.js")
    check("cpp", '#include <iostream>\nint main() { std::cout << "Hello\\n"; }', SUCCESS, "Hello\n", sourcefilename="prog.cpp")
    check("cpp", "int main() { int unused; }", COMPILE_ERROR, "")
    check("php", '<h1>Heading</h1>\n<p><?php echo "A paragraph"; ?></p>\n', SUCCESS, "<h1>Heading</h1>\n<p>A paragraph</p>\n", sourcefilename="test.py")
    check("php", "<p><?php echo \"A paragraph' ?></p>\n", COMPILE_ERROR, "", sourcefilename="test.py")
    check("pascal", "begin\nwriteln('Hello');\nend.\n", SUCCESS, "Hello\n", sourcefilename="prog.pas")
    warned = "function unset: integer; begin end;\nbegin\nwriteln(7);\nend.\n"
    check("pascal", warned, SUCCESS, "7\n", sourcefilename="prog.pas")
    check("pascal", "begin\nwriteln('Hello);\nend.\n", COMPILE_ERROR, "", sourcefilename="prog.pas")


def java_runs_with_and_without_a_file_name():
    source = 'public class Test {\n    public static void main(String[] args) {\n        System.out.println("Hello");\n    }\n}\n'
    check("java", source, SUCCESS, "Hello\n", {"cputime": 10}, sourcefilename="Test.java")
    check("java", source, SUCCESS, "Hello\n", {"cputime": 10})
    check("java", source, SUCCESS, "Hello\n", {"cputime": 10}, sourcefilename="prog.java")
    check("java", source.replace('"Hello"', "'Hello"), COMPILE_ERROR, "", {"cputime": 10}, sourcefilename="Test.java")
    other = source.replace("public class Test", "class Other").replace("Hello", "other")
    check("java", source + other, SUCCESS, "other\n", {"cputime": 10, "main_class": "Other"}, sourcefilename="Test.java")
    thrown = source.replace('System.out.println("Hello");', 'throw new RuntimeException("why");')
    check("java", thrown, RUN_TIME_ERROR, "", {"cputime": 10}, sourcefilename="Test.java")


def coderunner_sends_files_after_a_404():
    contents = b"The first file\nLine 2"
    file_id = hashlib.md5(contents).hexdigest()
    spec = {
        "language_id": "python3",
        "sourcecode": "print(open('file1').read())",
        "sourcefilename": "__tester__.python3",
        "input": "",
        "file_list": [[file_id, "file1"]],
        "parameters": {"cputime": 5, "sourcefilename": "", "jobeserver": ORIGIN, "numprocs": 100},
    }
    headers = {"User-Agent": "CodeRunner", "X-CodeRunner-Job-Id": "0123abcd", "Accept-Charset": "utf-8"}
    equal(call("HEAD", f"/files/{file_id}", **headers), (404, None))
    missing = (404, "One or more of the specified files is missing/unavailable")
    equal(call("POST", "/runs", {"run_spec": spec}, **headers), missing)
    put = {"file_contents": base64.b64encode(contents).decode()}
    equal(call("PUT", f"/files/{file_id}", put, **headers), (204, None))
    equal(call("HEAD", f"/files/{file_id}", **headers), (204, None))
    status, result = call("POST", "/runs", {"run_spec": spec}, **headers)
    equal((status, result["outcome"], result["stdout"]), (200, SUCCESS, "The first file\nLine 2\n"))


def messages_have_bare_file_names():
    for language, source in [
        ("python3", "raise ValueError('x')"),
        ("c", "int main() { return x; }"),
        ("nodejs", "throw new Error('x')"),
        ("java", "public class A { public static void main(String[] a) { int x = null; } }"),
    ]:
        if language in LANGUAGES:
            result = run(language, source, {"memorylimit": 0, "cputime": 10}, sourcefilename="")
            text = result["cmpinfo"] + result["stderr"]
            assert text and "/box/" not in text, result
    printed = "import sys, traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc(file=sys.stdout)\nprint('/box/x')"
    result = run("python3", printed)
    equal(result["outcome"], SUCCESS)
    assert 'File "prog.py", line 3' in result["stdout"] and result["stdout"].endswith("\n/box/x\n"), result
    if "cpp" in LANGUAGES:
        result = run("cpp", "int nonesuch(); int main() { return nonesuch(); }")
        assert "nonesuch" in result["cmpinfo"] and "/opt/" not in result["cmpinfo"], result


def bad_requests_are_refused():
    equal(call("POST", "/runs", {"run_spec": {}}), (400, "run_spec is missing the required attribute 'sourcecode'"))
    spec = {"language_id": "c", "sourcecode": "x", "parameters": {"cputime": 151}}
    equal(call("POST", "/runs", {"run_spec": spec})[0], 400)
    spec = {"language_id": "nonesuch", "sourcecode": "x"}
    equal(call("POST", "/runs", {"run_spec": spec}), (400, "Language 'nonesuch' is not known"))
    equal(call("GET", "/nonesuch"), (404, ""))


def jobs_that_arrive_together_all_run():
    source = '#include <stdio.h>\n#include <unistd.h>\nint main() {\n    printf("1\\n");\n    sleep(1);\n    printf("2\\n");\n}'
    results = []
    job = lambda: results.append(run("c", source, {"numprocs": 1}))  # noqa: E731
    threads = [Thread(target=job) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal([(result["outcome"], result["stdout"]) for result in results], [(SUCCESS, "1\n2\n")] * 10)


CHECKS = [
    python_runs_with_input_and_arguments,
    python_is_compiled_before_it_runs,
    messages_about_other_files_than_the_source_are_output_of_the_program,
    a_program_that_cannot_be_started_is_a_run_time_error,
    python_writes_and_reads_files,
    a_longer_time_limit_is_honoured,
    a_python_program_starts_compilers,
    c_is_compiled_with_all_warnings_as_errors,
    c_that_crashes_is_a_run_time_error,
    c_that_does_not_end_exceeds_the_time_limit,
    memory_beyond_the_limit_is_not_allocated,
    processes_beyond_the_limit_are_not_started,
    other_languages_run,
    java_runs_with_and_without_a_file_name,
    coderunner_sends_files_after_a_404,
    messages_have_bare_file_names,
    bad_requests_are_refused,
    jobs_that_arrive_together_all_run,
]

run_all(CHECKS)
