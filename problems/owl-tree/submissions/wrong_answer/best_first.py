# Takes the best view that is left, again and again.
def owlTree(tree, owls):
    order, above = [tree] if tree else [], {}
    for node in order:
        for child in (node.left, node.right):
            if child is not None:
                above[id(child)] = node
                order.append(child)
    taken, total = set(), 0
    for node in sorted(order, key=lambda node: -node.val):
        near = [node.left, node.right, above.get(id(node))]
        if len(taken) < owls and node.val > 0 and not any(id(other) in taken for other in near if other):
            taken.add(id(node))
            total += node.val
    return total
