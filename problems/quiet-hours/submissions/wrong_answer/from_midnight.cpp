// Takes the time before the first noise for a quiet time.
#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>
int main() {
    int n, noisy = 0, quiet = 0, until = 0;
    std::cin >> n;
    std::vector<std::pair<int, int>> noises(n);
    for (auto &[s, e] : noises) std::cin >> s >> e;
    std::sort(noises.begin(), noises.end());
    for (auto [s, e] : noises) {
        quiet = std::max(quiet, s - until);
        noisy += std::max(0, e - std::max(s, until));
        until = std::max(until, e);
    }
    std::cout << noisy << ' ' << quiet << '\n';
}
