"""Tests of Rising Tide."""
import random

ANSWERS = "submissions/accepted/bisect_twice.py"
INVALID = ["", "0 1\n\n1\n", "1 1\n1\n", "1 1\n1\n1", "2 1\n1\n1\n", "1 1\n-1\n1\n", "1 1\n1000000001\n1\n", "1 1\n1\n1\n1\n"]


def text(heights, levels):
    return f"{len(heights)} {len(levels)}\n{' '.join(map(str, heights))}\n{' '.join(map(str, levels))}\n"


def cases():
    rng = random.Random(1009)

    def some(count, high):
        return [rng.randint(0, high) for _ in range(count)]

    yield "sample/1", text([3, 1, 4, 1, 5, 2], [2, 1, 6, 4])
    yield "sample/2", text([7, 7, 7], [7, 8, 0])
    yield "short/01-one-field", text([5], [0, 5, 6])
    yield "short/02-ground", text([0, 0], [0, 1, 10**9])
    yield "short/03-top", text([10**9, 0, 10**9], [10**9, 10**9 - 1, 0, 1])
    yield "short/04-steps", text(list(range(1, 21)), list(range(22)))
    yield "short/05-pits", text([9, 1, 8, 2, 7, 3, 6, 4, 5], list(range(11)))
    yield "short/06-plateaus", text([4, 4, 2, 2, 4, 4, 4, 1, 4, 2], [4, 3, 2, 1])
    yield "short/07-random", text(some(12, 8), list(range(10)))
    yield "short/08-random", text(some(500, 10**9), some(500, 10**9))
    yield "short/09-random", text(some(500, 300), some(500, 300))
    yield "shallow/01-flat", text([9] * 1000, list(range(10)))
    yield "shallow/02-random", text(some(5_000, 9), some(2_000, 9))
    # Most levels drown everything, which keeps the answers short.
    often = [rng.choice([1, 2, 2, 2, 2, 2, 2, 2, 2, 2]) for _ in range(40_000)]
    yield "shallow/03-alternating", text([0, 1] * 50_000, often)
    yield "full/01-random", text(some(2_500, 10**9), some(2_500, 10**9))
    reef = some(100_000, 3)
    for at in range(0, 100_000, 160):
        reef[at] = rng.randint(1, 30_000)
    levels = list(range(30_000))
    rng.shuffle(levels)
    yield "full/02-all-levels", text(reef, levels)
