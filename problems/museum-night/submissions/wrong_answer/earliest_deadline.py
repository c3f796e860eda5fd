# Checks the rooms in the order of their last minutes.
n = int(input())
windows = [tuple(map(int, input().split())) for _ in range(n)]
way = [list(map(int, input().split())) for _ in range(n + 1)]
for via in range(n + 1):
    for row in way:
        for b in range(n + 1):
            row[b] = min(row[b], row[via] + way[via][b])
minute, at = 0, 0
for end, start, room in sorted((e, s, room) for room, (s, e) in enumerate(windows, 1)):
    minute = max(start, minute + way[at][room])
    at = room
    if minute > end:
        print("alarm")
        break
else:
    print(minute)
