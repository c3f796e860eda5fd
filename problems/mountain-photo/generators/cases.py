"""Tests of Mountain Photo."""
import random

ANSWERS = "submissions/accepted/tails.py"
INVALID = ["", "0\n\n", "1\n0\n", "1\n1000000001\n", "2\n1\n", "1\n1 2\n", "1\n1", "1\n1\n1\n", "1\n 1\n", "80001\n" + "1 " * 80_000 + "1\n"]


def text(heights):
    return f"{len(heights)}\n{' '.join(map(str, heights))}\n"


def cases():
    rng = random.Random(1010)

    def some(count, high):
        return [rng.randint(1, high) for _ in range(count)]

    def mountain(count, high, noise):
        """A mountain in which a part of the people stand at heights of their own."""
        slope = [min(at, count - at) * 2 * high // count + 1 for at in range(count)]
        return [rng.randint(1, high) if rng.random() < noise else height for height in slope]

    yield "sample/1", text([2, 4, 2, 9, 6, 6, 3, 7, 1])
    yield "sample/2", text([5, 5, 5])
    yield "sample/3", text([9, 7, 4, 1])
    yield "handful/01-one", text([10**9])
    yield "handful/02-two-equal", text([3, 3])
    yield "handful/03-valley", text([9, 5, 1, 5, 9])
    yield "handful/04-plateau", text([1, 2, 3, 3, 3, 2, 1])
    yield "handful/05-two-mountains", text([1, 2, 3, 1, 2, 3, 4, 5, 2, 1])
    yield "handful/06-peak-first", text([15, 1, 14, 2, 13, 3, 12, 4, 11, 5, 10, 6, 9, 7, 8])
    yield "handful/07-peak-last", text([1, 10**9, 2, 10**9 - 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
    for at, high in enumerate([3, 5, 9, 15, 10**9, 10**9], 8):
        yield f"handful/{at:02}-random", text(some(15 - (at % 2), high))
    yield "class/01-random", text(some(1500, 10**9))
    yield "class/02-few-heights", text(some(1500, 40))
    yield "class/03-mountain", text(mountain(1500, 10_000, 0.5))
    yield "class/04-rising", text(list(range(1, 1501)))
    yield "class/05-valley", text([abs(750 - at) + 1 for at in range(1500)])
    yield "festival/01-random", text(some(80_000, 999))
    yield "festival/02-mountain", text(mountain(80_000, 9_999, 0.3))
    yield "festival/03-large", text(some(10_000, 10**9))
