# Arguments: input and answer; the output is on standard input. Exit codes: 42 accepts, 43 rejects.
import sys

number = int(open(sys.argv[1]).read())
sys.exit(42 if sys.stdin.read().split() == [str(number + 1)] else 43)
