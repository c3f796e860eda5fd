// Looks at every locker of the stretch.
#include <bits/stdc++.h>
using namespace std;

class Lockers {
    vector<int> taken;

public:
    Lockers(int count) : taken(count + 1) {}

    int take() {
        auto found = find(taken.begin() + 1, taken.end(), 0);
        if (found == taken.end()) return -1;
        *found = 1;
        return found - taken.begin();
    }

    bool giveBack(int locker) {
        return exchange(taken[locker], 0);
    }

    int busy(int low, int high) {
        return accumulate(taken.begin() + low, taken.begin() + high + 1, 0);
    }
};
