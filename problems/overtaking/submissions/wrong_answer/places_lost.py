# Takes the places a skier has lost for those who overtook it. Who overtakes others loses fewer.
n = int(input())
order = list(map(int, input().split()))
lost = {skier: place - skier for place, skier in enumerate(order, 1)}
print(sum(places for places in lost.values() if places > 0), min(lost, key=lambda skier: (-lost[skier], skier)))
