#include <iostream>
#include <vector>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, pad = 0, count = 0;
    std::cin >> n;
    std::vector<int> jumps(n);
    for (int &jump : jumps) std::cin >> jump;
    std::vector<bool> been(n);
    for (; !been[pad]; count++) {
        been[pad] = true;
        pad = ((pad + jumps[pad]) % n + n) % n;
    }
    std::cout << count << ' ' << pad << '\n';
}
