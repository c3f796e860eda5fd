# Joins the lights one by one: all so far flash in second `now` and then every `every` seconds.
from math import gcd

now, every = 0, 1
for _ in range(int(input())):
    first, period = map(int, input().split())
    shared = gcd(every, period)
    if (first - now) % shared:
        print("never")
        break
    rest = period // shared
    now += every * ((first - now) // shared * pow(every // shared, -1, rest) % rest)
    every *= rest
else:
    print(now)
