# Takes the end of the noise before for the end of all noises before.
n = int(input())
noises = sorted(tuple(map(int, input().split())) for _ in range(n))
noisy = quiet = 0
until = noises[0][0]
for start, end in noises:
    quiet = max(quiet, start - until)
    noisy += max(0, end - max(start, until))
    until = end
print(noisy, quiet)
