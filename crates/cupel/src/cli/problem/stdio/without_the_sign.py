# Forgets that numbers may be negative.
a, b = map(int, input().split())
print(abs(a) + abs(b))
