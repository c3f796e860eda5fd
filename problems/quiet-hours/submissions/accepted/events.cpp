// Counts how many noises there are at a time: +1 at each beginning, -1 at each end.
#include <algorithm>
#include <iostream>
#include <map>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::map<int, int> changes;
    for (int s, e; n-- && std::cin >> s >> e;) changes[s]++, changes[e]--;
    int now = 0, before = 0, noisy = 0, quiet = 0;
    bool first = true;
    for (auto [second, change] : changes) {
        if (now) noisy += second - before;
        else if (!first) quiet = std::max(quiet, second - before);
        first = false;
        now += change;
        before = second;
    }
    std::cout << noisy << ' ' << quiet << '\n';
}
