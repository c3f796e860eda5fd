// The number of times does not fit in 32 bits.
#include <iostream>
#include <vector>
int main() {
    int n, most = -1, who = 0;
    unsigned total = 0;
    std::cin >> n;
    std::vector<int> tree(n + 1);
    for (int arrived = 0, skier; arrived < n && std::cin >> skier; arrived++) {
        int by = arrived;
        for (int at = skier; at; at &= at - 1) by -= tree[at];
        total += by;
        if (by > most) most = by, who = skier;
        for (int at = skier; at <= n; at += at & -at) tree[at]++;
    }
    std::cout << total << ' ' << who << '\n';
}
