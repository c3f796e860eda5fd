"""Checks one input: exit code 42 if it follows the rules of the statement, otherwise 43."""
import re
import sys

text = sys.stdin.read()
if not re.fullmatch(r"(0|-?[1-9][0-9]{0,9}) (0|-?[1-9][0-9]{0,9})\n", text):
    print("not two whole numbers on a line", file=sys.stderr)
    sys.exit(43)
if any(abs(int(word)) > 10**9 for word in text.split()):
    print("a number is beyond 10^9", file=sys.stderr)
    sys.exit(43)
sys.exit(42)
