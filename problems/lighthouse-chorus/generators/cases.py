"""Tests of Lighthouse Chorus."""
import random
from math import lcm

ANSWERS = "submissions/accepted/remainders.py"
INVALID = [
    "",
    "0\n",
    "1\n5 5\n",
    "1\n0 0\n",
    "1\n-1 5\n",
    "1\n0 1000000001\n",
    "13\n" + "0 1\n" * 13,
    "2\n0 5\n",
    "1\n0 5\n0 5\n",
    "3\n0 999999937\n0 999999929\n0 2\n",
    "1\n0 5",
]
PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]


def text(lights):
    return f"{len(lights)}\n" + "".join(f"{a} {p}\n" for a, p in lights)


def flashing_at(second, periods):
    return [(second % p, p) for p in periods]


def random_periods(rng, count, most):
    """Periods of small primes that share many factors; their common multiple stays in bounds."""
    while True:
        periods = []
        for _ in range(count):
            period = 1
            while True:
                prime = rng.choice(PRIMES[:8])
                if period * prime > most or rng.random() < 0.1:
                    break
                period *= prime
            periods.append(period)
        if 10**9 < lcm(*periods) <= 10**18 or most < 1000:
            return periods


def cases():
    rng = random.Random(1016)
    yield "sample/1", text([(1, 4), (3, 6), (2, 7)])
    yield "sample/2", text([(0, 2), (1, 4)])
    yield "secret/01-one", text([(4, 9)])
    yield "secret/02-one-always", text([(0, 1)] * 12)
    yield "secret/03-at-once", text([(0, 5), (0, 7), (0, 10**9)])
    yield "secret/04-same-period", text([(3, 8), (3, 8)])
    yield "secret/05-same-period-never", text([(3, 8), (4, 8)])
    yield "secret/06-shared-factor", text([(3, 6), (9, 15), (9, 10)])
    yield "secret/07-one-within-the-other", text([(2, 6), (8, 24), (8, 12)])
    yield "secret/08-never-by-the-third", text([(1, 6), (1, 10), (2, 15)])
    for at, (count, most) in enumerate([(2, 20), (3, 30), (4, 30), (3, 100)], 9):
        periods = [rng.randint(2, most) for _ in range(count)]
        yield f"secret/{at:02}-random", text(flashing_at(rng.randrange(lcm(*periods)), periods))
    for at, (count, most) in enumerate([(4, 10**5), (8, 10**7), (12, 10**9), (12, 10**6)], 13):
        periods = random_periods(rng, count, most)
        yield f"secret/{at}-shared", text(flashing_at(rng.randrange(lcm(*periods)), periods))
    periods = random_periods(rng, 10, 10**9)
    lights = flashing_at(rng.randrange(lcm(*periods)), periods)
    for at, (a, p) in enumerate(lights):
        if p % 2 == 0 and any(q % 2 == 0 for _, q in lights[:at]):
            lights[at] = (a ^ 1, p)
            break
    yield "secret/17-never", text(lights)
    large = [999_999_937, 999_999_929]
    yield "secret/18-two-primes", text(flashing_at(999_999_937 * 999_999_929 - 1, large))
    yield "secret/19-two-primes", text(flashing_at(rng.randrange(8 * 10**17, 9 * 10**17), large))
    yield "secret/20-many-primes", text(flashing_at(rng.randrange(6 * 10**12, 7 * 10**12), PRIMES[:12]))
    yield "secret/21-powers-of-two", text(flashing_at(2**29 - 1, [2**e for e in range(18, 30)]))
    shared = [999_999_937, 500_000_000, 1_000_000_000]
    yield "secret/22-late", text(flashing_at(999_999_937 * 10**9 - 10**9, shared))
