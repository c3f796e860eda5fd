# Forgets that the swapped bottles can be swapped again.
for _ in range(int(input())):
    n, k = map(int, input().split())
    print(n + n // k)
