# The input and the answer as arguments, the output on standard input: 42 accepts, 43 rejects.
import sys

number = int(open(sys.argv[1]).read())
sys.exit(42 if sys.stdin.read().split() == [str(number + 1)] else 43)
