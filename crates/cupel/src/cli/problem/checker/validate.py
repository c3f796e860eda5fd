"""Checks one input: exit code 42 if it follows the rules of the statement, otherwise 43."""
import re
import sys

text = sys.stdin.read()
if not re.fullmatch(r"[1-9][0-9]{0,9}\n", text):
    print("not one whole number on a line", file=sys.stderr)
    sys.exit(43)
if not 2 <= int(text) <= 10**9:
    print("the number is not between 2 and 10^9", file=sys.stderr)
    sys.exit(43)
sys.exit(42)
