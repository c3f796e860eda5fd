# Two pointers, but makes the set of colours anew for each piece.
cord = input()
colours = set(cord)
begin, best = 0, (len(cord) + 1, 0)
for end in range(1, len(cord) + 1):
    while set(cord[begin:end]) == colours:
        best = min(best, (end - begin, begin + 1))
        begin += 1
print(*best)
