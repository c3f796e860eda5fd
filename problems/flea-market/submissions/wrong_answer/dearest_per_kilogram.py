# Loads what brings most per kilogram first.
n, load = map(int, input().split())
kinds = [tuple(map(int, input().split())) for _ in range(n)]
earned = 0
for weight, price, count in sorted(kinds, key=lambda kind: -kind[1] / kind[0]):
    count = min(count, load // weight)
    earned += count * price
    load -= count * weight
print(earned)
