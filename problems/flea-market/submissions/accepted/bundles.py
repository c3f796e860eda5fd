# Ties the things of a kind into bundles of 1, 2, 4, ... and a rest: every number of them can be made of bundles.
def main():
    n, load = map(int, input().split())
    best = [0] * (load + 1)
    for _ in range(n):
        weight, price, count = map(int, input().split())
        count = min(count, load // weight)
        size = 1
        while count:
            size = min(size, count)
            count -= size
            w, p = size * weight, size * price
            best[w:] = [a if a > b + p else b + p for a, b in zip(best[w:], best)]
            size *= 2
    print(best[load])


main()
