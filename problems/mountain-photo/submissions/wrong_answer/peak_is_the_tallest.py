# Takes the first of the tallest people for the peak.
from bisect import bisect_left


def rising(heights):
    tails, longest = [], []
    for height in heights:
        at = bisect_left(tails, height)
        tails[at : at + 1] = [height]
        longest.append(at + 1)
    return longest


input()
heights = list(map(int, input().split()))
peak = heights.index(max(heights))
print(rising(heights)[peak] + rising(heights[::-1])[len(heights) - 1 - peak] - 1)
