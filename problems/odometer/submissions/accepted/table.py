# ways[left][digit][rest]: how to go on after `digit` with `left` more digits, so that the sum, which leaves `rest` so far,
# becomes divisible.
def main():
    def below(limit):
        """How many of the numbers from 1 to limit - 1 count."""
        digits = list(map(int, str(limit)))
        total = sum(ways[length - 1][first][first % m] for length in range(1, len(digits)) for first in range(1, 10))
        before, rest = None, 0
        for at, digit in enumerate(digits):
            for smaller in range(0 if at else 1, digit):
                if smaller != before:
                    total += ways[len(digits) - at - 1][smaller][(rest + smaller) % m]
            if digit == before:
                break
            before, rest = digit, (rest + digit) % m
        return total

    for _ in range(int(input())):
        a, b, m = map(int, input().split())
        ways = [[[int(rest == 0) for rest in range(m)]] * 10]
        for _ in range(18):
            row = []
            for digit in range(10):
                counts = [0] * m
                for following in range(10):
                    if following != digit:
                        later = ways[-1][following]
                        shift = following % m
                        counts = [x + y for x, y in zip(counts, later[shift:] + later[:shift])]
                row.append(counts)
            ways.append(row)
        print(below(b + 1) - below(a))


main()
