# Does not count the last locker of a stretch.
import bisect
import heapq


class Lockers:
    def __init__(self, count):
        self.count, self.next, self.free, self.taken = count, 1, [], []

    def take(self):
        if self.free:
            locker = heapq.heappop(self.free)
        elif self.next <= self.count:
            locker, self.next = self.next, self.next + 1
        else:
            return -1
        bisect.insort(self.taken, locker)
        return locker

    def giveBack(self, locker):
        at = bisect.bisect_left(self.taken, locker)
        if self.taken[at:at + 1] != [locker]:
            return False
        del self.taken[at]
        heapq.heappush(self.free, locker)
        return True

    def busy(self, low, high):
        return bisect.bisect_left(self.taken, high) - bisect.bisect_left(self.taken, low)
