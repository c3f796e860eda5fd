"""Tests of Bath Lockers."""
import heapq
import json
import random

INVALID = [
    "",
    '["Lockers"]\n',
    '["take"]\n[[]]\n',
    '["Lockers"]\n[[0]]\n',
    '["Lockers"]\n[[1000001]]\n',
    '["Lockers","take"]\n[[1]]\n',
    '["Lockers","giveBack"]\n[[1],[2]]\n',
    '["Lockers","busy"]\n[[3],[2,1]]\n',
    '["Lockers","open"]\n[[3],[]]\n',
    '["Lockers","take"]\n[[1],[1]]\n',
    '["Lockers"]\n[[1]]',
    '["Lockers","Lockers"]\n[[1],[1]]\n',
]


class Row:
    """The answers; also says which lockers are taken, for generators that aim."""

    def __init__(self, count):
        self.free, self.next, self.count = [], 1, count
        self.taken = set()
        self.calls, self.results = [("Lockers", [count])], [None]

    def note(self, name, arguments, result):
        self.calls.append((name, arguments))
        self.results.append(result)
        return result

    def take(self):
        if self.free:
            locker = heapq.heappop(self.free)
        elif self.next <= self.count:
            locker = self.next
            self.next += 1
        else:
            return self.note("take", [], -1)
        self.taken.add(locker)
        return self.note("take", [], locker)

    def give_back(self, locker):
        was_taken = locker in self.taken
        if was_taken:
            self.taken.remove(locker)
            heapq.heappush(self.free, locker)
        return self.note("giveBack", [locker], was_taken)

    def busy(self, low, high):
        return self.note("busy", [low, high], sum(low <= locker <= high for locker in self.taken))

    def case(self, name):
        def line(values):
            return json.dumps(values, separators=(",", ":")) + "\n"

        names = line([name for name, _ in self.calls])
        return name, names + line([arguments for _, arguments in self.calls]), line(self.results)


def mixed(rng, count, calls, taking):
    """`taking`: the share of calls that take."""
    row = Row(count)
    for _ in range(calls):
        kind = rng.random()
        if kind < taking:
            row.take()
        elif kind < taking + 0.2:
            most = min(count, row.next + 2)
            row.give_back(rng.randint(1, most))
        else:
            low, high = sorted(rng.randint(1, min(count, row.next + 5)) for _ in range(2))
            row.busy(low, high)
    return row


def cases():
    rng = random.Random(2202)
    row = Row(4)
    row.take(), row.take(), row.take(), row.give_back(2), row.busy(2, 3), row.take()
    yield row.case("sample/1")
    row = Row(1)
    row.take(), row.take(), row.give_back(1), row.give_back(1), row.take()
    yield row.case("sample/2")
    yield Row(1).case("secret/01-nothing-happens")
    row = Row(3)
    row.give_back(2), row.take(), row.take(), row.take(), row.take()
    yield row.case("secret/02-given-back-before-it-was-taken")
    row = Row(5)
    for _ in range(5):
        row.take()
    row.give_back(4), row.give_back(2), row.give_back(5), row.take(), row.take(), row.take(), row.take()
    yield row.case("secret/03-smallest-first")
    row = Row(1_000_000)
    row.take(), row.busy(1, 1_000_000), row.busy(2, 1_000_000), row.busy(1_000_000, 1_000_000), row.give_back(1_000_000)
    yield row.case("secret/04-long-row")
    row = Row(6)
    for _ in range(6):
        row.take()
    row.give_back(1), row.give_back(1), row.take(), row.take(), row.busy(1, 6)
    yield row.case("secret/05-given-back-twice")
    row = Row(8)
    for _ in range(8):
        row.take()
    for low in range(1, 9):
        row.busy(low, 8), row.busy(1, low), row.busy(low, low)
    yield row.case("secret/06-edges")
    yield mixed(rng, 10, 200, 0.4).case("secret/07-small")
    yield mixed(rng, 100, 1000, 0.5).case("secret/08-random")
    yield mixed(rng, 1000, 3000, 0.6).case("secret/09-random")
    row = Row(1_000_000)
    for _ in range(5000):
        row.take()
    for _ in range(5000):
        row.give_back(rng.randint(1, 5000)), row.take()
    yield row.case("secret/10-back-and-forth")
    row = Row(1_000_000)
    for _ in range(300):
        row.take()
    for _ in range(15_000):
        row.busy(rng.randint(1, 300), 1_000_000 - rng.randint(0, 99))
    yield row.case("secret/11-long-stretches")
