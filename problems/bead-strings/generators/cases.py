"""Tests of Bead Strings."""
import random

ANSWERS = "submissions/accepted/doubling.py"
INVALID = [
    "",
    "0 0 1\n1\n",
    "11 0 1\n1\n",
    "2 0 0\n",
    "2 0 21\n" + "1\n" * 21,
    "2 1 1\n1 3\n1\n",
    "2 2 1\n1 1\n1 1\n1\n",
    "2 0 1\n0\n",
    "2 0 1\n1000000000000000001\n",
    "2 0 1\n1",
    "2 0 1\n1\n1\n",
]
MOST = 10**18


def text(kinds, bans, questions):
    head = f"{kinds} {len(bans)} {len(questions)}\n"
    return head + "".join(f"{a} {b}\n" for a, b in bans) + "".join(f"{n}\n" for n in questions)


def cases():
    rng = random.Random(1008)

    def some(kinds, share):
        bans = [(a, b) for a in range(1, kinds + 1) for b in range(1, kinds + 1) if rng.random() < share]
        rng.shuffle(bans)
        return bans

    def sizes(count):
        return [int(10 ** rng.uniform(0, 18)) for _ in range(count)]

    yield "sample/1", text(2, [(1, 1)], [1, 3, 1_000_000_000_000])
    yield "sample/2", text(3, [(a, b) for a in (1, 2, 3) for b in (1, 2, 3)], [1, 2])
    yield "secret/01-one-kind", text(1, [], [1, 2, MOST])
    yield "secret/02-one-kind-alone", text(1, [(1, 1)], [1, 2, MOST])
    yield "secret/03-all-free", text(10, [], [1, 2, 9, 10, MOST, MOST - 1])
    yield "secret/04-order-matters", text(3, [(1, 2), (1, 3), (2, 3)], [1, 2, 3, 4, 5, 6, 100])
    yield "secret/05-rising-only", text(10, [(a, b) for a in range(1, 11) for b in range(1, a + 1)], list(range(1, 13)))
    yield "secret/06-ring", text(9, [(a, b) for a in range(1, 10) for b in range(1, 10) if b != a % 9 + 1], [1, 9, MOST])
    yield "secret/07-small", text(4, some(4, 0.4), list(range(1, 21)))
    yield "secret/08-modulus", text(2, [(1, 1)], [10**9 + 6, 10**9 + 7, 10**9 + 8, 2 * (10**9 + 7)])
    yield "secret/09-powers-of-two", text(5, some(5, 0.3), [2**e for e in range(40, 60)])
    yield "secret/10-around-powers-of-two", text(5, some(5, 0.3), [2**e + d for e in (1, 2, 31, 32, 33, 59) for d in (-1, 0, 1)])
    for at, (kinds, share) in enumerate([(3, 0.3), (6, 0.5), (8, 0.2), (10, 0.1), (10, 0.6)], 11):
        yield f"secret/{at}-random", text(kinds, some(kinds, share), sizes(20))
    yield "secret/16-no-neighbour-of-itself", text(10, [(a, a) for a in range(1, 11)], [MOST - d for d in range(20)])
