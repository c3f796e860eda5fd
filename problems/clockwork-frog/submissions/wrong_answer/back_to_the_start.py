# Waits for the frog to come back to pad 0, or for n jumps.
n = int(input())
jumps = list(map(int, input().split()))
pad = count = 0
while count < n:
    pad = (pad + jumps[pad]) % n
    count += 1
    if pad == 0:
        break
print(count, pad)
