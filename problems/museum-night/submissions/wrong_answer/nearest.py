# Goes to the room that can be checked next, each time.
n = int(input())
windows = [tuple(map(int, input().split())) for _ in range(n)]
way = [list(map(int, input().split())) for _ in range(n + 1)]
for via in range(n + 1):
    for row in way:
        for b in range(n + 1):
            row[b] = min(row[b], row[via] + way[via][b])
minute, at, left = 0, 0, set(range(1, n + 1))
while left:
    minute, at = min((max(minute + way[at][room], windows[room - 1][0]), room) for room in left)
    left.remove(at)
    if minute > windows[at - 1][1]:
        print("alarm")
        break
else:
    print(minute)
