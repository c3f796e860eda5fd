# Lets people of the same height stand side by side.
from bisect import bisect_right


def rising(heights):
    tails, longest = [], []
    for height in heights:
        at = bisect_right(tails, height)
        tails[at : at + 1] = [height]
        longest.append(at + 1)
    return longest


input()
heights = list(map(int, input().split()))
print(max(a + b - 1 for a, b in zip(rising(heights), reversed(rising(reversed(heights))))))
