"""Tests of Twin Labels."""
import random

ANSWERS = "submissions/accepted/count.py"
INVALID = ["", "0\n", "1\nA\n", "1\nab c\n", "1\n\n", "2\na\n", "1\na", "1\na\nb\n", "1\n" + "a" * 21 + "\n", "1\n a\n"]


def text(labels):
    return f"{len(labels)}\n" + "".join(f"{label}\n" for label in labels)


def labels(rng, count, alphabet, shortest, longest):
    return ["".join(rng.choices(alphabet, k=rng.randint(shortest, longest))) for _ in range(count)]


def cases():
    rng = random.Random(1002)
    yield "sample/1", text(["plum", "fig", "lump", "plumm", "gif", "mulp"])
    yield "sample/2", text(["pear"] * 4)
    yield "secret/01-one", text(["a"])
    yield "secret/02-same-set", text(["aab", "abb", "ab", "aabb", "bbaa", "ba"])
    yield "secret/03-same-sum", text(["ad", "bc", "da", "cb", "e", "aaaaa"])
    yield "secret/04-reversed", text(["abc", "cba", "bca", "acb"])
    yield "secret/05-same-letters-often", text(["aabc", "abbc", "abcc", "cbaa", "ccab"])
    yield "secret/06-sum-and-length", text(["bbb", "abc", "cab", "aac", "abb", "bab", "ace", "bbe"])
    yield "secret/07-two-letters", text(labels(rng, 300, "ab", 1, 8))
    yield "secret/08-random", text(labels(rng, 1000, "abcd", 3, 6))
    yield "secret/09-random", text(labels(rng, 2000, "abcdefghijklmnopqrstuvwxyz", 2, 3))
    yield "secret/10-long", text(labels(rng, 1000, "xyz", 20, 20))
    yield "secret/11-all-equal", text(["z"] * 20_000)
    yield "secret/12-many", text(labels(rng, 20_000, "abcdefghijklmnopqrstuvwxyz", 4, 4))
    yield "secret/13-many", text(labels(rng, 20_000, "abcde", 6, 10))
