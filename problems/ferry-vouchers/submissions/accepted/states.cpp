// One search over the states (harbour, vouchers used).
#include <iostream>
#include <queue>
#include <tuple>
#include <vector>
int main() {
    int n, m, k;
    std::cin >> n >> m >> k;
    std::vector<std::vector<std::pair<int, long long>>> ways(n);
    for (int a, b, p; m-- && std::cin >> a >> b >> p;) {
        ways[a - 1].push_back({b - 1, p});
        ways[b - 1].push_back({a - 1, p});
    }
    const long long never = 1LL << 60;
    std::vector<std::vector<long long>> cost(n, std::vector<long long>(k + 1, never));
    std::priority_queue<std::tuple<long long, int, int>> queue;
    cost[0][0] = 0;
    queue.push({0, 0, 0});
    while (!queue.empty()) {
        auto [negative, at, used] = queue.top();
        queue.pop();
        long long paid = -negative;
        if (paid > cost[at][used]) continue;
        if (at == n - 1) {
            std::cout << paid << '\n';
            return 0;
        }
        for (auto [to, price] : ways[at]) {
            if (paid + price < cost[to][used]) queue.push({-(cost[to][used] = paid + price), to, used});
            if (used < k && paid < cost[to][used + 1]) queue.push({-(cost[to][used + 1] = paid), to, used + 1});
        }
    }
    std::cout << "-1\n";
}
