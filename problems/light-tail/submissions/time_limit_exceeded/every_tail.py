# Adds up every tail anew.
def lightTail(train, strength):
    while train is not None:
        total, wagon = 0, train
        while wagon is not None:
            total += wagon.val
            wagon = wagon.next
        if total <= strength:
            return train
        train = train.next
    return None
