"""Tests `cupel` with third-party packages and test vectors, which scripts/test-public-packages.sh downloads.

    check.py CUPEL UNPACKED

Exits with 0 if every result agrees with the tables below; otherwise prints the differences and exits with 1.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

CUPEL, UNPACKED = sys.argv[1], Path(sys.argv[2])
TOOLS = UNPACKED / "problemtools-1.20260907"
BAPC = UNPACKED / "bapctools-2026.10.0"
P2D = UNPACKED / "p2d-0.4.0"
KATTIS, DRAFTS = TOOLS / "examples", BAPC / "test/problems"

# Packages that are verified. The value lists the expectations that do not hold, each with the reason.
VERIFIED = {
    KATTIS / "guess": {},
    KATTIS / "hello": {},
    KATTIS / "oddecho": {},
    KATTIS / "different": {},
    DRAFTS / "different": {},
    DRAFTS / "generatorincludes": {},
    DRAFTS / "guess": {},
    DRAFTS / "guessnoeofcheck": {},
    DRAFTS / "helloproblemtools": {},
    DRAFTS / "pseudointeraction": {},
    P2D / "test/test_data/guess-array-1$linux.zip": {},
    P2D / "test/test_data/little-h-reboot-7$linux.zip": {},
}

# Incomplete packages, and the code of the finding that `cupel verify` must report.
REFUSED = {
    DRAFTS / "boolfind": "E_NO_CASES",
    DRAFTS / "divsort": "E_NO_CASES",
    DRAFTS / "fltcmp": "E_NO_CASES",
    DRAFTS / "hello": "E_NO_CASES",
    DRAFTS / "hellounix": "E_NO_CASES",
    DRAFTS / "identity": "E_ARCHIVE_LINK",
    DRAFTS / "multipass": "E_NO_CASES",
    DRAFTS / "testseed": "E_NO_CASES",
}

# Incomplete packages whose submissions are checked with the sample cases only.
SAMPLES = [DRAFTS / name for name in ("boolfind", "fltcmp", "hellounix")]

# More than the processors of a small machine, because interactive programs wait for each other.
AT_A_TIME = 3

faults = []


def run(*arguments, **options):
    return subprocess.run([CUPEL, *map(str, arguments)], capture_output=True, **options)


def verify(path, *flags):
    ended = run("verify", "--json", *flags, path)
    try:
        return json.loads(ended.stdout)
    except ValueError:
        faults.append(f"{path}: {ended.stderr.decode()}")
        return None


def packages():
    """Verifies the packages. Those that take longest begin first, because their programs run until their time limits."""
    longest_first = sorted(VERIFIED, key=lambda path: path.name != "guess")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        verified = {path: pool.submit(verify, path) for path in [*longest_first, *REFUSED]}
        samples = {path: pool.submit(verify, path, "--allow-no-secret") for path in SAMPLES}
    for path, known in VERIFIED.items():
        report = verified[path].result()
        if report is None:
            continue
        claims = report.get("expectations", [])
        broken = {claim["submission"] or claim["rule"] for claim in claims if not claim["ok"]}
        if not claims or broken != set(known):
            faults.append(f"{path}: broken {sorted(broken)}, expected {sorted(known)}; {report['findings']}")
        held = sum(claim["ok"] for claim in claims)
        excused = "".join(f"; not {name} ({why})" for name, why in known.items())
        print(f"  {path.name}: {held} of {len(claims)} expectations hold{excused}")
    for path, code in REFUSED.items():
        report = verified[path].result()
        if report is not None and code not in {finding["code"] for finding in report["findings"]}:
            faults.append(f"{path}: expected the finding {code}, got {report['findings']}")
    for path in SAMPLES:
        report = samples[path].result()
        if report is None:
            continue
        claims = report.get("expectations", [])
        if not claims or not report["ok"]:
            faults.append(f"{path}: {[claim for claim in claims if not claim['ok']]} {report['findings']}")
        print(f"  {path.name}, samples only: {sum(claim['ok'] for claim in claims)} of {len(claims)} expectations hold")
    print(f"  {len(REFUSED)} incomplete packages are refused, each with the expected finding")


def compare(vector):
    """Checks that `cupel check default` gives the result that the vector expects."""
    name, flags, answer, output, accepted = vector
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "answer")
        place.write_bytes(answer)
        ended = run("check", "default", "--answer", place, "--", *flags, input=output)
    if ended.returncode != (42 if accepted else 43):
        faults.append(f"{name}: wrong exit code {ended.returncode} for output {output[:60]!r}, answer {answer[:60]!r}, flags {flags}")


def vectors():
    found = []
    file = BAPC / "test/default_output_validator/default_output_validator.yaml"
    for document in yaml.safe_load_all(file.read_text()):
        flags, answer = document["flags"].split(), str(document["ans"]).encode()
        for key, accepted in [("ac", True), ("wa", False)]:
            found += [("BAPCtools", flags, answer, str(out).encode(), accepted) for out in document.get(key, [])]
    counts = sum(vector[4] for vector in found), len(found)
    if counts != (652, 869):
        faults.append(f"BAPCtools: read {counts} vectors (accepted, all); expected (652, 869)")
    directories = sorted((TOOLS / "tests/default_validator_tests").glob("test_*"))
    for directory in directories:
        read = {name: (directory / name).read_bytes() if (directory / name).is_file() else b"" for name in (
            "args.txt", "judge.ans", "user.out", "expected_exit_code.txt")}
        accepted = int(read["expected_exit_code.txt"]) == 42
        flags = read["args.txt"].decode().split()
        found.append((directory.name, flags, read["judge.ans"], read["user.out"], accepted))
    if len(directories) != 24:
        faults.append(f"problemtools: read {len(directories)} vectors; expected 24")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(compare, found))
    print(f"  default comparison: {counts[1]} vectors of BAPCtools, {len(directories)} of problemtools")


def testlib():
    """Checks Cupel's test package `talk`, whose checker, validator and interactor are written for testlib.h."""
    source = Path("crates/cupel-package/tests/packages/polygon/talk")
    with tempfile.TemporaryDirectory() as directory:
        package = Path(directory, "talk")
        shutil.copytree(source, package)
        # p2d's own copy of testlib.h is modified for DOMjudge's arguments; the copy inside a package is Polygon's original.
        with zipfile.ZipFile(P2D / "test/test_data/little-h-reboot-7$linux.zip") as other:
            other.extract("files/testlib.h", package)
        report = verify(package)
    if report is not None:
        claims = report.get("expectations", [])
        if not claims or not report["ok"]:
            faults.append(f"talk with testlib.h: {[claim for claim in claims if not claim['ok']]} {report['findings']}")
        print(f"  talk (Cupel's own package), with testlib.h: {sum(claim['ok'] for claim in claims)} expectations hold")


packages()
vectors()
testlib()
for fault in faults:
    print(f"✗ {fault}", file=sys.stderr)
sys.exit(1 if faults else 0)
