"""Tests of Owl Tree."""
import json
import random

INVALID = [
    "",
    "[1]\n",
    "[1]\n201\n",
    "[1]\n-1\n",
    "[null,1]\n1\n",
    "[1,null,null,2]\n1\n",
    "[1,null]\n1\n",
    "[1000000001]\n1\n",
    "[1]\n1",
    "[1.0]\n1\n",
    '["1"]\n1\n',
    "[" + ",".join(["1"] * 2001) + "]\n1\n",
]
NEVER = -(10**18)


def best(places, owls):
    """The answer, over the tree in level order: what each hollow gives with so many owls, inhabited or not."""
    nodes = [at for at, view in enumerate(places) if view is not None]
    children = {at: [] for at in nodes}
    for place, view in enumerate(places[1:], 1):
        if view is not None:
            children[nodes[(place - 1) // 2]].append(place)
    tables = {}
    for at in reversed(nodes):
        empty, full = [0], [NEVER, places[at]]
        for child in children[at]:
            below_empty, below_full = tables.pop(child)
            size = max(len(below_empty), len(below_full))
            either = [max(t[i] if i < len(t) else NEVER for t in (below_empty, below_full)) for i in range(size)]
            empty, full = joined(empty, either, owls), joined(full, below_empty, owls)
        tables[at] = empty, full
    if not nodes:
        return 0
    return max(max(table[:owls + 1]) for table in tables[0])


def joined(a, b, owls):
    both = [NEVER] * min(len(a) + len(b) - 1, owls + 2)
    for i, x in enumerate(a):
        for j, y in enumerate(b[:max(0, len(both) - i)]):
            both[i + j] = max(both[i + j], x + y)
    return both


def level_order(shape):
    """Nested (view, left, right) as places."""
    places, waiting = [], [shape]
    for node in waiting:
        places.append(node and node[0])
        if node:
            waiting += node[1:]
    while places and places[-1] is None:
        places.pop()
    return places


def case(name, places, owls):
    return name, json.dumps(places, separators=(",", ":")) + f"\n{owls}\n", f"{best(places, owls)}\n"


def grown(rng, count, view, wild):
    """A tree to which hollows are added at random free places; `wild` (0 to 1): how often near the newest."""
    nodes = [[view(), None, None]]
    free = [(nodes[0], 1), (nodes[0], 2)]
    while len(nodes) < count:
        at = len(free) - 1 - rng.randrange(2) if rng.random() < wild else rng.randrange(len(free))
        parent, side = free.pop(at)
        parent[side] = [view(), None, None]
        nodes.append(parent[side])
        free += [(parent[side], 1), (parent[side], 2)]
    return level_order(nodes[0])


def chain(views, sides):
    shape = None
    for view, side in zip(reversed(views), reversed(sides)):
        shape = [view, shape, None] if side == 0 else [view, None, shape]
    return level_order(shape)


def cases():
    rng = random.Random(2203)

    def up_to(most):
        return lambda: rng.randint(-most, most)

    yield case("sample/1", [3, 10, 2, 9, None, None, 8], 2)
    yield case("sample/2", [4, -2, 5, 6, 1, None, -7], 5)
    yield case("secret/01-no-tree", [], 3)
    yield case("secret/02-no-owls", [5], 0)
    yield case("secret/03-one", [5], 1)
    yield case("secret/04-bad-views", [-1, -2, -3], 2)
    yield case("secret/05-root-or-children", [10, 6, 6], 2)
    yield case("secret/06-root-or-one-child", [10, 6, 6], 1)
    yield case("secret/07-greedy-fails", [9, 10, 9, 8, 8], 3)
    yield case("secret/08-grandchildren", [1, 5, 5, 4, 4, 4, 4], 4)
    yield case("secret/09-more-than-32-bits", [0, 0, 0] + [10**9] * 4, 4)
    yield case("secret/10-null-first", [1, None, 7, None, 3], 2)
    for number in range(6):
        yield case(f"secret/11-small-{number}", grown(rng, 12, up_to(20), 0.3), rng.randint(1, 5))
    yield case("secret/12-random", grown(rng, 300, up_to(10**9), 0.2), 40)
    yield case("secret/13-random", grown(rng, 1000, up_to(10**9), 0.6), 100)
    high = 2000
    yield case("secret/14-chain-left", chain([rng.randint(1, 10**9) for _ in range(high)], [0] * high), 200)
    sides = [rng.randrange(2) for _ in range(high)]
    yield case("secret/15-zigzag", chain([rng.randint(-5, 10**9) for _ in range(high)], sides), 150)
    yield case("secret/16-full", [rng.randint(-100, 10**9) for _ in range(2000)], 200)
    yield case("secret/17-equal", [10**9] * 2000, 200)
    yield case("secret/18-large", grown(rng, 2000, up_to(10**9), 0.4), 200)
