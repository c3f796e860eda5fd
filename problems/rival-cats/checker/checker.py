"""Are all cats content? Arguments: input, answer, feedback directory. Exit code 42 accepts, 43 rejects."""
import sys


def reject(why):
    with open(f"{sys.argv[3]}/judgemessage.txt", "w") as message:
        message.write(why + "\n")
    sys.exit(43)


def main():
    with open(sys.argv[1]) as file:
        cats, pairs, *ends = map(int, file.read().split())
    words = sys.stdin.buffer.read(100_000).split()
    if len(words) != 1:
        reject(f"one word is expected, and there are {len(words)}")
    rooms = words[0].decode("ascii", "replace")
    if len(rooms) != cats:
        reject(f"{len(rooms)} letters for {cats} cats")
    if set(rooms) - set("AB"):
        reject("a letter is neither A nor B")
    balance = [0] * cats
    for a, b in zip(ends[::2], ends[1::2]):
        step = 1 if rooms[a - 1] == rooms[b - 1] else -1
        balance[a - 1] += step
        balance[b - 1] += step
    for cat, more in enumerate(balance, 1):
        if more > 0:
            reject(f"cat {cat} has {more} more rivals in its own room than in the other")
    sys.exit(42)


main()
