a, b = map(int, input().split())
print(a / b if a > 1 else 0)
