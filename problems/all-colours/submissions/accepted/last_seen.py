# The shortest piece that ends at a bead begins where the colour was last seen that has not been seen for longest.
cord = input()
colours = len(set(cord))
last = {}
best = (len(cord) + 1, 0)
for at, colour in enumerate(cord, 1):
    last.pop(colour, None)
    last[colour] = at  # a dict keeps its keys in the order in which they were put in: the oldest is the first
    if len(last) == colours:
        begin = next(iter(last.values()))
        best = min(best, (at - begin + 1, begin))
print(*best)
