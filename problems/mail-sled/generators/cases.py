"""Tests of Mail Sled."""
import random

ANSWERS = "submissions/accepted/order.py"
INVALID = [
    "",
    "0 0\n\n",
    "1 2\n1 1\n",
    "2 1\n1 2 0\n1\n",
    "2 1\n1 2 1000000001\n1\n",
    "2 1\n1 3 1\n1\n",
    "3 1\n1 2 1\n2 1 1\n1\n",
    "2 2\n1 2 1\n2 2\n",
    "2 1\n1 2 1\n3\n",
    "2 1\n1 2 1\n",
    "2 1\n1 2 1\n2",
    "2 1\n1 2 1\n2\n2\n",
]


def text(paths, letters):
    lines = [f"{len(paths) + 1} {len(letters)}"] + [f"{a} {b} {w}" for a, b, w in paths]
    return "\n".join(lines + [" ".join(map(str, letters))]) + "\n"


def tree(rng, houses, reach, most):
    """Each house hangs on one of the `reach` before it; then the houses, except the first, get new numbers."""
    names = [0, 1] + rng.sample(range(2, houses + 1), houses - 1)
    paths = []
    for house in range(2, houses + 1):
        a, b = names[rng.randint(max(1, house - reach), house - 1)], names[house]
        paths.append((a, b, rng.randint(1, most)) if rng.random() < 0.5 else (b, a, rng.randint(1, most)))
    rng.shuffle(paths)
    return paths


def cases():
    rng = random.Random(1015)
    yield "sample/1", text([(1, 2, 3), (3, 1, 4), (3, 4, 9), (5, 3, 2)], [5, 2])
    yield "sample/2", text([(1, 2, 8)], [1])
    yield "secret/01-one-house", text([], [1])
    yield "secret/02-two-houses", text([(2, 1, 10**9)], [2])
    yield "secret/03-on-the-way", text([(1, 2, 5), (2, 3, 5), (3, 4, 5)], [4, 2, 3])
    yield "secret/04-not-the-farthest-house", text([(1, 2, 5), (1, 3, 7), (3, 4, 100), (2, 5, 1)], [5, 3])
    yield "secret/05-many-paths-but-short", text([(1, 2, 1), (2, 3, 1), (3, 4, 1), (1, 5, 50)], [4, 5])
    yield "secret/06-everybody", text([(1, 2, 4), (2, 3, 1), (2, 4, 6), (1, 5, 9)], [1, 2, 3, 4, 5])
    for at, (houses, letters, reach, most) in enumerate(
        [(6, 3, 6, 9), (10, 4, 3, 20), (40, 12, 40, 100), (300, 30, 5, 10**9), (900, 900, 900, 10**9)], 7
    ):
        yield f"secret/{at:02}-random", text(tree(rng, houses, reach, most), rng.sample(range(1, houses + 1), letters))
    yield "secret/12-star", text([(1, at, at % 9 + 1) for at in range(2, 10_001)], list(range(2, 10_001, 2)))
    yield "secret/13-long-ways", text(tree(rng, 6_000, 3, 10**9), rng.sample(range(1, 6_001), 100))
    chain = [(at, at + 1, 1) for at in range(1, 20_000)]
    yield "secret/14-chain", text(chain, list(range(20_000, 0, -1)))
