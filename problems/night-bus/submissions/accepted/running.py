import sys


def main():
    data = iter(map(int, sys.stdin.buffer.read().split()))
    aboard, most, where = 0, -1, 0
    for stop in range(1, next(data) + 1):
        aboard += next(data) * -1 + next(data)
        if aboard > most:
            most, where = aboard, stop
    print(most, where)


main()
