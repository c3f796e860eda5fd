print(*sorted(input().split(), key=str.lower))
