import sys


def main():
    data = list(map(int, sys.stdin.buffer.read().split()))
    noises = sorted(zip(data[1::2], data[2::2]))
    noisy = quiet = 0
    until = noises[0][0]
    for start, end in noises:
        quiet = max(quiet, start - until)
        noisy += max(0, end - max(start, until))
        until = max(until, end)
    print(noisy, quiet)


main()
