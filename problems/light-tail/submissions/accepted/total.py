def lightTail(train, strength):
    total, wagon = 0, train
    while wagon is not None:
        total += wagon.val
        wagon = wagon.next
    while total > strength:
        total -= train.val
        train = train.next
    return train
