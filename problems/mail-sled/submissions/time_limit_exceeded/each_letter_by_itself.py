# Climbs from each letter all the way up to the post office, also where it has been before.
n, k = map(int, input().split())
ways = [[] for _ in range(n + 1)]
for _ in range(n - 1):
    a, b, length = map(int, input().split())
    ways[a].append((b, length))
    ways[b].append((a, length))
before, path, order = [0] * (n + 1), [0] * (n + 1), [1]
for house in order:
    for other, length in ways[house]:
        if other != before[house]:
            before[other], path[other] = house, length
            order.append(other)
used, farthest = set(), 0
for house in map(int, input().split()):
    climbed = 0
    while house != 1:
        used.add(house)
        climbed += path[house]
        house = before[house]
    farthest = max(farthest, climbed)
print(2 * sum(path[house] for house in used) - farthest)
