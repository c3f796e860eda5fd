"""Tests of Night Bus."""
import random

ANSWERS = "submissions/accepted/running.py"
INVALID = [
    "",
    "0\n",
    "1\n0 5",
    "1\n1 5\n",
    "2\n0 5\n",
    "2\n0 5\n6 0\n",
    "1\n0 1000000001\n",
    "1\n0  5\n",
    "1\n0 5\n\n",
    "1\n0 -5\n",
    "1\n0 05\n",
]


def text(stops):
    return f"{len(stops)}\n" + "".join(f"{off} {on}\n" for off, on in stops)


def ride(rng, count, most):
    """Stops at which a random part of the bus gets off, and now and then everybody."""
    aboard, stops = 0, []
    for _ in range(count):
        off = aboard if rng.random() < 0.1 else rng.randint(0, min(aboard, most))
        off = min(off, 10**9)
        on = rng.randint(0, most)
        stops.append((off, on))
        aboard += on - off
    return stops


def cases():
    rng = random.Random(1001)
    yield "sample/1", text([(0, 4), (1, 3), (3, 0), (3, 6)])
    yield "sample/2", text([(0, 0), (0, 0), (0, 0)])
    yield "secret/01-one-stop", text([(0, 7)])
    yield "secret/02-one-empty-stop", text([(0, 0)])
    yield "secret/03-all-change", text([(0, 9), (9, 9), (9, 9), (9, 10), (10, 10)])
    yield "secret/04-never-off", text([(0, 10**9)] * 50)
    yield "secret/05-last-is-most", text([(0, 1)] * 999 + [(5, 6)])
    yield "secret/06-first-is-most", text([(0, 500)] + [(1, 1)] * 400)
    for at, (count, most) in enumerate([(5, 4), (8, 3), (50, 10), (700, 10**9), (1500, 10**6)], 7):
        yield f"secret/{at:02}-random", text(ride(rng, count, most))
    yield "secret/12-over-2-32", text([(0, 10**9)] * 5 + [(10**9, 0)] * 2 + [(0, 10**9)] * 2)
    yield "secret/13-exactly-2-31", text([(0, 10**9), (0, 10**9), (0, 147483648), (3, 2)])
    yield "secret/14-long", text([(0, 2)] + [(1, 1)] * 19_998 + [(0, 1)])
    yield "secret/15-long-growing", text([(0, rng.randint(1, 9)) for _ in range(20_000)])
