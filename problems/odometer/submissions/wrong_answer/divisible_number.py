# Asks whether the number is divisible, not the sum of its digits; and gives up on long ranges.
for _ in range(int(input())):
    a, b, m = map(int, input().split())
    numbers = range(a, min(b, a + 2_000) + 1)
    print(sum(n % m == 0 and all(x != y for x, y in zip(str(n), str(n)[1:])) for n in numbers))
