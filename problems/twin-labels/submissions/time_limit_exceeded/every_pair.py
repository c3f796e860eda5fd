# Compares every label with every other.
n = int(input())
labels = [sorted(input()) for _ in range(n)]
pairs = 0
for i in range(n):
    for j in range(i):
        if labels[i] == labels[j]:
            pairs += 1
print(pairs)
