# Walks from the west end metre by metre for as long as it gets better, then back in ever smaller steps.
n = int(input())
villages = [tuple(map(int, input().split())) for _ in range(n)]


def farthest(at):
    return max((x - at) ** 2 + y * y for x, y in villages)


at, step = -1_000_000.0, 1.0
best = farthest(at)
while abs(step) > 1e-9:
    now = farthest(at + step)
    if now < best:
        at, best = at + step, now
    else:
        step /= -2
print(best**0.5)
