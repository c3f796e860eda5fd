# Finds the cheapest way without vouchers, and uses them for its dearest crossings.
from heapq import heappop, heappush

n, m, k = map(int, input().split())
ways = [[] for _ in range(n + 1)]
for _ in range(m):
    a, b, price = map(int, input().split())
    ways[a].append((b, price))
    ways[b].append((a, price))
heap, done, before = [(0, 1, 0, 0)], {}, {}
while heap:
    paid, a, source, last = heappop(heap)
    if a in done:
        continue
    done[a] = paid
    before[a] = (source, last)
    for b, price in ways[a]:
        heappush(heap, (paid + price, b, a, price))
if n not in done:
    print(-1)
else:
    prices, at = [], n
    while at != 1:
        at, price = before[at]
        prices.append(price)
    prices.sort()
    print(sum(prices[: max(0, len(prices) - k)]))
