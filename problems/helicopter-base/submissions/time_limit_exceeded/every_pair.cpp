// Tries the place that is as far from one village as from another for every pair, and right below each village.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>
int main() {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    std::vector<double> x(n), y(n);
    for (int i = 0; i < n; i++)
        if (scanf("%lf %lf", &x[i], &y[i]) != 2) return 1;
    double best = 1e18;
    auto attempt = [&](double at) {
        double most = 0;
        for (int i = 0; i < n; i++) most = std::max(most, (x[i] - at) * (x[i] - at) + y[i] * y[i]);
        best = std::min(best, most);
    };
    for (int i = 0; i < n; i++) {
        attempt(x[i]);
        for (int j = 0; j < i; j++)
            if (x[i] != x[j]) attempt((x[i] * x[i] + y[i] * y[i] - x[j] * x[j] - y[j] * y[j]) / (2 * (x[i] - x[j])));
    }
    printf("%.9f\n", std::sqrt(best));
}
