# Divides with floating-point numbers, which have 53 bits.
for _ in range(int(input())):
    n, k = map(int, input().split())
    print(n + int((n - 1) / (k - 1)))
