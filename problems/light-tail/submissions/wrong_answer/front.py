# Takes the front of the train instead of its tail.
def lightTail(train, strength):
    wagon, last = train, None
    while wagon is not None and wagon.val <= strength:
        strength -= wagon.val
        last, wagon = wagon, wagon.next
    if last is None:
        return None
    last.next = None
    return train
