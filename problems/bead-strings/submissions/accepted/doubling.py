# Powers of the matrix of allowed neighbours are squared once; a question multiplies a vector with those it needs.
def main():
    M = 1_000_000_007
    k, f, q = map(int, input().split())
    step = [[1] * k for _ in range(k)]
    for _ in range(f):
        a, b = map(int, input().split())
        step[a - 1][b - 1] = 0
    powers = [step]
    for _ in range(60):
        columns = list(zip(*powers[-1]))
        powers.append([[sum(x * y for x, y in zip(row, column)) % M for column in columns] for row in powers[-1]])
    for _ in range(q):
        n = int(input()) - 1
        ways = [1] * k
        for bit in range(n.bit_length()):
            if n >> bit & 1:
                ways = [sum(x * y for x, y in zip(row, ways)) % M for row in powers[bit]]
        print(sum(ways) % M)


main()
