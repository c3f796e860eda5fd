import sys
from collections import deque


def main():
    data = list(map(int, sys.stdin.buffer.read().split()))
    allowed, heights = data[1], data[2:]
    low, high = deque(), deque()
    first, longest, begin = 0, 0, 0
    for now, height in enumerate(heights):
        while low and heights[low[-1]] >= height:
            low.pop()
        low.append(now)
        while high and heights[high[-1]] <= height:
            high.pop()
        high.append(now)
        while heights[high[0]] - heights[low[0]] > allowed:
            first += 1
            if low[0] < first:
                low.popleft()
            if high[0] < first:
                high.popleft()
        if now - first + 1 > longest:
            longest, begin = now - first + 1, first
    print(longest, begin + 1)


main()
