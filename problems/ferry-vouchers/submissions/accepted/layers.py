# For each number of vouchers used, one search; it begins where one voucher less could bring us.
import sys
from heapq import heapify, heappop, heappush


def main():
    data = list(map(int, sys.stdin.buffer.read().split()))
    n, m, k = data[:3]
    ways = [[] for _ in range(n + 1)]
    for at in range(3, 3 + 3 * m, 3):
        a, b, price = data[at : at + 3]
        ways[a].append((b, price))
        ways[b].append((a, price))
    never = 1 << 60
    cost = [never] * (n + 1)
    cost[1] = 0
    for used in range(k + 1):
        if used:
            free = cost[:]
            for a in range(1, n + 1):
                for b, _ in ways[a]:
                    if cost[a] < free[b]:
                        free[b] = cost[a]
            cost = free
        heap = [(price, at) for at, price in enumerate(cost) if price < never]
        heapify(heap)
        while heap:
            paid, a = heappop(heap)
            if paid > cost[a]:
                continue
            for b, price in ways[a]:
                if paid + price < cost[b]:
                    cost[b] = paid + price
                    heappush(heap, (cost[b], b))
    print(cost[n] if cost[n] < never else -1)


main()
