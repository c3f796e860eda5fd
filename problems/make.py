#!/usr/bin/env python3
"""Writes the tests of problems: `problems/make.py [SLUG...]`; without a slug, those of all problems.

`generators/cases.py` of a package defines its tests:

    cases()   yields (name, input) or (name, input, answer); the name is a path below tests/, without an ending
    INVALID   inputs that the validator must refuse: the package's trials
    ANSWERS   the accepted submission that writes the answers; not needed if cases() yields the answers

Random numbers have a fixed seed, so the same generator always writes the same files. Nothing is written unless the validator
accepts every input and refuses every input in INVALID, and the submission answers every input.
"""
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BYTES_MAX = 1_000_000


def load(package):
    spec = importlib.util.spec_from_file_location("cases", package / "generators" / "cases.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command_of(source, scratch):
    """How to run a submission in Python or C++."""
    if source.suffix == ".py":
        return [sys.executable, str(source)]
    binary = Path(scratch) / "answers"
    subprocess.run(["g++", "-O2", "-std=c++17", "-o", str(binary), str(source)], check=True)
    return [str(binary)]


def write_trials(package, invalid):
    trials = package / "trials" / "invalid_input"
    shutil.rmtree(trials, ignore_errors=True)
    trials.mkdir(parents=True)
    for number, text in enumerate(invalid, 1):
        (trials / f"{number:02}.in").write_text(text)


def make(package, scratch):
    module = load(package)
    validator = [sys.executable, str(package / "validators" / "validate.py")]

    def code_for(text):
        return subprocess.run(validator, input=text.encode(), stderr=subprocess.PIPE, check=False)

    for text in module.INVALID:
        if code_for(text).returncode != 43:
            sys.exit(f"{package.name}: the validator takes {text[:60]!r}")
    files = {}
    solver = None
    for name, text, *answer in module.cases():
        if name in files:
            sys.exit(f"{package.name}: two tests are called {name}")
        checked = code_for(text)
        if checked.returncode != 42:
            sys.exit(f"{package.name}: {name} is invalid: {checked.stderr.decode()}")
        if not answer:
            solver = solver or command_of(package / module.ANSWERS, scratch)
            answer = [subprocess.run(solver, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout]
        files[name] = (text, answer[0])
    size = sum(len(text) + len(answer) for text, answer in files.values())
    if size > BYTES_MAX:
        sys.exit(f"{package.name}: {size} bytes of tests, more than {BYTES_MAX}")
    write_trials(package, module.INVALID)
    tests = package / "tests"
    shutil.rmtree(tests, ignore_errors=True)
    for name, (text, answer) in files.items():
        path = tests / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{path}.in").write_text(text)
        Path(f"{path}.out").write_text(answer)
    print(f"{package.name}: {len(files)} tests, {size / 1000:.0f} kB")


def main():
    sys.dont_write_bytecode = True
    slugs = sys.argv[1:] or sorted(path.parent.name for path in HERE.glob("*/problem.toml"))
    for slug in slugs:
        with tempfile.TemporaryDirectory() as scratch:
            make(HERE / slug, scratch)


if __name__ == "__main__":
    main()
