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


houses, letters = numbers(2, 1, 20_000)
if letters > houses:
    fail("more addresses than houses")
root = list(range(houses + 1))


def find(house):
    while root[house] != house:
        root[house] = house = root[root[house]]
    return house


for _ in range(houses - 1):
    a, b, length = numbers(3, 1, 10**9)
    if a > houses or b > houses:
        fail("a path leads to no house")
    a, b = find(a), find(b)
    if a == b:
        fail("there are two ways between two houses")
    root[a] = b
if len(set(numbers(letters, 1, houses))) != letters:
    fail("an address occurs twice")
end()
