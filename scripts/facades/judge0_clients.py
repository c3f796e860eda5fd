"""Checks the facade of Judge0 with published clients: `judge0` (the official SDK), `judge0-client` and `judge0api`.

    judge0_clients.py ORIGIN FOLDER

ORIGIN is the address of the facade's own listener, such as http://127.0.0.1:2358. FOLDER has the packages of the last two clients;
those of the SDK are in PYTHONPATH. Every check is a function whose name states the rule. Exits with 1 if one of them fails, after
all of them have run.
"""

import asyncio
import base64
import io
import json
import os
import sys
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

from checks import run_all

ORIGIN, FOLDER = sys.argv[1:]
os.environ["JUDGE0_CE_ENDPOINT"], os.environ["JUDGE0_CE_AUTH_HEADERS"] = ORIGIN, "{}"
os.environ["JUDGE0_EXTRA_CE_ENDPOINT"], os.environ["JUDGE0_EXTRA_CE_AUTH_HEADERS"] = f"{ORIGIN}/extra", "{}"

import judge0  # noqa: E402: reads the environment

# Seconds after which a client gives up. Longer than any time limit below, for a busy machine.
PATIENCE = 120


def equal(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ORIGIN + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


def waited(fields="*", **body):
    return call("POST", f"/submissions?wait=true&fields={fields}", body)


def sdk_runs_a_program_in_each_language_that_it_knows():
    client = judge0.Client(ORIGIN, {})
    for language, source in [
        (judge0.PYTHON, "print('hello')"),
        (judge0.C, "#include <stdio.h>\nint main(void) { puts(\"hello\"); }"),
        (judge0.CPP, "#include <iostream>\nint main() { std::cout << \"hello\\n\"; }"),
        (judge0.JAVA, "public class Main { public static void main(String[] a) { System.out.println(\"hello\"); } }"),
        (judge0.JAVASCRIPT, "console.log('hello')"),
        (judge0.BASH, "echo hello"),
        (judge0.GO, "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"hello\") }"),
        (judge0.RUST, "fn main() { println!(\"hello\"); }"),
        (judge0.TYPESCRIPT, "console.log('hello')"),
        (judge0.CSHARP, "class P { static void Main() { System.Console.WriteLine(\"hello\"); } }"),
    ]:
        if not client.is_language_supported(language):
            print(f"   not installed: {language.name}")
            continue
        result = judge0.run(client=client, source_code=source, language=language)
        equal((language.name, result.stdout, result.status), (language.name, "hello\n", judge0.Status.ACCEPTED))


def sdk_without_a_language_uses_extra():
    result = judge0.run(source_code="print(input() * 2)", stdin="ab")
    equal((result.stdout, str(result.status)), ("abab\n", "Accepted"))


def sdk_returns_the_results_of_test_cases_in_their_order():
    client = judge0.Client(ORIGIN, {})
    cases = [judge0.TestCase(str(n), str(n * n if n != 3 else 8)) for n in range(25)]
    source = "n = int(input()); print(n * n)"
    results = judge0.run(client=client, source_code=source, language=judge0.PYTHON, test_cases=cases)
    equal([result.stdout for result in results], [f"{n * n}\n" for n in range(25)])
    wrong = [n for n, result in enumerate(results) if result.status == judge0.Status.WRONG_ANSWER]
    equal(wrong, [3])


def sdk_reads_failures():
    client = judge0.Client(ORIGIN, {})

    def status(source, language=judge0.C, **limits):
        return judge0.run(client=client, source_code=source, language=language, **limits).status

    equal(status("int main(void) { return undeclared; }"), judge0.Status.COMPILATION_ERROR)
    equal(status("int main(void) { return 3; }"), judge0.Status.RUNTIME_ERROR_NZEC)
    equal(status("int main(void) { *(volatile int *)0 = 1; }"), judge0.Status.RUNTIME_ERROR_SIGSEGV)
    equal(status("int main(void) { for (;;); }", cpu_time_limit=0.5, cpu_extra_time=0.1), judge0.Status.TIME_LIMIT_EXCEEDED)
    equal(status("def", judge0.PYTHON), judge0.Status.RUNTIME_ERROR_NZEC)


def sdk_runs_a_multi_file_program():
    client = judge0.Client(ORIGIN, {})
    files = judge0.Filesystem(content=[
        judge0.File(name="compile", content="gcc -DX=7 main.c -o main"),
        judge0.File(name="run", content="./main"),
        judge0.File(name="main.c", content="#include <stdio.h>\nint main(void) { printf(\"%d\\n\", X); }"),
    ])
    result = judge0.run(client=client, source_code="", language=judge0.MULTI_FILE, additional_files=files)
    equal((result.stdout, result.status), ("7\n", judge0.Status.ACCEPTED))


def judge0_client_runs_programs_with_and_without_files():
    asyncio.run(with_judge0_client())


async def with_judge0_client():
    sys.path.insert(0, FOLDER)
    import judge0_client.client
    from judge0_client.models import multi_file_submission, single_file_submission

    async def result(client, request):
        token = (await client.create_submission(request)).token
        while True:
            detail = await client.get_submission(token)
            if detail.status.id not in (1, 2):
                return detail
            await asyncio.sleep(0.1)

    async with judge0_client.client.Judge0Client(ORIGIN, timeout=PATIENCE) as client:
        single = single_file_submission.SingleFileSubmission(
            source_code="print(open('a/data.txt').read())", language_id=71, additional_files={"a/data.txt": "é"}, number_of_runs=2)
        detail = await result(client, single)
        equal((detail.stdout, detail.status.id, detail.message), ("é\n", 3, None))
        several = multi_file_submission.MultiFileSubmission(additional_files={"compile": "exit 1", "run": "echo no"})
        detail = await result(client, several)
        equal((detail.status.id, detail.time), (6, None))
        workers = await client.get_workers()
        assert workers[0].available >= 1, workers
        equal((await client.get_about()).version, "1.13.1")
        assert await client.get_isolate() and await client.get_license()


def judge0api_waits_for_a_result():
    sys.path.insert(0, FOLDER)
    import judge0api

    client = judge0api.Client(ORIGIN)
    submission = judge0api.submission.submit(client, b"print(input())", 71, stdin=b"in", expected_output=b"in")
    submission.load(client)
    equal((submission.stdout, submission.status["id"]), (b"in\n", 3))


def options_arguments_and_streams_act_as_in_the_original():
    c = "#include <stdio.h>\nint main(int n, char **v) { printf(\"%d %s\", X, v[1]); fflush(stdout); fputs(\"!\", stderr); puts(\"?\"); }"
    ran = waited(source_code=c, language_id=50, compiler_options="-O3 -DX=41", command_line_arguments="'a b'")
    equal((ran["stdout"], ran["stderr"]), ("41 a b?\n", "!"))
    ran = waited(source_code=c, language_id=50, compiler_options="-DX=1", command_line_arguments="a", redirect_stderr_to_stdout=True)
    equal((ran["stdout"], ran["stderr"]), ("1 a!?\n", None))
    warned = waited(source_code="int main(void) { int x; }", language_id=50, compiler_options="-Wall")
    equal(warned["status_id"], 3)
    assert "unused variable" in warned["compile_output"], warned
    ran = waited(source_code="while True: print('x' * 1000)", language_id=71, max_file_size=64)
    equal((ran["status_id"], ran["exit_signal"]), (8, 25))
    equal(len(ran["stdout"]), 64 * 1024)
    ran = waited(source_code="import time; time.sleep(9)", language_id=71, wall_time_limit=1)
    equal((ran["status_id"], ran["message"]), (5, "Time limit exceeded (wall clock)"))
    ran = waited(source_code="x = [0] * 10**9", language_id=71, memory_limit=20000)
    assert ran["status_id"] in (11, 12), ran


def a_text_is_its_own_output_and_an_executable_is_run():
    result = waited(language_id=43, source_code="hello\n")
    equal((result["stdout"], result["language"]["name"]), ("hello\n", "Plain Text"))
    result = waited(language_id=44, source_code="#!/bin/sh\necho \"$1\"; cat; exit 3", stdin="in", command_line_arguments="'a b'")
    equal((result["stdout"], result["exit_code"], result["status"]["id"]), ("a b\nin", 3, 11))


def a_callback_has_the_default_fields_as_base64():
    received = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self):
            length = int(self.headers["Content-Length"])
            received.put((self.headers["Content-Type"], json.loads(self.rfile.read(length))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    token = call("POST", "/submissions", {"source_code": "print(1)", "language_id": 71, "callback_url": url})["token"]
    content_type, body = received.get(timeout=PATIENCE)
    equal(content_type, "application/json")
    equal(sorted(body), ["compile_output", "memory", "message", "status", "stderr", "stdout", "time", "token"])
    equal((body["token"], body["stdout"], body["status"]), (token, "MQo=\n", {"id": 3, "description": "Accepted"}))


def a_file_of_an_archive_keeps_its_execute_bits():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, mode, text in [("run", 0o644, "./tool; ./data"), ("tool", 0o755, "#!/bin/sh\necho ran"), ("data", 0o644, "x")]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, text)
    ran = waited(language_id=89, additional_files=base64.b64encode(packed.getvalue()).decode())
    equal((ran["stdout"], ran["exit_code"]), ("ran\n", 126))


def an_archive_cannot_leave_its_directory():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../outside", "x")
        archive.writestr("inside", "y")
        link = zipfile.ZipInfo("main.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    body = {"additional_files": base64.b64encode(packed.getvalue()).decode()}
    ran = waited(source_code="import os; print(sorted(os.listdir('.')))", language_id=71, **body)
    equal(ran["stdout"], "['inside', 'main.py']\n")


CHECKS = [
    sdk_runs_a_program_in_each_language_that_it_knows,
    sdk_without_a_language_uses_extra,
    sdk_returns_the_results_of_test_cases_in_their_order,
    sdk_reads_failures,
    sdk_runs_a_multi_file_program,
    judge0_client_runs_programs_with_and_without_files,
    judge0api_waits_for_a_result,
    options_arguments_and_streams_act_as_in_the_original,
    a_text_is_its_own_output_and_an_executable_is_run,
    a_callback_has_the_default_fields_as_base64,
    a_file_of_an_archive_keeps_its_execute_bits,
    an_archive_cannot_leave_its_directory,
]

run_all(CHECKS)
