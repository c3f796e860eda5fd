// Does not see that a locker was free already: it is handed out twice.
#include <bits/stdc++.h>
using namespace std;

class Lockers {
    set<int> taken;
    multiset<int> free;
    int next = 1, count;

public:
    Lockers(int count) : count(count) {}

    int take() {
        if (free.empty() && next > count) return -1;
        int locker = free.empty() ? next++ : *free.begin();
        if (!free.empty()) free.erase(free.begin());
        taken.insert(locker);
        return locker;
    }

    bool giveBack(int locker) {
        free.insert(locker);
        return taken.erase(locker) > 0;
    }

    int busy(int low, int high) {
        return distance(taken.lower_bound(low), taken.upper_bound(high));
    }
};
