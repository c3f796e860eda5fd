// The number of people does not fit in 32 bits.
#include <cstdint>
#include <iostream>
int main() {
    int n, where = 0;
    std::cin >> n;
    uint32_t aboard = 0, most = 0;
    for (int i = 1; i <= n; i++) {
        uint32_t off, on;
        std::cin >> off >> on;
        aboard += on - off;
        if (i == 1 || aboard > most) most = aboard, where = i;
    }
    std::cout << most << ' ' << where << '\n';
}
