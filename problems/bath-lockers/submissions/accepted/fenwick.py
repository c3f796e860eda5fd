import heapq


class Lockers:
    """Freed lockers in a heap; how many are taken in a tree of prefix sums."""

    def __init__(self, count):
        self.count = count
        self.next = 1
        self.free = []
        self.taken = bytearray(count + 1)
        self.sums = [0] * (count + 1)

    def add(self, locker, by):
        while locker <= self.count:
            self.sums[locker] += by
            locker += locker & -locker

    def first(self, high):
        total = 0
        while high > 0:
            total += self.sums[high]
            high -= high & -high
        return total

    def take(self):
        if self.free:
            locker = heapq.heappop(self.free)
        elif self.next <= self.count:
            locker = self.next
            self.next += 1
        else:
            return -1
        self.taken[locker] = 1
        self.add(locker, 1)
        return locker

    def giveBack(self, locker):
        if not self.taken[locker]:
            return False
        self.taken[locker] = 0
        self.add(locker, -1)
        heapq.heappush(self.free, locker)
        return True

    def busy(self, low, high):
        return self.first(high) - self.first(low - 1)
