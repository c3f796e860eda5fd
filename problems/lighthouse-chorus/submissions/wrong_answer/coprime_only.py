# Takes periods with a common divisor for lights that never meet.
from math import gcd

now, every = 0, 1
for _ in range(int(input())):
    first, period = map(int, input().split())
    if gcd(every, period) > 1 and (first - now) % period:
        print("never")
        break
    if gcd(every, period) == 1:
        now += every * ((first - now) * pow(every, -1, period) % period)
    every *= period // gcd(every, period)
else:
    print(now)
