NEVER = -(10**18)


def joined(a, b, most):
    """The best of two independent parts, by how many owls they have together."""
    both = [NEVER] * min(len(a) + len(b) - 1, most)
    for i, x in enumerate(a):
        for j, y in enumerate(b[:len(both) - i] if i < len(both) else []):
            if x + y > both[i + j]:
                both[i + j] = x + y
    return both


def owlTree(tree, owls):
    if tree is None:
        return 0
    # Parents before children; the tree may be too high for recursion.
    order = [tree]
    for node in order:
        order += [child for child in (node.left, node.right) if child is not None]
    tables = {}
    for node in reversed(order):
        without, within = [0], [NEVER, node.val]
        for child in (node.left, node.right):
            if child is not None:
                child_without, child_within = tables.pop(id(child))
                longer = max(len(child_without), len(child_within))
                a = child_without + [NEVER] * (longer - len(child_without))
                b = child_within + [NEVER] * (longer - len(child_within))
                without = joined(without, list(map(max, a, b)), owls + 1)
                within = joined(within, child_without, owls + 1)
        tables[id(node)] = without[:owls + 1], within[:owls + 1]
    return max(max(table) for table in tables[id(tree)])
