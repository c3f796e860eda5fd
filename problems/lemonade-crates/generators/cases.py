"""Tests of Lemonade Crates."""
import random

ANSWERS = "submissions/accepted/formula.py"
INVALID = [
    "",
    "0\n",
    "1\n0 2\n",
    "1\n5 1\n",
    "1\n5 1000000001\n",
    "1\n1000000000000000001 2\n",
    "2\n5 2\n",
    "1\n5 2\n5 2\n",
    "1\n5\n",
    "1\n5 2",
    "101\n" + "5 2\n" * 101,
]


def text(questions):
    return f"{len(questions)}\n" + "".join(f"{n} {k}\n" for n, k in questions)


def cases():
    rng = random.Random(1019)
    most = 10**18
    yield "sample/1", text([(7, 3), (4, 5)])
    yield "secret/01-one-bottle", text([(1, 2), (1, 10**9)])
    yield "secret/02-swap-two", text([(n, 2) for n in range(1, 101)])
    yield "secret/03-just-enough", text([(k + d, k) for k in (3, 4, 5, 10, 100, 10**9) for d in (-1, 0, 1)])
    yield "secret/04-small", text([(n, k) for n in range(1, 11) for k in range(2, 12)])
    yield "secret/05-powers", text([(3**e + d, 3) for e in range(1, 30) for d in (-1, 0, 1)])
    yield "secret/06-one-less-than-k", text([((k - 1) * m + d, k) for k in (3, 7, 1000) for m in (1, 5, 10**6) for d in (0, 1, 2)])
    yield "secret/07-random", text([(rng.randint(1, 10**6), rng.randint(2, 50)) for _ in range(100)])
    yield "secret/08-above-32-bits", text([(rng.randint(2**31, 2**33), rng.randint(2, 9)) for _ in range(100)])
    yield "secret/09-large", text([(most - d, k) for d in range(10) for k in (2, 3, 7, 10, 10**9)])
    yield "secret/10-random-large", text([(int(10 ** rng.uniform(0, 18)), int(10 ** rng.uniform(0.4, 9))) for _ in range(100)])
