"""Tests of All Colours."""
import random

ANSWERS = "submissions/accepted/last_seen.py"
INVALID = ["", "\n", "A\n", "a b\n", "ab", "ab\n\n", "ab\ncd\n", " a\n", "a" * 100_001 + "\n", "ab1\n"]


def cases():
    rng = random.Random(1020)

    def some(count, alphabet, weights=None):
        return "".join(rng.choices(alphabet, weights, k=count))

    letters = "abcdefghijklmnopqrstuvwxyz"
    yield "sample/1", "aabbcabb\n"
    yield "sample/2", "zzzz\n"
    yield "secret/01-one", "q\n"
    yield "secret/02-all-different", letters + "\n"
    yield "secret/03-ends", "a" + "b" * 30 + "c\n"
    yield "secret/04-tie", "abxxxxba" + "xxabxx\n"
    yield "secret/05-at-the-end", "aaabbbbaaabbbbcccaab" + "\n"
    yield "secret/06-at-the-beginning", "cabbbbbbbbaaaaaac\n"
    yield "secret/07-repeats-inside", "abcabdabcbbbdbca\n"
    for at, (count, alphabet) in enumerate([(8, "abc"), (15, "abcd"), (40, "abcde"), (300, letters), (3000, letters)], 8):
        yield f"secret/{at:02}-random", some(count, alphabet) + "\n"
    rare = some(20_000, letters, [1] + [60] * 24 + [2])
    yield "secret/13-rare", rare + "\n"
    yield "secret/14-far-apart", "a" + "b" * 99_997 + "cb\n"
    yield "secret/15-rare-ends", "x" + some(99_998, "abcdefghij") + "y\n"
    yield "secret/16-same", "e" * 100_000 + "\n"
    yield "secret/17-blocks", "".join(letter * 3_800 for letter in letters) + "\n"
