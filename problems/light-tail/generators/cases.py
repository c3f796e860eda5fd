"""Tests of Light Tail."""
import random

INVALID = [
    "",
    "[1]\n",
    "[0]\n1\n",
    "[1]\n-1\n",
    "[1] 1\n",
    "[1]\n1\n1\n",
    "[1]\n1",
    "[1.5]\n1\n",
    "[1000000000000001]\n1\n",
    "null\n1\n",
    "[true]\n1\n",
]
HEAVY = 10**15


def tail(train, strength):
    """The answer: weights taken from the end while they are held."""
    taken = []
    for weight in reversed(train):
        strength -= weight
        if strength < 0:
            break
        taken.append(weight)
    return taken[::-1]


def case(name, train, strength):
    def text(values):
        return "[" + ",".join(map(str, values)) + "]\n"

    return name, f"{text(train)}{strength}\n", text(tail(train, strength))


def cases():
    rng = random.Random(2201)

    def weights(count, most):
        return [rng.randint(1, most) for _ in range(count)]

    yield case("sample/1", [5, 7, 2, 4, 3], 9)
    yield case("sample/2", [1, 1, 6], 5)
    yield case("secret/01-no-train", [], 10)
    yield case("secret/02-all", [3, 4, 5], 12)
    yield case("secret/03-one-less", [3, 4, 5], 11)
    yield case("secret/04-nothing-is-held", [1, 2, 3], 0)
    yield case("secret/05-heavy-last", [1, 1, 1, 1, 9], 8)
    yield case("secret/06-more-than-32-bits", [2**31, 2**31, 2**31, 2**31], 2**32)
    yield case("secret/07-more-than-53-bits", [1] + [HEAVY] * 9 + [HEAVY - 1], 10 * HEAVY - 1)
    yield case("secret/08-one-too-much", [2] + [HEAVY] * 9 + [HEAVY - 1], 10 * HEAVY)
    yield case("secret/09-wagon", [4], 4)
    yield case("secret/10-random", weights(50, 20), 200)
    yield case("secret/11-random", weights(1000, HEAVY), 10**17)
    yield case("secret/12-front-is-light", [1] * 500 + [100] * 500, 30_000)
    long = weights(29_000, 9)
    yield case("secret/13-long", long, sum(long) - 1)
    yield case("secret/14-longest", [1] * 30_000, 29_999)
    yield case("secret/15-long-and-short-tail", [1] * 29_999 + [5], 4)
