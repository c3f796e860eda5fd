#!/usr/bin/env python3
"""Judges every submission the packages carry: `problems/prove.py [--cupel BINARY] [SLUG...]`.

The folder of a submission says its verdict. A submission that is too slow is judged with twice the time limit and must
still exceed it; an accepted one must need no more than half of the limit. Prints a line per submission; the exit code is
1 if one is not as it should be.
"""
import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERDICTS = {
    "accepted": "AC",
    "wrong_answer": "WA",
    "time_limit_exceeded": "TLE",
    "run_time_error": "RTE",
    "memory_limit_exceeded": "MLE",
    "partially_accepted": "partial",
}


def judge(cupel, package, submission, limit_s, whole):
    """`limit_s`: instead of the package's, for every language. `whole`: also the cases after a failed one."""
    command = [cupel, "judge", str(package), "--submission", str(submission), "--json"]
    if limit_s is not None:
        command += ["--time-limit", str(limit_s)]
    if whole:
        command.append("--all-cases")
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if not run.stdout.strip():
        sys.exit(f"{' '.join(command)}\n{run.stderr}")
    return json.loads(run.stdout)


def fault(expected, got, limit_ms, scored):
    """What is not as it should be, or an empty string."""
    full = got["score"] == got["max_score"]
    if expected == "partial":
        return "" if 0 < (got["score"] or 0) < got["max_score"] else "the score is not partial"
    if got["verdict"] != expected:
        return f"{expected} expected"
    if expected == "AC" and scored and not full:
        return "not all points"
    if expected == "AC" and got["time_ms"] * 2 > limit_ms:
        return "less than half of the limit to spare"
    return ""


def prove(cupel, package):
    problem = tomllib.loads((package / "problem.toml").read_text())
    limits = problem["limits"]
    scored = any("points" in group for group in problem.get("groups", []))
    factors = {
        ".py": "python",
        ".java": "java",
        ".cpp": "cpp",
        ".c": "c",
        ".go": "go",
        ".js": "javascript",
        ".rs": "rust",
        ".ts": "typescript",
    }
    good = True
    for submission in sorted(package.glob("submissions/*/*")):
        expected = VERDICTS[submission.parent.name]
        factor = limits.get("languages", {}).get(factors[submission.suffix], {}).get("time", 1.0)
        doubled = limits["time"] * factor * 2 if expected == "TLE" else None
        got = judge(cupel, package, submission, doubled, expected not in ("TLE", "partial"))
        limit_ms = limits["time"] * factor * 1000
        why = fault(expected, got, limit_ms, scored)
        good = good and not why
        secret = sorted({case["verdict"] for case in got["cases"] if not case["name"].startswith("sample")})
        score = f"{got['score']}/{got['max_score']}" if scored else ""
        name = f"{package.name}/{submission.parent.name}/{submission.name}"
        print(
            f"{'ok ' if not why else 'BAD'} {name:62} {got['verdict']:4} {score:8} {got['time_ms']:>6} ms of {limit_ms:5.0f} ms"
            f"  {' '.join(secret)} {why}",
            flush=True,
        )
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cupel", default="cupel")
    parser.add_argument("slugs", nargs="*")
    options = parser.parse_args()
    slugs = options.slugs or sorted(path.parent.name for path in HERE.glob("*/problem.toml"))
    sys.exit(0 if all([prove(options.cupel, HERE / slug) for slug in slugs]) else 1)


if __name__ == "__main__":
    main()
