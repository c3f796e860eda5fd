# As many rooms at a time as have been checked: {(set, last room): earliest minute}.
def main():
    n = int(input())
    windows = [tuple(map(int, input().split())) for _ in range(n)]
    way = [list(map(int, input().split())) for _ in range(n + 1)]
    for via in range(n + 1):
        for row in way:
            for b in range(n + 1):
                row[b] = min(row[b], row[via] + way[via][b])
    rooms = [(room, 1 << room, *windows[room]) for room in range(n)]
    now = {(0, -1): 0}
    for _ in range(n):
        later = {}
        for (done, last), minute in now.items():
            ways = way[last + 1]
            for room, bit, start, end in rooms:
                if not done & bit:
                    there = minute + ways[room + 1]
                    if there <= end:
                        if there < start:
                            there = start
                        key = (done | bit, room)
                        if there < later.get(key, 1 << 30):
                            later[key] = there
        now = later
    print(min(now.values(), default="alarm"))


main()
