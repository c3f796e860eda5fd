# Returns to the post office.
n, k = map(int, input().split())
ways = [[] for _ in range(n + 1)]
for _ in range(n - 1):
    a, b, length = map(int, input().split())
    ways[a].append((b, length))
    ways[b].append((a, length))
letter = [False] * (n + 1)
for house in map(int, input().split()):
    letter[house] = True
before, path, order = [0] * (n + 1), [0] * (n + 1), [1]
for house in order:
    for other, length in ways[house]:
        if other != before[house]:
            before[other], path[other] = house, length
            order.append(other)
total = 0
for house in reversed(order[1:]):
    if letter[house]:
        total += path[house]
        letter[before[house]] = True
print(2 * total)
