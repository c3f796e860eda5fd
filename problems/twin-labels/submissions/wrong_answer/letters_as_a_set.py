# Forgets how often a letter occurs.
from collections import Counter

n = int(input())
kinds = Counter((frozenset(label), len(label)) for label in (input() for _ in range(n)))
print(sum(count * (count - 1) // 2 for count in kinds.values()))
