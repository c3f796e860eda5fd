# Two pointers, but asks the whole window for its highest and lowest every time.
n, d = map(int, input().split())
h = list(map(int, input().split()))
first, longest, begin = 0, 0, 0
for now in range(n):
    while max(h[first : now + 1]) - min(h[first : now + 1]) > d:
        first += 1
    if now - first + 1 > longest:
        longest, begin = now - first + 1, first
print(longest, begin + 1)
