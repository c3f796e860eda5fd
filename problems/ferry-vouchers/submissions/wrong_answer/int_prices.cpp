// Prices of whole journeys do not fit in 32 bits.
#include <iostream>
#include <queue>
#include <tuple>
#include <vector>
int main() {
    int n, m, k;
    std::cin >> n >> m >> k;
    std::vector<std::vector<std::pair<int, int>>> ways(n);
    for (int a, b, p; m-- && std::cin >> a >> b >> p;) {
        ways[a - 1].push_back({b - 1, p});
        ways[b - 1].push_back({a - 1, p});
    }
    const int never = 2'000'000'000;
    std::vector<std::vector<int>> cost(n, std::vector<int>(k + 1, never));
    std::priority_queue<std::tuple<int, int, int>> queue;
    cost[0][0] = 0;
    queue.push({0, 0, 0});
    while (!queue.empty()) {
        auto [negative, at, used] = queue.top();
        queue.pop();
        int paid = -negative;
        if (paid > cost[at][used]) continue;
        for (auto [to, price] : ways[at]) {
            if ((long long)paid + price < cost[to][used]) queue.push({-(cost[to][used] = paid + price), to, used});
            if (used < k && paid < cost[to][used + 1]) queue.push({-(cost[to][used + 1] = paid), to, used + 1});
        }
    }
    int best = never;
    for (int paid : cost[n - 1]) best = std::min(best, paid);
    std::cout << (best < never ? best : -1) << '\n';
}
