# From the top right corner: a tree that is too high rules out its column, one that is too low its row.
n, h = map(int, input().split())
row, column = 1, n
while row <= n and column >= 1:
    print("?", row, column, flush=True)
    here = int(input())
    if here == h:
        print("!", row, column, flush=True)
        break
    if here > h:
        column -= 1
    else:
        row += 1
else:
    print("! none", flush=True)
