# Searches the distance: the places from which a village is near enough are an interval, and all must overlap.
import math

n = int(input())
villages = [tuple(map(int, input().split())) for _ in range(n)]
low, high = max(abs(y) for _, y in villages), 3e6
for _ in range(60):
    radius = (low + high) / 2
    west, east = -math.inf, math.inf
    for x, y in villages:
        half = math.sqrt(max(0.0, (radius - y) * (radius + y)))
        west = max(west, x - half)
        east = min(east, x + half)
        if west > east:
            break
    if west <= east:
        high = radius
    else:
        low = radius
print(high)
