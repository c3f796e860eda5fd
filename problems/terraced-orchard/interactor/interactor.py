"""The orchard. Arguments: input, answer, feedback directory. Exit code 42 accepts, 43 rejects."""
import re
import sys


def end(code, why):
    for reader in ("judge", "team"):
        with open(f"{sys.argv[3]}/{reader}message.txt", "w") as message:
            message.write(why + "\n")
    sys.exit(code)


def say(*words):
    try:
        print(*words, flush=True)
    except BrokenPipeError:
        end(43, "the program did not wait for the altimeter")


def main():
    with open(sys.argv[1]) as file:
        size, height, *ground = map(int, file.read().split())
    say(size, height)
    walks = 0
    while True:
        line = sys.stdin.readline(100)
        if not line:
            end(43, f"the program ended without an answer, after {walks} measurements")
        if re.fullmatch(r"! +none\s*", line):
            if height in ground:
                end(43, "it found none, but there is one")
            break
        found = re.fullmatch(r"([?!]) +([0-9]{1,2}) +([0-9]{1,2})\s*", line)
        if not found or not 1 <= int(found[2]) <= size or not 1 <= int(found[3]) <= size:
            end(43, f"this is neither a measurement nor an answer: {line!r}")
        here = ground[(int(found[2]) - 1) * size + int(found[3]) - 1]
        if found[1] == "!":
            if here != height:
                end(43, f"the tree it names stands at {here}, not at {height}")
            break
        walks += 1
        if walks > 2 * size:
            end(43, f"more than {2 * size} measurements")
        say(here)
    if sys.stdin.read(1000).strip():
        end(43, "the program went on after its answer")
    end(42, f"right after {walks} of {2 * size} measurements")


main()
