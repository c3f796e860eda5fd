# Lets every owl move in for whom there is room, whatever the view.
NEVER = -(10**18)


def joined(a, b, most):
    both = [NEVER] * min(len(a) + len(b) - 1, most)
    for i, x in enumerate(a[:most]):
        for j, y in enumerate(b[:most - i]):
            both[i + j] = max(both[i + j], x + y)
    return both


def owlTree(tree, owls):
    order = [tree] if tree else []
    for node in order:
        order += [child for child in (node.left, node.right) if child is not None]
    tables = {}
    for node in reversed(order):
        without, within = [0], [NEVER, node.val]
        for child in (node.left, node.right):
            if child is not None:
                a, b = tables.pop(id(child))
                longer = max(len(a), len(b))
                both = [max(t[i] if i < len(t) else NEVER for t in (a, b)) for i in range(longer)]
                without, within = joined(without, both, owls + 1), joined(within, a, owls + 1)
        tables[id(node)] = without, within
    if not order:
        return 0
    last = [max(t[i] if i < len(t) else NEVER for t in tables[id(tree)]) for i in range(owls + 1)]
    return [best for best in last if best > NEVER // 2][-1]
