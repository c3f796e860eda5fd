# Walks along the reef once for each different level: 55 points.
n, q = map(int, input().split())
heights = list(map(int, input().split()))
known = {}
for t in map(int, input().split()):
    if t not in known:
        dry = [height >= t for height in heights]
        known[t] = dry[0] + sum(b and not a for a, b in zip(dry, dry[1:]))
    print(known[t])
