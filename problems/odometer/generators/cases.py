"""Tests of Lively Odometer."""
import random

ANSWERS = "submissions/accepted/table.py"
INVALID = [
    "",
    "0\n",
    "1\n0 5 3\n",
    "1\n6 5 3\n",
    "1\n1 5 0\n",
    "1\n1 5 51\n",
    "1\n1 1000000000000000001 3\n",
    "1\n1 5\n",
    "2\n1 5 3\n",
    "1\n1 5 3\n1 5 3\n",
    "1\n1 5 3",
    "21\n" + "1 5 3\n" * 21,
]
MOST = 10**18


def text(questions):
    return f"{len(questions)}\n" + "".join(f"{a} {b} {m}\n" for a, b, m in questions)


def cases():
    rng = random.Random(1021)

    def some(count, digits, divisors):
        found = []
        for _ in range(count):
            a, b = sorted(int(10 ** rng.uniform(0, digits)) for _ in range(2))
            found.append((a, b, rng.randint(1, divisors)))
        return found

    yield "sample/1", text([(95, 110, 3), (1, 100, 1), (12, 12, 4)])
    yield "secret/01-single-numbers", text([(n, n, m) for n in (1, 9, 10, 11, 101, 110) for m in (1, 2, 9)])
    yield "secret/02-one-digit", text([(1, 9, m) for m in range(1, 11)])
    yield "secret/03-around-powers-of-ten", text([(10**e - 5, 10**e + 15, 2) for e in range(1, 18)])
    yield "secret/04-from-powers-of-ten", text([(10**e, 10 ** (e + 1), 7) for e in range(18)])
    yield "secret/05-all", text([(1, MOST, m) for m in range(1, 21)])
    yield "secret/06-all-large-divisors", text([(1, MOST, m) for m in range(31, 51)])
    yield "secret/07-ends-count", text([(909090909, 909090909, 45), (123, 321, 6), (12, 21, 3), (120, 121, 1), (1, 12, 3)])
    yield "secret/08-equal-digits-in-front", text([(1_100_000, 1_199_999, 1), (5_512_345, 5_512_399, 2), (1, 7_788_999, 5)])
    yield "secret/09-small", text(some(20, 3, 9))
    yield "secret/10-small", text(some(20, 5, 20))
    yield "secret/11-middle", text(some(20, 9, 50))
    yield "secret/12-large", text(some(20, 18, 50))
    yield "secret/13-large", text([(rng.randint(1, MOST // 2), rng.randint(MOST // 2, MOST), rng.randint(2, 50)) for _ in range(20)])
