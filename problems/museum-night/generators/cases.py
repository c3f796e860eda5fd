"""Tests of A Night at the Museum."""
import random

ANSWERS = "submissions/accepted/sets.cpp"
INVALID = [
    "",
    "0\n0\n",
    "15\n",
    "1\n5 4\n0 1\n1 0\n",
    "1\n0 1000001\n0 1\n1 0\n",
    "1\n0 5\n1 1\n1 0\n",
    "1\n0 5\n0 1\n",
    "1\n0 5\n0 1\n1 0 \n",
    "1\n0 5\n0 10001\n1 0\n",
    "1\n0 5\n0 1\n1 0",
]
LATE = 10**6


def text(windows, ways):
    lines = [str(len(windows))] + [f"{s} {e}" for s, e in windows] + [" ".join(map(str, row)) for row in ways]
    return "\n".join(lines) + "\n"


def random_ways(rng, places, most):
    return [[0 if a == b else rng.randint(1, most) for b in range(places)] for a in range(places)]


def shortest(ways):
    ways = [row[:] for row in ways]
    for via in range(len(ways)):
        for row in ways:
            for b, onward in enumerate(ways[via]):
                row[b] = min(row[b], row[via] + onward)
    return ways


def planned(rng, rooms, most, early, slack):
    """Windows around the minutes of a random tour, so that there is at least this one."""
    ways = random_ways(rng, rooms + 1, most)
    short = shortest(ways)
    order = list(range(1, rooms + 1))
    rng.shuffle(order)
    windows, minute, at = [None] * rooms, 0, 0
    for room in order:
        minute += short[at][room] + rng.randint(0, early // 4)
        windows[room - 1] = (max(0, minute - rng.randint(0, early)), min(LATE, minute + rng.randint(0, slack)))
        at = room
    return text(windows, ways)


def cases():
    rng = random.Random(1012)
    yield "sample/1", text([(8, 20), (0, 6)], [[0, 2, 9], [1, 0, 3], [9, 4, 0]])
    yield "sample/2", text([(0, 9), (0, 4)], [[0, 1, 7], [1, 0, 5], [7, 5, 0]])
    yield "secret/01-one", text([(3, 3)], [[0, 3], [0, 0]])
    yield "secret/02-one-waits", text([(LATE, LATE)], [[0, 3], [0, 0]])
    yield "secret/03-one-late", text([(0, 2)], [[0, 3], [0, 0]])
    yield "secret/04-no-way-takes-time", text([(5, 9), (0, 4), (4, 4)], [[0] * 4] * 4)
    yield "secret/05-one-way-round", text([(0, LATE)] * 4, [[0 if a == b else 1 if b == (a + 1) % 5 else 9999 for b in range(5)] for a in range(5)])
    yield "secret/06-detour", text([(0, 3), (0, 3), (0, 3)], [[0, 9, 9, 1], [9, 0, 9, 9], [9, 1, 0, 9], [9, 9, 1, 0]])
    yield "secret/07-far-window-first", text([(100, 100), (0, 60), (0, 60)], [[0, 1, 5, 5], [1, 0, 50, 50], [5, 50, 0, 50], [5, 50, 50, 0]])
    for at in range(8, 13):
        yield f"secret/{at:02}-small", planned(rng, rng.randint(3, 6), 20, 10, 25)
    for at in range(13, 17):
        yield f"secret/{at}-planned", planned(rng, rng.randint(9, 12), 100, 60, 150)
    yield "secret/17-always-open", text([(0, LATE)] * 14, random_ways(rng, 15, 10_000))
    yield "secret/18-always-open-equal", text([(0, LATE)] * 14, [[0 if a == b else 10_000 for b in range(15)] for a in range(15)])
    yield "secret/19-wide", planned(rng, 14, 10_000, 30_000, 40_000)
    yield "secret/20-narrow", planned(rng, 14, 10_000, 500, 500)
    yield "secret/21-one-never", text([(0, LATE)] * 13 + [(0, 3)], [[0 if a == b else rng.randint(5, 99) for b in range(15)] for a in range(15)])
    yield "secret/22-not-enough-time", text([(0, 60)] * 14, [[0 if a == b else rng.randint(5, 99) for b in range(15)] for a in range(15)])
