# tails[k]: the smallest height with which a rising row of k + 1 people can end. Once from each side.
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
print(max(a + b - 1 for a, b in zip(rising(heights), reversed(rising(reversed(heights))))))
