# A swap turns k empty bottles into one, once it is drunk: k - 1 less. The last empty bottle can never be swapped.
for _ in range(int(input())):
    n, k = map(int, input().split())
    print(n + (n - 1) // (k - 1))
