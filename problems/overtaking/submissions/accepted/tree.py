# A binary indexed tree over the numbers of those who have arrived. Of several who were overtaken equally often, the one
# with the lowest number arrives first.
def main():
    n = int(input())
    tree = [0] * (n + 1)
    total, most, who = 0, -1, 0
    for arrived, skier in enumerate(map(int, input().split())):
        lower, at = 0, skier
        while at:
            lower += tree[at]
            at &= at - 1
        by = arrived - lower
        total += by
        if by > most:
            most, who = by, skier
        at = skier
        while at <= n:
            tree[at] += 1
            at += at & -at
    print(total, who)


main()
