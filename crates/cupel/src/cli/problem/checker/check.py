"""Judges one output: exit code 42 accepts it, 43 rejects it.

Called as `check.py INPUT ANSWER FEEDBACK_DIRECTORY < OUTPUT`. In that directory, judgemessage.txt is shown to the
problem's authors, and teammessage.txt to contestants.
"""
import re
import sys
from pathlib import Path


def reject(reason):
    Path(sys.argv[3], "judgemessage.txt").write_text(reason + "\n")
    sys.exit(43)


n = int(Path(sys.argv[1]).read_text())
# A submission may write any output, so read bytes, up to a bound.
words = sys.stdin.buffer.read(1000).split()
if len(words) != 2:
    reject(f"expected two numbers, got {len(words)} words")
if not all(re.fullmatch(rb"[1-9][0-9]{0,9}", word) for word in words):
    reject("expected two positive whole numbers")
a, b = map(int, words)
if a + b != n:
    reject(f"{a} + {b} is not {n}")
sys.exit(42)
