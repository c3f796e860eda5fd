# Wants all 26 letters, also those that do not occur.
cord = input()
seen, begin, best = [0] * 26, 0, (len(cord), 1)
for end, letter in enumerate(cord):
    seen[ord(letter) - 97] += 1
    while all(seen):
        best = min(best, (end - begin + 1, begin + 1))
        seen[ord(cord[begin]) - 97] -= 1
        begin += 1
print(*best)
