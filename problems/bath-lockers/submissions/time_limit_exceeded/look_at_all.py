# Looks at every locker of the stretch.
class Lockers:
    def __init__(self, count):
        self.taken = [False] * (count + 1)

    def take(self):
        for locker in range(1, len(self.taken)):
            if not self.taken[locker]:
                self.taken[locker] = True
                return locker
        return -1

    def giveBack(self, locker):
        was_taken, self.taken[locker] = self.taken[locker], False
        return was_taken

    def busy(self, low, high):
        return sum(self.taken[low:high + 1])
