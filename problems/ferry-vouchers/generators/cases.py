"""Tests of Ferry Vouchers."""
import random

ANSWERS = "submissions/accepted/layers.py"
INVALID = [
    "",
    "1 0 0\n",
    "2 1 0\n1 1 5\n",
    "2 1 0\n1 3 5\n",
    "2 1 11\n1 2 5\n",
    "2 1 0\n1 2 0\n",
    "2 1 0\n1 2 1000000001\n",
    "2 2 0\n1 2 5\n2 1 6\n",
    "2 1 0\n",
    "2 0 0\n1 2 5\n",
    "2 1 0\n1 2 5",
]


def text(harbours, vouchers, ferries):
    return f"{harbours} {len(ferries)} {vouchers}\n" + "".join(f"{a} {b} {p}\n" for a, b, p in ferries)


def net(rng, harbours, count, most):
    """A random net in which every harbour can be reached."""
    ferries = {}
    for b in range(2, harbours + 1):
        ferries[rng.randint(max(1, b - 20), b - 1), b] = rng.randint(1, most)
    while len(ferries) < count:
        a, b = sorted(rng.sample(range(1, harbours + 1), 2))
        ferries.setdefault((a, b), rng.randint(1, most))
    listed = [(a, b, p) if rng.random() < 0.5 else (b, a, p) for (a, b), p in ferries.items()]
    rng.shuffle(listed)
    return listed


def cases():
    rng = random.Random(1011)
    yield "sample/1", text(4, 1, [(1, 2, 2), (2, 3, 3), (1, 3, 9), (3, 4, 2)])
    yield "sample/2", text(3, 2, [(2, 3, 1)])
    yield "sample/3", text(3, 10, [(1, 2, 8), (3, 2, 5)])
    yield "secret/01-no-ferry", text(2, 10, [])
    yield "secret/02-one-ferry", text(2, 0, [(2, 1, 7)])
    yield "secret/03-one-ferry-free", text(2, 1, [(2, 1, 7)])
    yield "secret/04-dear-but-short", text(5, 1, [(1, 5, 10**9), (1, 2, 1), (2, 3, 1), (3, 4, 1), (4, 5, 1)])
    yield "secret/05-other-way", text(5, 1, [(1, 2, 4), (2, 5, 4), (1, 3, 1), (3, 4, 99), (4, 5, 1)])
    yield "secret/06-two-on-one-way", text(6, 2, [(1, 2, 50), (2, 3, 50), (3, 6, 3), (1, 4, 20), (4, 5, 20), (5, 6, 20)])
    yield "secret/07-chain-dear", text(2000, 10, [(at, at + 1, 10**9) for at in range(1, 2000)])
    yield "secret/08-chain-none", text(2000, 0, [(at, at + 1, 10**9 - at % 7) for at in range(1, 2000)])
    chain = [(at, at + 1, rng.randint(1, 10**6)) for at in range(1999, 0, -1)]
    yield "secret/09-chain-backwards", text(2000, 9, chain)
    # Short cuts become useless one after the other: many ways of nearly the same price.
    ladder = [(at, at + 1, 1) for at in range(1, 1999)] + [(at, at + 2, 3) for at in range(1, 1998)]
    yield "secret/10-ladder", text(1999, 5, ladder)
    yield "secret/11-two-parts", text(400, 10, net(rng, 200, 900, 50) + [(a + 200, b + 200, p) for a, b, p in net(rng, 200, 900, 50)])
    for at, (harbours, count, most, vouchers) in enumerate([(5, 7, 9, 1), (8, 14, 20, 2), (30, 60, 100, 3), (30, 60, 5, 1)], 12):
        yield f"secret/{at}-random", text(harbours, vouchers, net(rng, harbours, count, most))
    for at, (most, vouchers) in enumerate([(1000, 0), (10**9, 4), (10**6, 10), (2, 10)], 16):
        yield f"secret/{at}-many", text(2000, vouchers, net(rng, 2000, 5000, most))
    grid = [(r * 40 + c + 1, r * 40 + c + 2, rng.randint(1, 99)) for r in range(50) for c in range(39)]
    grid += [(r * 40 + c + 1, r * 40 + c + 41, rng.randint(1, 99)) for r in range(49) for c in range(40)]
    yield "secret/20-grid", text(2000, 10, grid)
