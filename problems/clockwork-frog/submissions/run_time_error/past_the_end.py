# Forgets that the pads are a ring.
n = int(input())
jumps = list(map(int, input().split()))
been = {}
pad = count = 0
while pad not in been:
    been[pad] = True
    pad += jumps[pad]
    count += 1
print(count, pad)
