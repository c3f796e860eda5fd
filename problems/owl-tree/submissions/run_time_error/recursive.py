# The tree is higher than Python recurses.
def owlTree(tree, owls):
    def visit(node):
        if node is None:
            return {0: 0}, {0: 0}
        (left, left_empty), (right, right_empty) = visit(node.left), visit(node.right)
        empty, best = {}, {}
        for i, x in left.items():
            for j, y in right.items():
                if i + j <= owls:
                    empty[i + j] = max(empty.get(i + j, x + y), x + y)
        best.update(empty)
        for i, x in left_empty.items():
            for j, y in right_empty.items():
                if i + j + 1 <= owls:
                    best[i + j + 1] = max(best.get(i + j + 1, x + y + node.val), x + y + node.val)
        return best, empty

    return max(visit(tree)[0].values())
