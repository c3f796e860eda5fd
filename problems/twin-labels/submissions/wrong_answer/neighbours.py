# Counts a kind of k labels as k - 1 pairs.
n = int(input())
labels = sorted("".join(sorted(input())) for _ in range(n))
print(sum(a == b for a, b in zip(labels, labels[1:])))
