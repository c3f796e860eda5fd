// Follows every way that visits no harbour twice.
#include <iostream>
#include <vector>
int n, m, k;
std::vector<std::vector<std::pair<int, int>>> ways;
std::vector<bool> seen;
long long best = -1;
void go(int at, int left, long long paid) {
    if (at == n - 1) {
        if (best < 0 || paid < best) best = paid;
        return;
    }
    seen[at] = true;
    for (auto [to, price] : ways[at])
        if (!seen[to]) {
            go(to, left, paid + price);
            if (left) go(to, left - 1, paid);
        }
    seen[at] = false;
}
int main() {
    std::cin >> n >> m >> k;
    ways.resize(n);
    seen.resize(n);
    for (int i = 0, a, b, p; i < m && std::cin >> a >> b >> p; i++) {
        ways[a - 1].push_back({b - 1, p});
        ways[b - 1].push_back({a - 1, p});
    }
    go(0, k, 0);
    std::cout << best << '\n';
}
