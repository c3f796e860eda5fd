# Adds everything up again at every stop.
n = int(input())
stops = [tuple(map(int, input().split())) for _ in range(n)]
most, where = -1, 0
for stop in range(1, n + 1):
    aboard = 0
    for off, on in stops[:stop]:
        aboard += on - off
    if aboard > most:
        most, where = aboard, stop
print(most, where)
