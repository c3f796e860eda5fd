// Right, but prints two digits after the point.
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
    auto farthest = [&](double at) {
        double most = 0;
        for (int i = 0; i < n; i++) most = std::max(most, std::hypot(x[i] - at, y[i]));
        return most;
    };
    double low = -1e6, high = 1e6;
    for (int step = 0; step < 100; step++) {
        double a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (farthest(a) < farthest(b)) high = b;
        else low = a;
    }
    printf("%.2f\n", farthest(low));
}
