# Counts seconds with several noises several times.
n = int(input())
noises = sorted(tuple(map(int, input().split())) for _ in range(n))
quiet, until = 0, noises[0][0]
for start, end in noises:
    quiet = max(quiet, start - until)
    until = max(until, end)
print(sum(end - start for start, end in noises), quiet)
