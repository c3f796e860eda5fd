"""Tests of Clockwork Frog."""
import random

ANSWERS = "submissions/accepted/visited.py"
INVALID = ["", "0\n\n", "2\n1\n", "1\n1 2\n", "1\n1000000001\n", "1\n1", "1\n1.0\n", "1\n1\n1\n", "1\n+1\n"]


def text(jumps):
    return f"{len(jumps)}\n{' '.join(map(str, jumps))}\n"


def one_ring(rng, pads, enters_at):
    """The frog visits all pads in a random order, and then goes back to the one it was on as number `enters_at`."""
    order = [0] + rng.sample(range(1, pads), pads - 1)
    jumps = [0] * pads
    for pad, onto in zip(order, order[1:] + [order[enters_at]]):
        jumps[pad] = onto - pad
    return jumps


def cases():
    rng = random.Random(1013)
    yield "sample/1", text([2, 3, -1, 7, 3])
    yield "sample/2", text([0, 5, 5])
    yield "secret/01-one-pad", text([7])
    yield "secret/02-round-and-round", text([10**9, -(10**9), 10**9])
    yield "secret/03-backward", text([-1, -1, -1, -1, -1])
    yield "secret/04-multiples", text([5, 1, 1, 1, 1])
    yield "secret/05-not-back-to-0", text([1, 1, 1, -1])
    yield "secret/06-two-pads", text([-3, 4])
    for at, (pads, most) in enumerate([(10, 20), (100, 10**9), (1000, 10**9), (5000, 10**9)], 7):
        yield f"secret/{at:02}-random", text([rng.randint(-most, most) for _ in range(pads)])
    yield "secret/11-all-pads", text(one_ring(rng, 2000, 0))
    yield "secret/12-all-pads-tail", text(one_ring(rng, 3000, 1234))
    yield "secret/13-once-round", text([1] * 50_000)
    yield "secret/14-once-round-backward", text([-1] * 50_000)
    yield "secret/15-to-the-end", text([3] * 49_999 + [0])
