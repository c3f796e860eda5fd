# Every path that leads to a letter is travelled twice, but for those on the way to the farthest one.
import sys


def main():
    data = list(map(int, sys.stdin.buffer.read().split()))
    n, k = data[:2]
    ways = [[] for _ in range(n + 1)]
    for at in range(2, 2 + 3 * (n - 1), 3):
        a, b, length = data[at : at + 3]
        ways[a].append((b, length))
        ways[b].append((a, length))
    letter = [False] * (n + 1)
    for house in data[2 + 3 * (n - 1) :]:
        letter[house] = True
    before, path, depth, order = [0] * (n + 1), [0] * (n + 1), [0] * (n + 1), [1]
    for house in order:
        for other, length in ways[house]:
            if other != before[house]:
                before[other], path[other], depth[other] = house, length, depth[house] + length
                order.append(other)
    farthest = max(depth[house] for house in range(1, n + 1) if letter[house])
    total = 0
    for house in reversed(order[1:]):
        if letter[house]:
            total += path[house]
            letter[before[house]] = True
    print(2 * total - farthest)


main()
