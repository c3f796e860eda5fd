# Moves a cat that is not content. Each move separates at least one more pair of rivals, so there are at most m moves.
def main():
    n, m = map(int, input().split())
    rivals = [[] for _ in range(n)]
    for _ in range(m):
        a, b = map(int, input().split())
        rivals[a - 1].append(b - 1)
        rivals[b - 1].append(a - 1)
    room = [0] * n
    waiting = list(range(n))
    while waiting:
        cat = waiting.pop()
        same = sum(room[other] == room[cat] for other in rivals[cat])
        if same * 2 > len(rivals[cat]):
            room[cat] ^= 1
            waiting.extend(other for other in rivals[cat] if room[other] == room[cat])
    print("".join("AB"[r] for r in room))


main()
