# Compares each skier with all who arrived before.
n = int(input())
order = list(map(int, input().split()))
total, most, who = 0, -1, 0
for arrived, skier in enumerate(order):
    by = sum(other > skier for other in order[:arrived])
    total += by
    if by > most:
        most, who = by, skier
print(total, who)
