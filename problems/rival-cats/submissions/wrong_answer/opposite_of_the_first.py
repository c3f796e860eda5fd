# Colours along a search tree, as if there were no odd rings.
n, m = map(int, input().split())
rivals = [[] for _ in range(n)]
for _ in range(m):
    a, b = map(int, input().split())
    rivals[a - 1].append(b - 1)
    rivals[b - 1].append(a - 1)
room = [None] * n
for start in range(n):
    if room[start] is None:
        room[start] = "A"
        stack = [start]
        while stack:
            cat = stack.pop()
            for other in rivals[cat]:
                if room[other] is None:
                    room[other] = "B" if room[cat] == "A" else "A"
                    stack.append(other)
print("".join(room))
