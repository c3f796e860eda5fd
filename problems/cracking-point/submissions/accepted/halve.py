low, high = 1, 1_000_000
while low < high:
    middle = (low + high + 1) // 2
    print("?", middle, flush=True)
    if input() == "holds":
        low = middle
    else:
        high = middle - 1
print("!", low, flush=True)
