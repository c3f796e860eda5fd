"""Tests of Quiet Hours."""
import random

ANSWERS = "submissions/accepted/sweep.py"
INVALID = ["", "0\n", "1\n5 5\n", "1\n6 5\n", "1\n0 1000000001\n", "2\n0 1\n", "1\n0 1\n0 1\n", "1\n-1 1\n", "1\n0 1"]


def text(noises):
    return f"{len(noises)}\n" + "".join(f"{s} {e}\n" for s, e in noises)


def some(rng, count, last, longest):
    found = []
    for _ in range(count):
        start = rng.randint(0, last - 1)
        found.append((start, min(last, start + rng.randint(1, longest))))
    return found


def cases():
    rng = random.Random(1014)
    yield "sample/1", text([(12, 15), (2, 7), (3, 6), (6, 9)])
    yield "sample/2", text([(0, 4), (4, 6)])
    yield "secret/01-one", text([(0, 10**9)])
    yield "secret/02-late", text([(10**9 - 1, 10**9)])
    yield "secret/03-quiet-before-and-after", text([(500, 501), (503, 504)])
    yield "secret/04-nested", text([(0, 100), (10, 20), (150, 160), (30, 40)])
    yield "secret/05-nested-at-the-end", text([(0, 10), (20, 100), (30, 40), (50, 60), (110, 111)])
    yield "secret/06-same-start", text([(5, 6), (5, 50), (5, 7), (60, 61), (60, 70)])
    yield "secret/07-equal", text([(3, 9)] * 10)
    yield "secret/08-ends-of-time", text([(0, 1), (10**9 - 1, 10**9)])
    for at, (count, last, longest) in enumerate([(5, 30, 6), (8, 60, 9), (40, 1000, 30), (500, 10**9, 10**6), (2000, 10**9, 10**6)], 9):
        yield f"secret/{at:02}-random", text(some(rng, count, last, longest))
    yield "secret/14-row-falling", text([(2 * at, 2 * at + 1) for at in range(19_999, -1, -1)])
    links = [(at, at + 2) for at in range(20_000)]
    rng.shuffle(links)
    yield "secret/15-one-long-noise", text(links)
