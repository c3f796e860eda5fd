# Searches the list of all pads so far after each jump.
n = int(input())
jumps = list(map(int, input().split()))
been = []
pad = 0
while pad not in been:
    been.append(pad)
    pad = (pad + jumps[pad]) % n
print(len(been), pad)
