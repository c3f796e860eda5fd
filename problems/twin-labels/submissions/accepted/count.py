import sys
from collections import Counter

labels = sys.stdin.read().split()[1:]
kinds = Counter("".join(sorted(label)) for label in labels)
print(sum(count * (count - 1) // 2 for count in kinds.values()))
