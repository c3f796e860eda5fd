# Takes a field whose height equals the level for flooded.
n, q = map(int, input().split())
heights = list(map(int, input().split()))
for t in map(int, input().split()):
    dry = [height > t for height in heights]
    print(dry[0] + sum(b and not a for a, b in zip(dry, dry[1:])))
