"""Tests of Rival Cats. The answers are examples; the checker does not look at them."""
import random
from itertools import combinations

ANSWERS = "submissions/accepted/moves.py"
INVALID = [
    "",
    "0 0\n",
    "2 1\n1 1\n",
    "2 2\n1 2\n2 1\n",
    "2 1\n1 3\n",
    "2 1\n",
    "2 0\n1 2\n",
    "1001 0\n",
    "2 1\n1 2",
    "2 1\n1  2\n",
]


def text(cats, pairs):
    return f"{cats} {len(pairs)}\n" + "".join(f"{a} {b}\n" for a, b in pairs)


def shuffled(rng, cats, pairs):
    """The same rivals under other numbers, in another order."""
    names = list(range(1, cats + 1))
    rng.shuffle(names)
    pairs = [(names[a - 1], names[b - 1]) if rng.random() < 0.5 else (names[b - 1], names[a - 1]) for a, b in pairs]
    rng.shuffle(pairs)
    return text(cats, pairs)


def some(rng, cats, count):
    pairs = set()
    while len(pairs) < count:
        a, b = sorted(rng.sample(range(1, cats + 1), 2))
        pairs.add((a, b))
    return sorted(pairs)


def cases():
    rng = random.Random(1007)
    yield "sample/1", text(4, [(1, 2), (2, 3), (1, 3), (3, 4)])
    yield "sample/2", text(3, [])
    yield "secret/01-one", text(1, [])
    yield "secret/02-two", text(2, [(1, 2)])
    yield "secret/03-odd-ring", text(5, [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1)])
    yield "secret/04-everybody", text(100, list(combinations(range(1, 101), 2)))
    yield "secret/05-star", shuffled(rng, 1000, [(1, other) for other in range(2, 1001)])
    yield "secret/06-chain", shuffled(rng, 1000, [(at, at + 1) for at in range(1, 1000)])
    yield "secret/07-chain-in-order", text(1000, [(at, at + 1) for at in range(1, 1000)])
    yield "secret/08-two-sides", shuffled(rng, 140, [(a, b) for a in range(1, 71) for b in range(71, 141)])
    yield "secret/09-sides-by-parity", text(100, [(a, b) for a, b in combinations(range(1, 101), 2) if (a - b) % 2 == 0])
    yield "secret/10-halves", text(120, [(a, b) for a in range(1, 61) for b in range(61, 121)])
    for at, (cats, pairs) in enumerate([(6, 8), (9, 20), (20, 60), (30, 300), (60, 400)], 11):
        yield f"secret/{at}-random", text(cats, some(rng, cats, pairs))
    yield "secret/16-sparse", text(1000, some(rng, 1000, 1500))
    yield "secret/17-many", text(1000, some(rng, 1000, 5000))
    cliques = [(a + k, b + k) for k in range(0, 1000, 10) for a, b in combinations(range(1, 11), 2)]
    yield "secret/18-groups", shuffled(rng, 1000, cliques)
