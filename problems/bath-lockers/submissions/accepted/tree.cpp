#include <bits/stdc++.h>
using namespace std;

// A tree over the row that counts the taken lockers; the smallest free one is found by going down.
class Lockers {
    int size = 1, count;
    vector<int> taken;

    void set(int locker, int value) {
        for (int at = size + locker - 1; at > 0; at /= 2) taken[at] += value;
    }

    int first(int high) const {
        int total = 0;
        for (int at = size + high; at > 1; at /= 2)
            if (at % 2 == 1) total += taken[at - 1];
        return total;
    }

public:
    Lockers(int count) : count(count) {
        while (size <= count) size *= 2;
        taken.assign(2 * size, 0);
    }

    int take() {
        if (taken[1] == count) return -1;
        int at = 1;
        for (int places = size / 2; at < size; places /= 2) at = 2 * at + (taken[2 * at] == places);
        set(at - size + 1, 1);
        return at - size + 1;
    }

    bool giveBack(int locker) {
        if (!taken[size + locker - 1]) return false;
        set(locker, -1);
        return true;
    }

    int busy(int low, int high) {
        return first(high) - first(low - 1);
    }
};
