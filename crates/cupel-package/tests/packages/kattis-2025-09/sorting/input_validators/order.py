"""42 accepts. With the argument `sorted`, the words must be in order. The arguments of the submission come last."""
import sys

words = sys.stdin.read().split()
assert sys.argv[1:] in ([], ["sorted"], ["sorted", "many"])
sys.exit(43 if sys.argv[1:] and words != sorted(words) else 42)
