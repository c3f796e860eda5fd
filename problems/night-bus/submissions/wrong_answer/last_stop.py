# Names the last stop after which the bus is fullest, not the first.
n = int(input())
aboard, most, where = 0, -1, 0
for stop in range(1, n + 1):
    off, on = map(int, input().split())
    aboard += on - off
    if aboard >= most:
        most, where = aboard, stop
print(most, where)
