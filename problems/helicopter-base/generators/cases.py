"""Tests of Helicopter Base."""
import random

ANSWERS = "submissions/accepted/ternary.cpp"
INVALID = ["", "0\n", "1\n1\n", "1\n1 1000001\n", "1\n1.5 2\n", "2\n1 1\n", "1\n1 1\n1 1\n", "1\n1 -0\n", "1\n1 1"]


def text(villages):
    return f"{len(villages)}\n" + "".join(f"{x} {y}\n" for x, y in villages)


def cases():
    rng = random.Random(1006)

    def spread(count, far_x, far_y):
        return [(rng.randint(-far_x, far_x), rng.randint(-far_y, far_y)) for _ in range(count)]

    yield "sample/1", text([(0, 2), (4, -2), (3, 0)])
    yield "sample/2", text([(40, 100), (-10, 5), (10, 7)])
    yield "secret/01-one", text([(5, -7)])
    yield "secret/02-one-on-the-axis", text([(-3, 0)])
    yield "secret/03-same-place", text([(8, 3)] * 5)
    yield "secret/04-on-the-axis", text([(0, 0), (1, 0), (7, 0), (-2, 0)])
    yield "secret/05-same-column", text([(4, 1), (4, -9), (4, 3)])
    yield "secret/06-corners", text([(x, y) for x in (-(10**6), 10**6) for y in (-(10**6), 10**6)])
    yield "secret/07-unequal", text([(-(10**6), 1), (10**6, 10**6)])
    yield "secret/08-tiny-beside-far", text([(10**6, 0), (10**6 - 1, 1), (10**6 - 1, -1), (10**6 - 3, 1)])
    yield "secret/09-half", text([(0, 0), (1, 0)])
    yield "secret/10-far-north", text([(-(10**6), 10**6), (-(10**6) + 1, 10**6)])
    yield "secret/11-crowd-in-the-east", text([(rng.randint(900, 1000), rng.randint(0, 5)) for _ in range(300)] + [(0, 0)])
    yield "secret/12-random", text(spread(3, 10, 10))
    yield "secret/13-random", text(spread(50, 1000, 1000))
    yield "secret/14-flat", text(spread(300, 10**6, 10))
    yield "secret/15-steep", text(spread(300, 10, 10**6))
    yield "secret/16-many", text(spread(2000, 10**6, 10**6))
    circle = []
    while len(circle) < 2000:
        x = rng.randint(-999_999, 999_999)
        y = round((10**12 - x * x) ** 0.5)
        circle.append((x, y))
    yield "secret/17-circle", text(circle)
