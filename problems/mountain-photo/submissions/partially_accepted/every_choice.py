# Tries all ways to let people stay: 20 points.
n = int(input())
heights = list(map(int, input().split()))
best = 0


def go(at, last, falling, count):
    global best
    best = max(best, count)
    for i in range(at, n):
        if heights[i] > last and not falling:
            go(i + 1, heights[i], False, count + 1)
        elif heights[i] < last:
            go(i + 1, heights[i], True, count + 1)


go(0, 0, False, 0)
print(best)
