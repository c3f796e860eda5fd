# Takes the middle between the westernmost and the easternmost village.
n = int(input())
villages = [tuple(map(int, input().split())) for _ in range(n)]
at = (min(x for x, _ in villages) + max(x for x, _ in villages)) / 2
print(max(((x - at) ** 2 + y * y) ** 0.5 for x, y in villages))
