"""The kiln. Arguments: input, answer, feedback directory. Exit code 42 accepts, 43 rejects."""
import re
import sys

BOWLS = 20
HIGHEST = 1_000_000


def end(code, why):
    for reader in ("judge", "team"):
        with open(f"{sys.argv[3]}/{reader}message.txt", "w") as message:
            message.write(why + "\n")
    sys.exit(code)


def main():
    with open(sys.argv[1]) as file:
        secret = int(file.read())
    bowls = 0
    while True:
        line = sys.stdin.readline(100)
        if not line:
            end(43, f"the program ended without an answer, after {bowls} bowls")
        found = re.fullmatch(r"([?!]) +([0-9]{1,7})\s*", line)
        if not found or not 1 <= int(found[2]) <= HIGHEST:
            end(43, f"this is neither a question nor an answer: {line!r}")
        number = int(found[2])
        if found[1] == "!":
            if number != secret:
                end(43, f"it answers {number}, but cracks above {secret}")
            if sys.stdin.read(1000).strip():
                end(43, "the program went on after its answer")
            end(42, f"found with {bowls} bowls")
        bowls += 1
        if bowls > BOWLS:
            end(43, f"more than {BOWLS} bowls")
        try:
            print("holds" if number <= secret else "cracks", flush=True)
        except BrokenPipeError:
            end(43, "the program did not wait for the kiln")


main()
