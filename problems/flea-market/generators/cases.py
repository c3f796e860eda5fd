"""Tests of Flea Market."""
import random

ANSWERS = "submissions/accepted/bundles.py"
INVALID = [
    "",
    "0 5\n",
    "1 0\n1 1 1\n",
    "1 10001\n1 1 1\n",
    "1 5\n0 1 1\n",
    "1 5\n10001 1 1\n",
    "1 5\n1 0 1\n",
    "1 5\n1 1 0\n",
    "1 5\n1 1 1000000001\n",
    "1 5\n1 1\n",
    "2 5\n1 1 1\n",
    "1 5\n1 1 1",
    "101 5\n" + "1 1 1\n" * 101,
]


def text(load, kinds):
    return f"{len(kinds)} {load}\n" + "".join(f"{w} {p} {c}\n" for w, p, c in kinds)


def some(rng, count, weight, price, copies):
    return [(rng.randint(1, weight), rng.randint(1, price), rng.randint(1, copies)) for _ in range(count)]


def cases():
    rng = random.Random(1018)
    yield "sample/1", text(18, [(4, 10, 2), (3, 6, 9), (5, 9, 1)])
    yield "sample/2", text(5, [(6, 100, 1)])
    yield "secret/01-one", text(1, [(1, 1, 1)])
    yield "secret/02-more-than-fit", text(10, [(3, 5, 10**9)])
    yield "secret/03-dear-per-kilogram", text(10, [(6, 13, 1), (5, 10, 2)])
    yield "secret/04-few-of-the-best", text(20, [(2, 50, 3), (3, 30, 2), (4, 20, 9)])
    yield "secret/05-not-full", text(9, [(5, 7, 5)])
    yield "secret/06-seven-copies", text(100, [(1, 3, 7), (7, 22, 7), (11, 40, 5)])
    yield "secret/07-counts-beside-powers-of-two", text(300, [(1, 9, 15), (2, 19, 16), (3, 28, 17), (5, 40, 31), (4, 31, 1)])
    for at, (count, load, weight, price, copies) in enumerate(
        [(3, 30, 9, 20, 3), (5, 60, 20, 50, 4), (10, 300, 40, 90, 6), (30, 2000, 300, 10**6, 9), (60, 4000, 999, 10**9, 10**9)], 8
    ):
        yield f"secret/{at:02}-random", text(load, some(rng, count, weight, price, copies))
    yield "secret/13-large-prices", text(10_000, some(rng, 100, 10, 10**9, 10**9))
    close = [(rng.randint(90, 110), 0, rng.randint(1, 3)) for _ in range(100)]
    yield "secret/14-close-calls", text(9_999, [(w, w * 1000 + rng.randint(-40, 40), c) for w, _, c in close])
    yield "secret/15-all-light", text(10_000, [(1, rng.randint(1, 10**9), 10**9) for _ in range(100)])
    yield "secret/16-all-light-few", text(10_000, [(1, rng.randint(1, 99), rng.randint(1, 200)) for _ in range(100)])
