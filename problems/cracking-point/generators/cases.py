"""Tests of Cracking Point: the input is the temperature that is looked for, and the interactor alone reads it."""
import random

INVALID = ["", "0\n", "1000001\n", "-5\n", "7", "7 8\n", "x\n", "7\n7\n"]


def cases():
    rng = random.Random(1004)
    yield "sample/1", "700\n", "700\n"
    corners = [1, 2, 3, 999_999, 1_000_000, 500_000, 500_001, 524_288, 524_287, 475_712, 475_713]
    for at, t in enumerate(corners + [rng.randint(1, 1_000_000) for _ in range(9)], 1):
        yield f"secret/{at:02}", f"{t}\n", f"{t}\n"
