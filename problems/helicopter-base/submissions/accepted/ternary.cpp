// The largest distance is a convex function of the base: its minimum is found by thirds.
#include <algorithm>
#include <cstdio>
#include <vector>
#include <cmath>
int main() {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    std::vector<std::pair<long double, long double>> villages(n);
    for (auto &[x, y] : villages) {
        long long a, b;
        if (scanf("%lld %lld", &a, &b) != 2) return 1;
        x = a, y = b;
    }
    auto farthest = [&](long double at) {
        long double most = 0;
        for (auto [x, y] : villages) most = std::max(most, (x - at) * (x - at) + y * y);
        return most;
    };
    long double low = -1e6, high = 1e6;
    for (int step = 0; step < 150; step++) {
        long double a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (farthest(a) < farthest(b)) high = b;
        else low = a;
    }
    printf("%.9Lf\n", std::sqrt(farthest(low)));
}
