# Tries every number of things of a kind for every load.
n, load = map(int, input().split())
best = [0] * (load + 1)
for _ in range(n):
    weight, price, count = map(int, input().split())
    for at in range(load, weight - 1, -1):
        best[at] = max(best[at - k * weight] + k * price for k in range(min(count, at // weight) + 1))
print(best[load])
