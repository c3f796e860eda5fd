"""Checks one input: exit code 42 when it is as the statement promises, 43 when it is not."""
import json
import sys

lines = sys.stdin.buffer.read().decode("ascii", "replace").split("\n")


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(43)


def value(line, kind):
    try:
        found = json.loads(line)
    except ValueError:
        fail(f"{line[:30]!r} is no JSON")
    if type(found) is not kind:
        fail(f"{line[:30]!r} is no {kind.__name__}")
    return found


if len(lines) != 3 or lines[2] != "":
    fail("there are two lines")
train, strength = value(lines[0], list), value(lines[1], int)
if len(train) > 30_000 or any(type(weight) is not int or not 1 <= weight <= 10**15 for weight in train):
    fail("the train is at most 30 000 weights from 1 to 10^15")
if not 0 <= strength <= 10**18:
    fail("the strength is from 0 to 10^18")
sys.exit(42)
