low, high = 1, 100
while low < high:
    middle = (low + high) // 2
    print("?", middle, flush=True)
    answer = input()
    if answer == "equal":
        low = high = middle
    elif answer == "more":
        low = middle + 1
    else:
        high = middle - 1
print("!", low, flush=True)
