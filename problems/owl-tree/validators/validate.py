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
places, owls = value(lines[0], list), value(lines[1], int)
views = [view for view in places if view is not None]
if len(views) > 2000 or any(type(view) is not int or abs(view) > 10**9 for view in views):
    fail("the tree has at most 2000 views from -10^9 to 10^9")
if places and (places[-1] is None or places[0] is None):
    fail("the last place is a hollow")
taken, given = 0, 1
for view in places:
    if taken == given:
        fail("a hollow is above one that is not there")
    taken += 1
    given += 0 if view is None else 2
if not 0 <= owls <= 200:
    fail("there are 0 to 200 owls")
sys.exit(42)
