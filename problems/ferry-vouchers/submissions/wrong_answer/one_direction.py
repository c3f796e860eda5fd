# Takes ferries from their first harbour to their second only.
from heapq import heappop, heappush

n, m, k = map(int, input().split())
ways = [[] for _ in range(n + 1)]
for _ in range(m):
    a, b, price = map(int, input().split())
    ways[a].append((b, price))
heap, done = [(0, 1, 0)], set()
while heap:
    paid, a, used = heappop(heap)
    if a == n:
        print(paid)
        break
    if (a, used) in done:
        continue
    done.add((a, used))
    for b, price in ways[a]:
        heappush(heap, (paid + price, b, used))
        if used < k:
            heappush(heap, (paid, b, used + 1))
else:
    print(-1)
