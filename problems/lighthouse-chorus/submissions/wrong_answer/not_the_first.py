# Multiplies the periods where their least common multiple belongs, and finds a second that may be too late.
from math import gcd

lights = [tuple(map(int, input().split())) for _ in range(int(input()))]
now, every = 0, 1
for first, period in lights:
    shared = gcd(every, period)
    if (first - now) % shared:
        print("never")
        break
    rest = period // shared
    times = (first - now) // shared * pow(every // shared, -1, rest) % rest
    now += every * (times + rest * (shared - 1))
    every *= rest
else:
    print(now)
