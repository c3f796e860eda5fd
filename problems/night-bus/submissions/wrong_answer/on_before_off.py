# Counts the people who get on before the others have left.
n = int(input())
aboard, most, where = 0, -1, 0
for stop in range(1, n + 1):
    off, on = map(int, input().split())
    if aboard + on > most:
        most, where = aboard + on, stop
    aboard += on - off
print(most, where)
