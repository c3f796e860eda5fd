n = int(input())
jumps = list(map(int, input().split()))
been = [False] * n
pad = count = 0
while not been[pad]:
    been[pad] = True
    pad = (pad + jumps[pad]) % n
    count += 1
print(count, pad)
