"""Checks the facade of Piston with published clients: `aiopyston`, `piston_rspy`, and a WebSocket client.

    piston.py ORIGIN LANGUAGES RELAXED

ORIGIN is the address of the facade's own listener, such as http://127.0.0.1:2000. LANGUAGES is the output of
`cupel languages --json`. RELAXED is the address of a second server, with `facades.piston.strict = false`. Every check is a
function whose name states the rule. Exits with 1 if one of them fails, after all of them have run.
"""

import asyncio
import json
import sys
import traceback

import piston_rspy
import requests
import websockets
from pyston import File, PystonClient
from pyston.exceptions import ExecutionError

ORIGIN, LANGUAGES, RELAXED = sys.argv[1:]
BASE = f"{ORIGIN}/api/v2"
with open(LANGUAGES, encoding="utf-8") as listed:
    INSTALLED = [language for language in json.load(listed)["languages"] if language["available"]]

# Seconds after which a client gives up. Longer than any time limit below, for a busy machine.
PATIENCE = 120

HELLO = {
    "bash": "echo hello", "c": "#include <stdio.h>\nint main(void) { puts(\"hello\"); }",
    "cpp": "#include <iostream>\nint main() { std::cout << \"hello\\n\"; }", "python": "print('hello')",
    "java": "class Hello { public static void main(String[] a) { System.out.println(\"hello\"); } }",
    "javascript": "console.log('hello')", "perl": "print \"hello\\n\";", "ruby": "puts 'hello'", "lua": "print('hello')",
    "go": "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"hello\") }",
    "rust": "fn main() { println!(\"hello\"); }", "php": "<?php echo \"hello\\n\";", "awk": "BEGIN { print \"hello\" }",
    "r": "cat('hello\\n')", "sql": "select 'hello';", "tcl": "puts hello",
}


def equal(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def post(base=BASE, **body):
    return requests.post(f"{base}/execute", json=body, timeout=PATIENCE)


def patient(**body):
    """The response of the server without Piston's limits, with long limits of real time, for a busy machine."""
    return post(f"{RELAXED}/api/v2", run_timeout=60_000, compile_timeout=60_000, **body).json()


async def aiopyston_runs_a_program_and_reads_its_result():
    client = PystonClient(base_url=f"{BASE}/")
    try:
        runtimes = await client.runtimes()
        assert any(runtime.language == "python" and "py3" in runtime.aliases for runtime in runtimes), runtimes
        output = await client.execute("python", [File("print(input() * 2)")], stdin="ab", args=["1"])
        equal((output.run_stage.output, output.run_stage.code, output.compile_stage), ("abab\n", 0, None))
        output = await client.execute("c", [File("int main(void) { return 7; }")])
        equal((output.run_stage.code, output.compile_stage.code), (7, 0))
        try:
            await client.execute("nothing", [File("")])
        except Exception as error:
            assert "nothing" in str(error), error
        else:
            raise AssertionError("an unknown language is refused")
        try:
            await client.execute("python", [File("")], run_timeout=999_999)
        except ExecutionError as error:
            equal(str(error), "run_timeout cannot exceed the configured limit of 3000")
        else:
            raise AssertionError("a limit above the maximum is refused")
    finally:
        await client.close_session()


async def piston_rspy_runs_a_program_and_reads_its_result():
    client = piston_rspy.Client.with_url(BASE)
    runtimes = await client.fetch_runtimes()
    assert any(runtime.language == "c++" for runtime in runtimes), runtimes
    executor = piston_rspy.Executor(language="python", version="3.x", stdin="5", args=["a b"])
    executor = executor.add_file(piston_rspy.File(name="main.py", content="import sys; print(sys.argv[1], input())"))
    response = await client.execute(executor)
    equal((response.run.stdout, response.run.code, response.run.signal), ("a b 5\n", 0, None))
    executor = piston_rspy.Executor(language="cpp", version="*")
    executor = executor.add_file(piston_rspy.File(name="main.cpp", content="int main() { return x; }"))
    response = await client.execute(executor)
    assert response.compile.code == 1 and "not declared" in response.compile.stderr, response


async def a_version_from_an_image_is_listed_and_runs():
    client = piston_rspy.Client.with_url(BASE)
    listed = lambda runtimes: any((runtime.language, runtime.version) == ("python", "3.9.0") for runtime in runtimes)
    while not listed(await client.fetch_runtimes()):
        await asyncio.sleep(0.5)

    async def run(version, source):
        executor = piston_rspy.Executor(language="python", version=version)
        response = await client.execute(executor.add_file(piston_rspy.File(name="main.py", content=source)))
        return response.version, response.run.stdout, response.run.code

    source = "import course, os; print(course.VERSION, os.path.exists('/usr/bin/perl'))"
    equal(await run("3.9.x", source), ("3.9.0", "3.9.0 False\n", 0))
    # The highest version is the machine's. It does not have the image's package.
    version, stdout, code = await run("*", source)
    equal((version != "3.9.0", stdout, code), (True, "", 1))


async def every_installed_language_has_a_runtime_and_says_hello():
    runtimes = requests.get(f"{BASE}/runtimes", timeout=PATIENCE).json()
    assert len(runtimes) >= len(INSTALLED), runtimes
    ran = 0
    for language in INSTALLED:
        source = HELLO.get(language["id"])
        name = {"assembly": "nasm64", "r": "rscript"}.get(language["id"], language["id"])
        named = [runtime for runtime in runtimes if name in [runtime["language"], *runtime["aliases"]]]
        assert named, f"no runtime for {language['id']}"
        if source is None:
            continue
        name = named[0]["language"]
        body = patient(language=name, version="*", files=[{"content": source}])
        equal((body["language"], body["run"]["stdout"], body["run"]["code"]), (name, "hello\n", 0))
        ran += 1
    print(f"    {ran} languages ran")


async def both_streams_are_returned_in_the_order_of_their_arrival():
    # The streams are two pipes. If the machine stalls for longer than a pause, both have data when they are read, and their order is
    # unknown. A facade that returns one stream after the other does so every time.
    source = "import sys, time\nfor n in range(4):\n  time.sleep(.5 if n else 0); print(n, file=[sys.stdout, sys.stderr][n % 2], flush=True)"
    expected = "0\n1\n2\n3\n"
    for _ in range(3):
        output = patient(language="py", version="*", files=[{"content": source}])["run"]["output"]
        if output == expected:
            break
    equal(output, expected)


async def files_in_all_encodings_reach_the_program():
    files = [
        {"name": "a.bin", "content": "AP8=", "encoding": "base64"}, {"name": "sub/b.bin", "content": "00ff", "encoding": "hex"},
        {"name": "main.py", "content": "print(open('a.bin', 'rb').read() == open('sub/b.bin', 'rb').read() == b'\\0\\xff')"},
    ]
    equal(post(language="python", version="*", files=files).json()["run"]["stdout"], "True\n")


async def a_program_over_a_limit_is_killed():
    loop = post(language="python", version="*", files=[{"content": "while True: pass"}], run_cpu_time=300).json()["run"]
    equal((loop["status"], loop["code"], loop["signal"]), ("TO", None, "SIGKILL"))
    flood = post(language="bash", version="*", files=[{"content": "yes"}]).json()["run"]
    equal((flood["status"], flood["signal"], len(flood["stdout"])), ("OL", "SIGKILL", 1024))


async def exchange(*messages):
    """Sends messages, and returns all received ones with the close code and reason."""
    found = await exchanged_once(*messages)
    # The server waits one second for `init`, and the machine may stall.
    if found[1] == 4001 and "files" in repr(messages[:1]):
        found = await exchanged_once(*messages)
    return found


async def exchanged_once(*messages):
    """Like `exchange`, without repetition."""
    received = []
    async with websockets.connect(f"{BASE.replace('http', 'ws', 1)}/connect", proxy=None) as socket:
        for message in messages:
            await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        try:
            async for message in socket:
                received.append(json.loads(message))
        except websockets.ConnectionClosed:
            pass
        return received, socket.close_code, socket.close_reason


def init(language, source):
    return {"type": "init", "language": language, "version": "*", "files": [{"content": source}]}


async def a_websocket_session_has_the_messages_of_the_original():
    source = "print(input() + '!')\nimport sys; sys.exit(3)"
    line = {"type": "data", "stream": "stdin", "data": "h\u00e9\n"}
    received, code, reason = await exchange(init("python", source), line)
    equal((code, reason), (4999, "Job Completed"))
    equal([message["type"] for message in received], ["runtime", "stage", "data", "exit"])
    equal(received[0]["language"], "python")
    equal(received[1:], [
        {"type": "stage", "stage": "run"}, {"type": "data", "stream": "stdout", "data": "h\u00e9!\n"},
        {"type": "exit", "stage": "run", "code": 3, "signal": None},
    ])
    received, code, _ = await exchange(init("c", "int main(void) { return x; }"))
    equal((code, received[1], received[-1]), (
        4999, {"type": "stage", "stage": "compile"}, {"type": "exit", "stage": "compile", "code": 1, "signal": None},
    ))
    assert "undeclared" in "".join(message.get("data", "") for message in received), received
    received, code, _ = await exchange(init("c", "#include <stdio.h>\nint main(void) { puts(\"x\"); }"))
    equal([(message["type"], message.get("stage")) for message in received[1:]], [
        ("stage", "compile"), ("exit", "compile"), ("stage", "run"), ("data", None), ("exit", "run"),
    ])


async def a_signal_and_the_end_of_the_input_reach_the_program():
    source = "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: (print('interrupted'), sys.exit(4)))\nprint('ready', flush=True)\nsignal.pause()"
    # At the server without Piston's limits, where the program may wait longer than 3 s.
    async with websockets.connect(f"{RELAXED.replace('http', 'ws', 1)}/api/v2/connect", proxy=None) as socket:
        await socket.send(json.dumps({**init("python", source), "run_timeout": 60_000}))
        received = []
        async for message in socket:
            received.append(json.loads(message))
            if received[-1].get("data") == "ready\n":
                await socket.send(json.dumps({"type": "signal", "signal": "SIGINT"}))
            if received[-1]["type"] == "exit":
                break
    equal((received[-2].get("data"), received[-1]["code"]), ("interrupted\n", 4))
    received, code, _ = await exchange(init("bash", "cat; echo end"), {"type": "data", "stream": "stdin", "data": "a"}, {"type": "end"})
    equal(("".join(message.get("data", "") for message in received), code), ("aend\n", 4999))
    # The input of `init` is not used. A binary frame is a message like a text.
    first = {**init("python", "import sys; print(repr(sys.stdin.read()))"), "stdin": "unused"}
    received, code, _ = await exchange(json.dumps(first).encode(), {"type": "end"})
    equal(("".join(message.get("data", "") for message in received), code), ("''\n", 4999))


async def half_of_a_character_in_the_input_reaches_the_program_as_the_replacement_character():
    source = "import sys\nfor line in sys.stdin.buffer: print(line)"
    # `json.dumps` writes a lone surrogate as an escape, like `JSON.stringify` of JavaScript.
    half = {"type": "data", "stream": "stdin", "data": "a\ud83d\n"}
    # A binary frame need not be UTF-8.
    broken = b'{"type": "data", "stream": "stdin", "data": "b\xff\\n"}'
    received, code, _ = await exchange(init("python", source), half, broken, {"type": "end"})
    found = "".join(message.get("data", "") for message in received)
    equal((found, code), ("b'a\\xef\\xbf\\xbd\\n'\nb'b\\xef\\xbf\\xbd\\n'\n", 4999))
    # So does half of a character in a file.
    received, code, _ = await exchange(init("python", "print(ascii('\ud83d'))"))
    equal(("".join(message.get("data", "") for message in received), code), ("'\\ufffd'\n", 4999))


async def a_wrong_message_closes_the_connection_with_the_code_of_the_original():
    sleep = init("bash", "sleep 2")
    for messages, expected in [
        ([], (4001, "Initialization Timeout")),
        (["5", {"type": "other"}], (4001, "Initialization Timeout")),
        (["{"], (4002, "Notified Error")),
        ([{"type": "init"}], (4002, "Notified Error")),
        ([{"type": "data", "stream": "stdin", "data": ""}], (4003, "Not yet initialized")),
        ([{"type": "signal", "signal": "SIGINT"}], (4003, "Not yet initialized")),
        ([sleep, sleep], (4000, "Already Initialized")),
        ([sleep, {"type": "data", "stream": "stdout", "data": ""}], (4004, "Can only write to stdin")),
        ([sleep, {"type": "signal", "signal": "sigint"}], (4005, "Invalid signal")),
        ([sleep, "null"], (4002, "Notified Error")),
        ([sleep, "{"], (4002, "Notified Error")),
    ]:
        received, code, reason = await exchange(*messages)
        equal((code, reason), expected)
        equal(any(message["type"] == "error" for message in received), code == 4002)


async def a_socket_at_an_unknown_path_is_accepted_and_closed_without_a_code():
    async with websockets.connect(f"{BASE.replace('http', 'ws', 1)}/elsewhere", proxy=None) as socket:
        await socket.wait_closed()
        equal(socket.close_code, 1005)


# A grader in the form of open-r1's packages: it runs the submission on `input.txt`, and prints the score.
GRADER = """
import subprocess, sys
config = dict(line.split("=", 1) for line in open("grader_config").read().split("\\n"))
done = subprocess.run([sys.executable, "submission.py"], stdin=open("input.txt"), capture_output=True, timeout=float(config["TIME_LIMIT"]))
open("output.txt", "wb").write(done.stdout)
sys.stderr.write(done.stderr.decode())
print(subprocess.run([sys.executable, "checker.py", "input.txt", "correct_output.txt", "output.txt"], capture_output=True, text=True).stdout.strip())
"""
CHECKER = "import sys\nprint(int(open(sys.argv[2]).read().split() == open(sys.argv[3]).read().split()))"


async def open_r1(files, language="python", seconds=60, **limits):
    """Sends a request to the server without Piston's limits, and reads the response, in the same way as open-r1's client."""
    data = {
        "files": [{"name": name, "content": content} for name, content in files.items()],
        "run_timeout": round((seconds + 3) * 1000), "language": language, "version": "*", **limits,
    }
    # The client sends a Content-Type header itself, and parses the response as JSON regardless of its content type.
    response = requests.post(
        f"{RELAXED}/api/v2/execute", data=json.dumps(data), headers={"Content-Type": "application/json"}, timeout=PATIENCE,
    )
    return response.status_code, response.json()


def graded(submission, numbers, seconds=60):
    config = f"TIME_LIMIT={seconds}\nMEMORY_LIMIT=256\nINPUT_MODE=stdio"
    return {
        "main.py": GRADER, "submission.py": submission, "checker.py": CHECKER, "grader_config": config,
        "input.txt": "\n".join(map(str, numbers)), "correct_output.txt": str(sum(numbers)),
    }


async def open_r1_sends_a_submission_with_its_test_and_reads_the_score():
    right, wrong = "import sys\nprint(sum(map(int, sys.stdin)))", "print(0)"
    numbers = range(400_000)
    files = graded(right, numbers)
    assert len(files["input.txt"]) > 2_000_000, "far more than Piston's 100 KiB"
    for submission, score in [(right, "1"), (wrong, "0")]:
        status, body = await open_r1(graded(submission, numbers), run_memory_limit=256 << 20)
        assert "message" not in body, body
        equal((status, body["run"]["code"], body["run"]["stdout"].strip(), body["run"]["stderr"]), (200, 0, score, ""))
        assert "compile" not in body, "Python has no compile stage"


async def open_r1_gets_all_of_a_long_output():
    status, body = await open_r1({"main.py": "print('x' * 1_000_000)"})
    equal((status, len(body["run"]["stdout"]), body["run"]["signal"]), (200, 1_000_001, None))


async def open_r1_knows_a_compile_error_a_time_limit_and_a_memory_limit():
    status, body = await open_r1({"graders/sum.cpp": "int main() { return x; }"}, language="c++")
    equal((status, body["compile"]["code"]), (200, 1))
    assert "not declared" in body["compile"]["stderr"] and "message" not in body, body
    status, body = await open_r1({"graders/sum.cpp": "#include <iostream>\nint main() { std::cout << 1; }"}, language="c++")
    equal((status, body["compile"]["code"], body["run"]["stdout"]), (200, 0, "1"))
    # Longer than Piston's maximum of 3 s, so the client's own limit applies.
    status, body = await open_r1({"main.py": "import time\ntime.sleep(3.3)\nprint(1)"}, seconds=20)
    equal((status, body["run"]["stdout"]), (200, "1\n"))
    status, body = await open_r1({"main.py": "while True: pass"}, seconds=-2)
    equal((status, body["run"]["stdout"], body["run"]["signal"]), (200, "", "SIGKILL"))
    status, body = await open_r1({"main.py": "x = bytearray(1 << 30)"}, run_memory_limit=64 << 20)
    equal((status, body["run"]["code"] == 0, body["run"]["stdout"]), (200, False, ""))


async def open_r1s_own_packages_are_unknown_runtimes():
    for language in ["cms_ioi", "cf_python3", "c++17"]:
        equal(await open_r1(graded("", [1]), language=language), (400, {"message": f"{language}-* runtime is unknown"}))


CHECKS = [
    aiopyston_runs_a_program_and_reads_its_result,
    piston_rspy_runs_a_program_and_reads_its_result,
    a_version_from_an_image_is_listed_and_runs,
    every_installed_language_has_a_runtime_and_says_hello,
    both_streams_are_returned_in_the_order_of_their_arrival,
    files_in_all_encodings_reach_the_program,
    a_program_over_a_limit_is_killed,
    a_websocket_session_has_the_messages_of_the_original,
    a_signal_and_the_end_of_the_input_reach_the_program,
    half_of_a_character_in_the_input_reaches_the_program_as_the_replacement_character,
    a_wrong_message_closes_the_connection_with_the_code_of_the_original,
    a_socket_at_an_unknown_path_is_accepted_and_closed_without_a_code,
    open_r1_sends_a_submission_with_its_test_and_reads_the_score,
    open_r1_gets_all_of_a_long_output,
    open_r1_knows_a_compile_error_a_time_limit_and_a_memory_limit,
    open_r1s_own_packages_are_unknown_runtimes,
]


async def main():
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            await asyncio.wait_for(check(), PATIENCE)
            print(f"  ok      {name}")
        except Exception:
            failed += 1
            print(f"  FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed


sys.exit(1 if asyncio.run(main()) else 0)
