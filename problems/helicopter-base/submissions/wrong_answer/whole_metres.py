# Tries whole numbers only.
n = int(input())
villages = [tuple(map(int, input().split())) for _ in range(n)]


def farthest(at):
    return max((x - at) ** 2 + y * y for x, y in villages)


low, high = -1_000_000, 1_000_000
while low < high:
    middle = (low + high) // 2
    if farthest(middle) < farthest(middle + 1):
        high = middle
    else:
        low = middle + 1
print(farthest(low) ** 0.5)
