# Dry fields, less the places where two dry fields touch: two neighbours are both dry up to the lower of their heights.
import sys
from bisect import bisect_left


def main():
    data = list(map(int, sys.stdin.buffer.read().split()))
    n = data[0]
    heights, levels = data[2 : 2 + n], data[2 + n :]
    seams = sorted(map(min, heights, heights[1:]))
    heights.sort()
    islands = (n - bisect_left(heights, t) - (n - 1 - bisect_left(seams, t)) for t in levels)
    print("\n".join(map(str, islands)))


main()
