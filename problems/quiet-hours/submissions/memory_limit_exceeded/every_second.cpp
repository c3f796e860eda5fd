// Keeps a byte for each second.
#include <algorithm>
#include <iostream>
#include <string>
int main() {
    int n;
    std::cin >> n;
    std::string noise(1'000'000'001, '.');
    size_t first = noise.size(), last = 0;
    for (size_t s, e; n-- && std::cin >> s >> e;) {
        std::fill(noise.begin() + s, noise.begin() + e, '#');
        first = std::min(first, s);
        last = std::max(last, e);
    }
    int noisy = 0, quiet = 0, run = 0;
    for (size_t second = first; second < last; second++) {
        if (noise[second] == '#') noisy++, run = 0;
        else quiet = std::max(quiet, ++run);
    }
    std::cout << noisy << ' ' << quiet << '\n';
}
