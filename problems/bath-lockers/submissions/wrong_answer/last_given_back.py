# Hands out the locker that was given back last, not the smallest.
class Lockers:
    def __init__(self, count):
        self.count, self.next, self.free, self.taken = count, 1, [], set()

    def take(self):
        if self.free:
            locker = self.free.pop()
        elif self.next <= self.count:
            locker, self.next = self.next, self.next + 1
        else:
            return -1
        self.taken.add(locker)
        return locker

    def giveBack(self, locker):
        if locker not in self.taken:
            return False
        self.taken.remove(locker)
        self.free.append(locker)
        return True

    def busy(self, low, high):
        return sum(low <= locker <= high for locker in self.taken)
