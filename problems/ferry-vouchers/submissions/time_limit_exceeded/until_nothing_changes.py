# Looks at all ferries again and again until no price falls any more.
n, m, k = map(int, input().split())
ferries = []
for _ in range(m):
    a, b, price = map(int, input().split())
    ferries += [(a, b, price), (b, a, price)]
never = 1 << 60
cost = [[never] * (k + 1) for _ in range(n + 1)]
cost[1] = [0] * (k + 1)
changed = True
while changed:
    changed = False
    for a, b, price in ferries:
        for used in range(k + 1):
            now = cost[a][used] + price
            if used and cost[a][used - 1] < now:
                now = cost[a][used - 1]
            if now < cost[b][used]:
                cost[b][used] = now
                changed = True
print(cost[n][k] if cost[n][k] < never else -1)
