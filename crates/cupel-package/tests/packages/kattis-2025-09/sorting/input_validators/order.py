"""42 accepts; called with `sorted`, only words in order. What the submission is called with comes last."""
import sys

words = sys.stdin.read().split()
assert sys.argv[1:] in ([], ["sorted"], ["sorted", "many"])
sys.exit(43 if sys.argv[1:] and words != sorted(words) else 42)
