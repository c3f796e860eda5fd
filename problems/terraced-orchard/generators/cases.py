"""Tests of Terraced Orchard: n and h, then the heights, which the interactor alone reads."""
import random

INVALID = [
    "",
    "0 1\n",
    "61 1\n",
    "2 1\n1 2\n1\n",
    "2 1\n2 1\n2 3\n",
    "2 1\n1 2\n0 3\n",
    "1 1\n1 \n",
    "1 1\n1",
    "1 1\n1000000001\n",
    "1 1\n1\n1\n",
]


def text(size, height, rows):
    return f"{size} {height}\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows)


def slope(rng, size, step, low=0):
    """Each tree a random bit above the higher of its two lower neighbours."""
    rows = [[0] * size for _ in range(size)]
    for r in range(size):
        for c in range(size):
            ground = max(rows[r - 1][c] if r else low, rows[r][c - 1] if c else low)
            rows[r][c] = ground + rng.randint(0, step)
    return rows


def staircase(size, height, found):
    """Trees below the falling diagonal are lower than `height`, those above it higher, and one on it may be equal."""
    rows = [[height + (1 if r + c >= size else -1) * (1 + abs(r + c - size)) for c in range(size)] for r in range(size)]
    if found is not None:
        rows[found][size - 1 - found] = height
    return rows


def cases():
    rng = random.Random(1005)
    small = [[1, 4, 6], [2, 5, 8], [3, 9, 9]]
    found = []
    found.append(("one-found", text(1, -3, [[-3]])))
    found.append(("one-none", text(1, 4, [[5]])))
    found.append(("all-equal", text(60, 8, [[8] * 60] * 60)))
    found.append(("all-higher", text(60, -(10**9), [[10**9] * 60] * 60)))
    found.append(("all-lower", text(60, 10**9, [[-(10**9)] * 60] * 60)))
    for name, r, c in [("first", 0, 0), ("top-right", 0, 49), ("bottom-left", 49, 0), ("last", 49, 49)]:
        rows = [[2 * (i + j) for j in range(50)] for i in range(50)]
        if name == "first":
            rows[0][0] = -1
        elif name == "last":
            rows[49][49] = 1001
        else:
            for i in range(50):
                for j in range(50):
                    rows[i][j] = (i if name == "top-right" else j) * 1000 + (j if name == "top-right" else i)
        found.append((name, text(50, rows[r][c], rows)))
    for at in (None, 0, 30, 59):
        found.append(("staircase", text(60, 7, staircase(60, 7, at))))
    for size, step, there in [(2, 3, True), (7, 5, True), (7, 5, False), (40, 30, True), (60, 10**7, True), (60, 9, True)]:
        rows = slope(rng, size, step, -20)
        values = {height for row in rows for height in row}
        height = rng.choice(sorted(values)) if there else next(h for h in range(min(values), 10**9) if h not in values)
        found.append(("random", text(size, height, rows)))
    rows = [[1000 * r + 2 * c for c in range(60)] for r in range(60)]
    found.append(("row-by-row-found", text(60, 33_060, rows)))
    found.append(("row-by-row-none", text(60, 33_061, rows)))
    yield "sample/1", text(3, 5, small), "found\n"
    yield "sample/2", text(3, 7, small), "none\n"
    for at, (name, input_text) in enumerate(found, 1):
        head, *rest = input_text.split("\n")
        there = head.split()[1] in " ".join(rest).split()
        yield f"secret/{at:02}-{name}", input_text, "found\n" if there else "none\n"
