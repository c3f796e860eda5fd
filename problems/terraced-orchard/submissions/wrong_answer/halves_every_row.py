# A binary search in each row: about n log n measurements.
n, h = map(int, input().split())


def search():
    for row in range(1, n + 1):
        low, high = 1, n
        while low <= high:
            middle = (low + high) // 2
            print("?", row, middle, flush=True)
            here = int(input())
            if here == h:
                return row, middle
            if here < h:
                low = middle + 1
            else:
                high = middle - 1
    return ("none",)


print("!", *search(), flush=True)
