# Swaps the last empty bottle together with ones that do not exist.
for _ in range(int(input())):
    n, k = map(int, input().split())
    print(n + n // (k - 1))
