"""Tests of Calm Water."""
import random

ANSWERS = "submissions/accepted/queues.py"
INVALID = ["", "0 1\n\n", "1 -1\n5\n", "2 1\n5\n", "1 1\n5 6\n", "1 1\n5", "1 1\n1000000001\n", "1\n5\n", "1 1\n5\n6\n"]


def text(allowed, heights):
    return f"{len(heights)} {allowed}\n{' '.join(map(str, heights))}\n"


def walk(rng, count, start, step):
    """Heights that move by at most `step` a minute."""
    heights = [start]
    while len(heights) < count:
        heights.append(max(0, min(10**9, heights[-1] + rng.randint(-step, step))))
    return heights


def cases():
    rng = random.Random(1003)
    yield "sample/1", text(3, [1, 9, 7, 5, 6, 8, 2])
    yield "sample/2", text(0, [4, 7, 7, 2, 3, 3])
    yield "secret/01-one", text(0, [5])
    yield "secret/02-all-calm", text(10**9, [0, 10**9, 0, 10**9])
    yield "secret/03-none-calm", text(0, [1, 2, 3, 2, 1])
    yield "secret/04-slow-drift", text(3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    yield "secret/05-falling", text(4, list(range(30, 0, -1)))
    yield "secret/06-old-extreme", text(5, [9, 4, 5, 6, 4, 5, 10, 9, 8, 7, 6, 5, 5, 5, 5, 0, 5, 5])
    yield "secret/07-ends-calm", text(2, [9, 1, 9, 1, 9, 1, 1, 2, 3])
    for at in range(8, 14):
        yield f"secret/{at:02}-random", text(rng.randint(0, 12), [rng.randint(0, 20) for _ in range(rng.randint(5, 40))])
    yield "secret/14-walk", text(40, walk(rng, 3000, 500, 7))
    yield "secret/15-large", text(10**8, walk(rng, 3000, 5 * 10**8, 3 * 10**7))
    yield "secret/16-flat", text(0, [1] * 100_000)
    yield "secret/17-waves", text(4, ([1, 2, 3, 4, 5, 4, 3, 2] * 12_500)[:99_999] + [9])
    yield "secret/18-long-walk", text(99, walk(rng, 100_000, 500, 5))
