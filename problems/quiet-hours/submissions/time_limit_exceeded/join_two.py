# Puts each noise into the list of those so far and joins it with all that it touches.
n = int(input())
joined = []
for _ in range(n):
    start, end = map(int, input().split())
    apart = []
    for s, e in joined:
        if e < start or end < s:
            apart.append((s, e))
        else:
            start, end = min(s, start), max(e, end)
    joined = apart + [(start, end)]
joined.sort()
print(sum(e - s for s, e in joined), max((b[0] - a[1] for a, b in zip(joined, joined[1:])), default=0))
