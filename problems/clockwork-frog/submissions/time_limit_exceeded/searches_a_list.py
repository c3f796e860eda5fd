# Searches the list of all pads so far after each jump.
n = int(input())
jumps = list(map(int, input().split()))
been = []
pad = 0
while all(other != pad for other in been):
    been.append(pad)
    pad = (pad + jumps[pad]) % n
print(len(been), pad)
