// The remainder of a negative number is negative in C++; this takes its amount.
#include <cstdlib>
#include <iostream>
#include <vector>
int main() {
    int n, pad = 0, count = 0;
    std::cin >> n;
    std::vector<int> jumps(n);
    for (int &jump : jumps) std::cin >> jump;
    std::vector<bool> been(n);
    for (; !been[pad]; count++) {
        been[pad] = true;
        pad = std::abs((pad + jumps[pad]) % n);
    }
    std::cout << count << ' ' << pad << '\n';
}
