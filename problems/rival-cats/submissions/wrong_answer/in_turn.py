# One to the left, one to the right.
n, m = map(int, input().split())
print("".join("AB"[i % 2] for i in range(n)))
