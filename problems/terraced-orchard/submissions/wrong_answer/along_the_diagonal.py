# Walks down the diagonal until it is too high, and looks at the last row and column of the square only.
n, h = map(int, input().split())
asked = 0


def ask(row, column):
    global asked
    asked += 1
    if asked > 2 * n:
        print("! none", flush=True)
        raise SystemExit
    print("?", row, column, flush=True)
    here = int(input())
    if here == h:
        print("!", row, column, flush=True)
        raise SystemExit
    return here


k = 1
while k < n and ask(k, k) < h:
    k += 1
for i in range(1, k):
    ask(i, k)
    ask(k, i)
print("! none", flush=True)
