"""Checks one input: exit code 42 when it is as the statement promises, 43 when it is not."""
import json
import sys

lines = sys.stdin.buffer.read().decode("ascii", "replace").split("\n")


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(43)


def listed(line):
    try:
        found = json.loads(line)
    except ValueError:
        fail(f"{line[:30]!r} is no JSON")
    if type(found) is not list:
        fail(f"{line[:30]!r} is no list")
    return found


def holds(arguments, *bounds):
    """Whether these are whole numbers within the bounds."""
    if type(arguments) is not list or len(arguments) != len(bounds):
        return False
    return all(type(n) is int and low <= n <= high for n, (low, high) in zip(arguments, bounds))


if len(lines) != 3 or lines[2] != "":
    fail("there are two lines")
names, arguments = listed(lines[0]), listed(lines[1])
if not 1 <= len(names) == len(arguments) <= 16_001:
    fail("as many lists of arguments as names, at most 16 001")
if names[0] != "Lockers" or not holds(arguments[0], (1, 1_000_000)):
    fail("the first call is Lockers(count)")
count = arguments[0][0]
for name, given in zip(names[1:], arguments[1:]):
    row = (1, count)
    well = {
        "take": holds(given),
        "giveBack": holds(given, row),
        "busy": holds(given, row, row) and given[0] <= given[1],
    }
    if not well.get(name, False):
        fail(f"{name!r} with {given!r} is no call")
sys.exit(42)
