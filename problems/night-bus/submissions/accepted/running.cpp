#include <iostream>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, where = 0;
    std::cin >> n;
    long long aboard = 0, most = -1;
    for (int i = 1; i <= n; i++) {
        long long off, on;
        std::cin >> off >> on;
        aboard += on - off;
        if (aboard > most) most = aboard, where = i;
    }
    std::cout << most << ' ' << where << '\n';
}
