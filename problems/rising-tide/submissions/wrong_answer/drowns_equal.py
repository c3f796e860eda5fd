# Takes a field whose height equals the level for flooded.
from bisect import bisect_right

n, q = map(int, input().split())
heights = list(map(int, input().split()))
seams = sorted(map(min, heights, heights[1:]))
heights.sort()
for t in map(int, input().split()):
    print(n - bisect_right(heights, t) - (n - 1 - bisect_right(seams, t)))
