// Counts the colours from every bead on.
#include <algorithm>
#include <iostream>
#include <string>
int main() {
    std::string cord;
    std::cin >> cord;
    int colours = 0, seen[26] = {};
    for (char c : cord) colours += !seen[c - 'a']++;
    size_t best = cord.size() + 1, where = 0;
    for (size_t begin = 0; begin < cord.size(); begin++) {
        std::fill(seen, seen + 26, 0);
        int now = 0;
        for (size_t end = begin; end < cord.size(); end++) {
            now += !seen[cord[end] - 'a']++;
            if (now == colours) {
                if (end - begin + 1 < best) best = end - begin + 1, where = begin + 1;
                break;
            }
        }
    }
    std::cout << best << ' ' << where << '\n';
}
