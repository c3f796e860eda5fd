# Compares each height with the one before it only.
n, d = map(int, input().split())
h = list(map(int, input().split()))
first, longest, begin = 0, 0, 0
for now in range(n):
    if now and abs(h[now] - h[now - 1]) > d:
        first = now
    if now - first + 1 > longest:
        longest, begin = now - first + 1, first
print(longest, begin + 1)
