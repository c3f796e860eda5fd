# Reads the first wagon of a train that has none.
def lightTail(train, strength):
    weights = [train.val]
    while train.next is not None:
        train = train.next
        weights.append(train.val)
    tail = None
    for weight in reversed(weights):
        strength -= weight
        if strength < 0:
            break
        tail = ListNode(weight, tail)
    return tail
