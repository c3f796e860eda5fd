# Looks at each second until all lights repeat.
from math import lcm

lights = [tuple(map(int, input().split())) for _ in range(int(input()))]
for second in range(lcm(*(p for _, p in lights))):
    if all(second % p == a for a, p in lights):
        print(second)
        break
else:
    print("never")
