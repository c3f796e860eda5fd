"""Tests of Overtaking."""
import random

ANSWERS = "submissions/accepted/tree.py"
INVALID = ["", "0\n\n", "2\n1 1\n", "2\n1 3\n", "2\n0 1\n", "2\n1\n", "2\n1 2 3\n", "2\n1 2", "2\n1 2\n\n", "2\n1\n2\n"]


def text(order):
    return f"{len(order)}\n{' '.join(map(str, order))}\n"


def shuffled(rng, skiers):
    return rng.sample(range(1, skiers + 1), skiers)


def nearly(rng, order, swaps):
    order = list(order)
    for _ in range(swaps):
        a, b = rng.randrange(len(order)), rng.randrange(len(order))
        order[a], order[b] = order[b], order[a]
    return order


def cases():
    rng = random.Random(1017)
    yield "sample/1", text([3, 1, 4, 2])
    yield "sample/2", text([1, 2, 3, 4, 5])
    yield "secret/01-one", text([1])
    yield "secret/02-two", text([2, 1])
    yield "secret/03-last-wins", text([6, 1, 2, 3, 4, 5])
    yield "secret/04-first-is-last", text([2, 3, 4, 5, 6, 1])
    yield "secret/05-reversed", text(range(9, 0, -1))
    yield "secret/06-tie", text([4, 3, 1, 2, 8, 7, 5, 6])
    yield "secret/07-pairs", text([2, 1, 4, 3, 6, 5, 8, 7])
    for at, skiers in enumerate([5, 7, 30, 400, 3000], 8):
        yield f"secret/{at:02}-random", text(shuffled(rng, skiers))
    yield "secret/13-nearly-in-order", text(nearly(rng, range(1, 5001), 40))
    yield "secret/14-random", text(shuffled(rng, 30_000))
    yield "secret/15-nearly-reversed", text(nearly(rng, range(100_000, 0, -1), 300))
