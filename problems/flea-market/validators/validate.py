"""Checks one input: exit code 42 when it is as the statement promises, 43 when it is not."""
import re
import sys

lines = iter(sys.stdin.buffer.read().decode("ascii", "replace").split("\n"))


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(43)


def words(count):
    """The words of the next line, one space between two."""
    found = next(lines, "").split(" ")
    if len(found) != count:
        fail(f"{len(found)} words where {count} belong")
    return found


def numbers(count, low, high):
    """The next line: whole numbers from `low` to `high`."""
    found = words(count)
    for word in found:
        if not re.fullmatch(r"0|-?[1-9][0-9]{0,18}", word) or not low <= int(word) <= high:
            fail(f"{word[:30]!r} is no number from {low} to {high}")
    return [int(word) for word in found]


def end():
    """The text must end here, with the end of a line."""
    if list(lines) != [""]:
        fail("the text goes on, or its last line does not end")
    sys.exit(42)


kinds, load = numbers(2, 1, 10_000)
if kinds > 100:
    fail("there are too many kinds of things")
for _ in range(kinds):
    weight, price, count = numbers(3, 1, 10**9)
    if weight > 10_000:
        fail("a thing is too heavy")
end()
